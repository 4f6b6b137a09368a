/** Who may what on the control socket, by the credentials alone. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type AccessRules, levelOf } from "../../lib/control/access.ts";
import type { ControlEntry } from "../../lib/config/plan/control_plan.ts";

const OVERFLOW = 65534;
const origin = { file: "a.ini", line: 1 };

function rules(
  entries: readonly (readonly [ControlEntry["kind"], number, ControlEntry["level"]])[],
  uid = 0,
) {
  return {
    entries: entries.map(([kind, id, level]) => ({ kind, id, level, origin })),
    uid,
    overflowUid: OVERFLOW,
    overflowGid: OVERFLOW,
  } satisfies AccessRules;
}

const peer = (uid: number, gid = uid, groups: readonly number[] = []) => ({ pid: 1, uid, gid, groups });

describe("the level of a peer", () => {
  test("root's and reeve's own user's is admin, whatever is allowed", () => {
    expect(levelOf(peer(0), rules([["user", 0, "read"]], 1000))).toBe("admin");
    expect(levelOf(peer(1000), rules([], 1000))).toBe("admin");
    expect(levelOf(peer(1000), rules([]))).toBe("none");
  });
  test("is the highest of the entries of its user, its group and its supplementary groups", () => {
    const allowed = rules([["user", 7, "read"], ["group", 8, "operate"], ["group", 9, "admin"]]);
    expect(levelOf(peer(7), allowed)).toBe("read");
    expect(levelOf(peer(7, 8), allowed)).toBe("operate");
    expect(levelOf(peer(7, 8, [4, 9]), allowed)).toBe("admin");
    expect(levelOf(peer(6, 8), allowed)).toBe("operate");
    expect(levelOf(peer(8, 7), allowed)).toBe("none");
  });
  test("of a user or group that has no number here is none, whatever is allowed", () => {
    const allowed = rules([["user", OVERFLOW, "admin"], ["group", OVERFLOW, "admin"], ["group", 9, "read"]]);
    expect(levelOf(peer(OVERFLOW, 9, [9]), allowed)).toBe("none");
    expect(levelOf(peer(5, OVERFLOW, [OVERFLOW]), allowed)).toBe("none");
    expect(levelOf(peer(5, OVERFLOW, [9]), allowed)).toBe("read");
  });
  test("of reeve that runs as the overflow user is admin as long as its file lets nobody else in", () => {
    expect(levelOf(peer(OVERFLOW), rules([], OVERFLOW))).toBe("admin");
    expect(levelOf(peer(OVERFLOW), rules([["user", 7, "read"]], OVERFLOW))).toBe("none");
  });
  test("is none for whoever no entry names", () => {
    const id = fc.integer({ min: 1, max: 20 });
    const entry = fc.tuple(
      fc.constantFrom("user" as const, "group" as const),
      id,
      fc.constantFrom("read" as const, "operate" as const, "admin" as const),
    );
    fc.assert(fc.property(fc.array(entry), id, id, fc.array(id), (entries, uid, gid, groups) => {
      const isNamed = entries.some(([kind, one]) =>
        kind === "user" ? one === uid : [gid, ...groups].includes(one)
      );
      expect(levelOf(peer(uid, gid, groups), rules(entries)) !== "none").toBe(isNamed);
    }));
  });
});
