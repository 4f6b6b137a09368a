import { expect, test } from "bun:test";
import { isBelow, planMount, planUmount, restrictFlags } from "../../lib/hooks/mount_flags.ts";

const REQUEST = { type: "none", source: "/a", target: "/b", data: null };

test("a mount of a file system is one call with its flags", () => {
  const plan = planMount({
    ...REQUEST,
    type: "tmpfs",
    flags: ["nosuid", "nodev", "defaults"],
    data: "size=1m",
  });
  expect(plan.call).toEqual({ type: "tmpfs", source: "/a", target: "/b", flags: 2 | 4, data: "size=1m" });
  expect([plan.restrict, plan.propagation]).toEqual([0, 0]);
});

test("a bind is bound first, then restricted, then given its propagation", () => {
  const plan = planMount({ ...REQUEST, flags: ["bind", "rec", "ro", "nosuid", "private"] });
  expect(plan.call.flags).toBe(4096 | 16384);
  expect(plan).toMatchObject({ restrict: 1 | 2, recursive: true, propagation: (1 << 18) | 16384 });
});

test("a change of propagation alone and a remount are one call", () => {
  expect(planMount({ ...REQUEST, flags: ["rec", "private"] }).call.flags).toBe((1 << 18) | 16384);
  const remount = planMount({ ...REQUEST, flags: ["remount", "bind", "ro"] });
  expect([remount.call.flags, remount.restrict]).toEqual([32 | 4096 | 1, 0]);
});

test("flags of the other call and unknown flags are named", () => {
  expect(() => planMount({ ...REQUEST, flags: ["detach"] })).toThrow('flag "detach" is one of umount');
  expect(() => planMount({ ...REQUEST, flags: ["toString"] })).toThrow('flag "toString" is not known');
  expect(() => planUmount(["ro"])).toThrow('flag "ro" is one of mount');
  expect(planUmount(["rec", "detach", "force"])).toEqual({ flags: 3, recursive: true });
});

test("a restriction keeps what the mount has", () => {
  expect(restrictFlags({ target: "/b", options: ["nosuid", "relatime"], type: "ext4" }, 1)).toBe(
    4096 | 32 | 2 | 1,
  );
});

test("below means below and not beside", () => {
  expect([isBelow("/a/b", "/a"), isBelow("/ab", "/a"), isBelow("/a", "/a"), isBelow("/a", "/")]).toEqual([
    true,
    false,
    false,
    true,
  ]);
});
