/** What C and TypeScript must agree on is the same on both sides. */
import { expect, test } from "bun:test";
import { constantsFile } from "../../native/constants.ts";
import { errnoName } from "../../lib/sys/errno.ts";
import * as constants from "../../lib/sys/native/constants.ts";
import { stageName } from "../../lib/sys/child/stage.ts";
import { keepList } from "../../lib/sys/file/descriptor.ts";
import { signalName } from "../../lib/sys/signal_names.ts";

const FILE = new URL("../../lib/sys/native/constants.ts", import.meta.url);

test("lib/sys/native/constants.ts is what the headers say; bun run native/constants.ts writes it", async () => {
  expect(await Bun.file(FILE).text()).toBe(constantsFile());
});

test("errno and signals have the kernel's names for the numbers of linux.h", () => {
  for (const [name, value] of Object.entries(constants)) {
    if (/^E[A-Z0-9]+$/.test(name)) expect(errnoName(Number(value))).toBe(name);
    if (/^SIG[A-Z]+$/.test(name) && name !== "SIGNAL_LAST") {
      expect(`SIG${signalName(Number(value))}`).toBe(name);
    }
  }
});

test("every stage has words of its own", () => {
  const words = Object.values(constants.STAGE).map(stageName);
  expect(words.filter((word) => /^stage \d/.test(word))).toEqual([]);
  expect(new Set(words).size).toBe(words.length);
  expect([stageName(0), stageName(99)]).toEqual(["unknown", "stage 99"]);
});

test("no more descriptors are kept than C has room for", () => {
  const fds = (count: number): number[] => Array.from({ length: count }, (_, fd) => fd);
  expect(keepList(fds(constants.REEVE_MAX_KEPT))).toHaveLength(constants.REEVE_MAX_KEPT);
  expect(() => keepList(fds(constants.REEVE_MAX_KEPT + 1))).toThrow("count of descriptors to keep");
});
