/** legion-etcd: its defaults, its keys, and what is wrong with a line. */
import { describe, expect, test } from "bun:test";
import { build } from "../fake_system.ts";
import { legionOf, SECRET, system } from "./scene.ts";

describe("legion-etcd", () => {
  test("has its defaults", () => {
    expect(legionOf("legion-etcd = a http://10.0.0.1:2379 5").transport).toEqual({
      kind: "etcd",
      urls: ["http://10.0.0.1:2379"],
      ttl: 10,
      prefix: "/reeve",
      user: null,
      tls: { ca: null, cert: null, key: null },
    });
  });

  test("takes several URLs and every key", () => {
    const legion = legionOf(
      "legion-etcd = a https://n1:2379/,https://[::1]:2379/sub/ 5 ttl=5 prefix=/x/ user=root:pw ca=/ca cert=/c key=k",
    );
    expect(legion).toMatchObject({ name: "a", valor: 5, quorum: 0 });
    expect(legion.transport).toEqual({
      kind: "etcd",
      urls: ["https://n1:2379", "https://[::1]:2379/sub"],
      ttl: 5,
      prefix: "/x",
      user: { name: "root", passwordFile: "/home/me/pw" },
      tls: { ca: "/ca", cert: "/c", key: "/home/me/k" },
    });
  });

  test.each([
    ["a", 'it takes "NAME URL[,URL...] VALOR [KEY=VALUE ...]"'],
    ["a http://h:1", 'it takes "NAME URL[,URL...] VALOR [KEY=VALUE ...]"'],
    ["a h:1 1", '"h:" is not spoken'],
    ["a ftp://h:1 1", '"ftp:" is not spoken'],
    ["a http:// 1", "a URL is written as in"],
    [`a http://root:${SECRET}@h:1 1`, "a URL holds no user and no password here"],
    ["a http://h:1?x 1", "has a query or a fragment"],
    ["a http://h:1 x", "the valor must be a number"],
    ["a http://h:1 1 ttl=1", "ttl must be whole seconds from 2 to 3600"],
    ["a http://h:1 1 ttl=2.5", "ttl must be whole seconds"],
    ["a http://h:1 1 prefix=x", 'prefix must begin with "/"'],
    ["a http://h:1 1 prefix=/", 'prefix must begin with "/"'],
    ["a http://h:1 1 user=root", "user must be NAME:PASSWORD-FILE"],
    ["a https://h:1 1 cert=/c", "cert and key belong together"],
    ["a http://h:1 1 ca=/c", 'need a URL that begins with "https://"'],
    [`a http://h:1 1 passwd=${SECRET}`, 'unknown key "passwd"'],
    [`a http://h:1 1 ${SECRET}`, "a word behind the valor has no key"],
    ["a http://h:1 1 tll=3", 'did you mean "ttl"?'],
    ["a http://h:1 1 ttl=", 'the key "ttl" has no value'],
    ["a http://h:1 1 ttl=3 ttl=4", 'the key "ttl" is given more than once'],
  ])("%j is an error, and shows no secret", (value, expected) => {
    const { diagnostics, texts } = build(`legion-etcd = ${value}`, system);
    expect(texts.join("\n")).toContain(expected);
    expect(texts.join("\n")).not.toContain(SECRET);
    expect(diagnostics.hasErrors).toBe(true);
  });

  test.each([
    "legion-node = a 10.0.0.1:1",
    "legion-quorum = a 2",
    "legion-auth = a x",
    "legion-mcast-if = a eth0",
  ])(
    "%s is an error beside it",
    (line) => {
      const { texts } = build(`legion-etcd = a http://h:1 1\n${line}`, system);
      expect(texts[0]).toContain('with legion "a": etcd decides who is its lord, so leave it out');
    },
  );
});
