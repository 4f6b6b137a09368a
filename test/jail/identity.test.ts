import { expect, test } from "bun:test";
import { fingerprint, formatRecord, type JailRecord, parseRecord } from "../../lib/jail/identity.ts";
import { CHROOT_PLAN, JAIL_PLAN, keep } from "./plans.ts";

const RECORD: JailRecord = {
  boot: "b",
  identity: { pid: 77, startTime: (1n << 62n) + 1n, namespaces: { pid: "4026532001", mnt: "4026532002" } },
  plan: JAIL_PLAN,
  isEntered: true,
};

test("a record comes back as it was written, start times beyond a number's precision too", () => {
  expect(parseRecord(formatRecord(RECORD))).toEqual(RECORD);
});

test("what is cut short, or is not a record, is none", () => {
  const text = formatRecord(RECORD);
  for (let length = 0; length < text.length; length++) expect(parseRecord(text.slice(0, length))).toBeNull();
  const change = (path: string, value: unknown): string => {
    const record = JSON.parse(text);
    const keys = path.split(".");
    const last = keys.pop()!;
    keys.reduce((at, key) => at[key], record)[last] = value;
    return JSON.stringify(record);
  };
  for (
    const [path, value] of [
      ["identity.pid", 1],
      ["identity.pid", -5],
      ["identity.pid", "77"],
      ["identity.startTime", "0"],
      ["identity.startTime", 5],
      ["identity.namespaces.mnt", "x"],
      ["identity.namespaces", null],
      ["identity", null],
      ["boot", 1],
      ["isEntered", "yes"],
      ["plan", null],
      ["plan.root", 5],
      ["plan.keep", {}],
      ["plan.environment", "some"],
    ] as const
  ) expect([path, parseRecord(change(path, value))]).toEqual([path, null]);
});

test("another line of the file is the same jail, another mount or root is another", () => {
  const moved = { ...JAIL_PLAN, option: "ns", origin: { file: "y.ini", line: 9 } };
  expect(fingerprint(moved)).toBe(fingerprint(JAIL_PLAN));
  expect(fingerprint({ ...JAIL_PLAN, keep: [keep("/data")] })).not.toBe(fingerprint(JAIL_PLAN));
  expect(fingerprint(CHROOT_PLAN)).not.toBe(fingerprint(JAIL_PLAN));
});
