import { describe, expect, test } from "bun:test";
import { Diagnostics } from "../../../lib/config/diagnostic.ts";
import type { RawOption } from "../../../lib/config/origin.ts";
import {
  parseBoolean,
  parseDuration,
  parseInteger,
  parseMode,
  parseSize,
} from "../../../lib/config/values/values.ts";

type Parser = (option: RawOption, diagnostics: Diagnostics) => number | null;

function parsed(parser: Parser, value: string): number | string | null {
  const diagnostics = new Diagnostics();
  const result = parser({ name: "opt", value, origin: { file: "a.ini", line: 3 } }, diagnostics);
  return diagnostics.list[0]?.text ?? result;
}

/** The result, and the warning that it came with. */
function warned(parser: Parser, value: string): readonly [number | null, string] {
  const diagnostics = new Diagnostics();
  const result = parser({ name: "opt", value, origin: { file: "a.ini", line: 3 } }, diagnostics);
  return [result, diagnostics.list.map(({ severity, text }) => `${severity}: ${text}`).join("\n")];
}

test("a boolean is off for false, off, no and 0 in any case, and else on", () => {
  for (const value of ["false", "OFF", "No", "0"]) expect(parseBoolean(value)).toBeFalse();
  for (const value of ["", "true", "1", "00", "nope", " no"]) expect(parseBoolean(value)).toBeTrue();
});

describe("an integer", () => {
  test("is decimal, 0 when empty and 1 without a value", () => {
    expect(["10", "+5", " 7", "", "true", "022"].map((value) => parsed(parseInteger, value))).toEqual([
      10,
      5,
      7,
      0,
      1,
      22,
    ]);
  });

  test("with something behind it is the number at its beginning, as in uWSGI, with a warning", () => {
    expect(warned(parseInteger, "10x")).toEqual([
      10,
      'warning: of "opt" only "10" counts, not all of "10x": write nothing behind it',
    ]);
    expect(warned(parseInteger, "8  # seconds")).toEqual([
      8,
      'warning: of "opt" only "8" counts, not all of "8  # seconds": ' +
      "a value goes to the end of the line, and there are no comments behind one",
    ]);
    expect(parsed(parseInteger, "x10")).toBe('"opt" takes a whole number, not "x10"');
  });

  test("out of range is an error", () => {
    expect(parsed(parseInteger, "-1")).toContain("out of range");
    expect(parsed(parseInteger, "99999999999")).toContain("out of range");
    expect(parsed((option, found) => parseInteger(option, found, { least: -20, most: 19 }), "-5")).toBe(-5);
  });
});

test("a duration is in seconds or has a unit", () => {
  expect(["3", "500ms", "1.5s", "2m", "1h", "1d"].map((value) => parsed(parseDuration, value))).toEqual([
    3,
    0.5,
    1.5,
    120,
    3600,
    86_400,
  ]);
  for (const bad of ["", "soon", "-1", "1.5 weeks", "# 1"]) {
    expect(parsed(parseDuration, bad)).toContain("takes a time");
  }
  expect(["1 week", "1.5h ; x", "2m# x"].map((value) => warned(parseDuration, value)[0])).toEqual([
    1,
    5400,
    2,
  ]);
});

test("a size is in bytes or has a unit", () => {
  expect(["0", "100", "1k", "2M", "1GiB", "1 T"].map((value) => parsed(parseSize, value))).toEqual([
    0,
    100,
    1024,
    2_097_152,
    1_073_741_824,
    1_099_511_627_776,
  ]);
  for (const bad of ["", "1.5M", "-1", "lots"]) {
    expect(parsed(parseSize, bad)).toContain("takes a number of bytes");
  }
  expect(["20971520  # 20 MB", "2M # x", "3 megs"].map((value) => warned(parseSize, value)[0])).toEqual([
    20_971_520,
    2_097_152,
    3,
  ]);
});

test("a mode is octal", () => {
  expect(["022", "0o27", "7", "1777"].map((value) => parsed(parseMode, value))).toEqual([
    0o22,
    0o27,
    7,
    0o1777,
  ]);
  for (const bad of ["", "8", "rwx", "77777"]) {
    expect(parsed(parseMode, bad)).toContain("takes an octal number");
  }
  expect(["022 ; group", "22x"].map((value) => warned(parseMode, value)[0])).toEqual([0o22, 0o22]);
});
