import { expect, test } from "bun:test";
import { isOnSharedStorage, isSharedType } from "../../lib/pidfile/shared_storage.ts";

test("what several machines may have mounted is shared, signed or not", () => {
  expect([0x6969, 0xff534d42, 0xff534d42 | 0, 0x65735546].map(isSharedType)).toEqual([
    true,
    true,
    true,
    true,
  ]);
});

test("what only this machine has is not", () => {
  // ext4, XFS, btrfs, tmpfs, overlay
  expect([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630].some(isSharedType)).toBe(false);
  expect(isOnSharedStorage("/proc/self/status")).toBe(false);
  expect(isOnSharedStorage("/nonexistent/x")).toBe(false);
});
