import { expect, test } from "bun:test";
import { fingerprint } from "../../lib/jail/identity.ts";
import { CHROOT_PLAN, JAIL_PLAN, keep } from "./plans.ts";

test("another line of the file is the same jail, another mount or root is another", () => {
  const moved = { ...JAIL_PLAN, option: "ns", origin: { file: "y.ini", line: 9 } };
  expect(fingerprint(moved)).toBe(fingerprint(JAIL_PLAN));
  expect(fingerprint({ ...JAIL_PLAN, keep: [keep("/data")] })).not.toBe(fingerprint(JAIL_PLAN));
  expect(fingerprint(CHROOT_PLAN)).not.toBe(fingerprint(JAIL_PLAN));
});
