import { describe, expect, test } from "bun:test";
import { parseId, UserDatabase } from "../../lib/config/users.ts";
import { GROUP, PASSWD } from "./build/fake_system.ts";

const users = new UserDatabase({ passwd: PASSWD, group: GROUP });

describe("users and groups", () => {
  test("a user is found by name and by number", () => {
    expect(users.userByName("www-data")?.uid).toBe(33);
    expect(users.userById(1000)?.name).toBe("roberto");
    expect(users.userByName("nobody-here")).toBeNull();
  });

  test("supplementary groups are the primary one and those that list the user", () => {
    expect(users.groupsOf("roberto", 1000)).toEqual([1000, 4, 101]);
    expect(users.groupsOf("daemon", 1)).toEqual([1]);
  });

  test("malformed lines, comments and entries of NIS are passed over", () => {
    const odd = new UserDatabase({
      passwd: "# x:x:1:1::/:\n+::0:0:::\nbad:x:abc:1::/:\n\nok:x:5:6::/:/bin/sh\n",
      group: "g:x:-1:\n",
    });
    expect(odd.users.map((user) => user.name)).toEqual(["ok"]);
    expect(odd.groups).toEqual([]);
  });

  test("an id is digits alone and never the kernel's -1", () => {
    expect(parseId("0")).toBe(0);
    expect(parseId("4294967294")).toBe(4294967294);
    for (const text of ["4294967295", "-1", "+1", "", " 1", "1x", "0x10", "99999999999"]) {
      expect(parseId(text)).toBeNull();
    }
  });
});
