import { expect, test } from "bun:test";
import fc from "fast-check";
import { HIGHEST_MARK, instanceNumber, limitOf, parseBirthmark } from "../../lib/process/birthmark.ts";

/** As the kernel writes /proc/PID/limits. */
function limits(soft: bigint | string): string {
  const value = (text: bigint | string): string => String(text).padEnd(20);
  return `Limit                     Soft Limit           Hard Limit           Units     \n` +
    `Max address space         ${value("unlimited")} ${value("unlimited")} bytes     \n` +
    `Max file locks            ${value(soft)} ${value("unlimited")} locks     \n`;
}

test("a mark is read back from the limits of a process", () => {
  fc.assert(fc.property(
    fc.integer({ min: 0, max: 2 ** 30 - 1 }),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    (instance, start) => {
      const limit = limitOf({ instance, start });
      expect(limit <= HIGHEST_MARK).toBe(true);
      expect(parseBirthmark(limits(limit))).toEqual({ instance, start });
    },
  ));
});

test.each(["unlimited", "0", "1024", String((1n << 62n) - 1n), String(1n << 63n), String((1n << 64n) - 2n)])(
  "a limit of %s is no mark",
  (soft) => {
    expect(parseBirthmark(limits(soft))).toBeNull();
  },
);

test("a text that is no table of limits has no mark", () => {
  expect(parseBirthmark("")).toBeNull();
  expect(parseBirthmark("Max file locks")).toBeNull();
});

test("an instance has the same number every time, within 30 bits, and others have others", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const number = instanceNumber(text);
    expect(number).toBe(instanceNumber(text));
    expect(Number.isInteger(number) && number >= 0 && number < 2 ** 30).toBe(true);
  }));
  const numbers = new Set(Array.from({ length: 1000 }, (_, at) => instanceNumber(`boot 26:${at}`)));
  expect(numbers.size).toBe(1000);
});
