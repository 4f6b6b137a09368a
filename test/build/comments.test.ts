/**
 * The form of comments, which the formatter leaves alone: no line is wider than code may be, and none begins with a word
 * that hides the subject of its sentence.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..", "..");
const WIDEST = 110;

function* comments(pattern: string): Generator<{ readonly place: string; readonly line: string }> {
  for (const file of new Bun.Glob(pattern).scanSync(ROOT)) {
    const lines = readFileSync(join(ROOT, file), "utf8").split("\n");
    for (const [index, line] of lines.entries()) {
      if (/^\s*(?:\*|\/\*|\/\/)|\/\*.*\*\/\s*$/.test(line)) yield { place: `${file}:${index + 1}`, line };
    }
  }
}

test("no comment is wider than code may be", () => {
  const wide: string[] = [];
  for (const pattern of ["{lib,build,bench}/**/*.ts", "native/**/*.{c,h,ts}", "{main,build}.ts"]) {
    for (const { place, line } of comments(pattern)) if (line.length > WIDEST) wide.push(place);
  }
  expect(wide).toEqual([]);
});

test("no comment begins with Of, or with Who or What as a noun", () => {
  const found: string[] = [];
  for (const pattern of ["lib/**/*.ts", "native/**/*.{c,h}"]) {
    for (const { place, line } of comments(pattern)) {
      if (/^\s*(?:\/\*\*?|\/\/)\s+(?:Of|Who|What|Whom|Whose|Whoever|Whatever)\b/.test(line)) {
        found.push(place);
      }
    }
  }
  expect(found).toEqual([]);
});
