/**
 * The corpus against what each file is to become: `FILE.expected` beside it, the flattened lines and then the
 * diagnostics. `WRITE_EXPECTED=1 bun test test/config/language/corpus.test.ts` writes them anew; read the
 * difference before you commit it.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Case, CASES, corpus, runCase } from "./corpus.ts";
import { fixedWorld } from "./worlds.ts";

const rewrite = Bun.env["WRITE_EXPECTED"] === "1";

function outcomeOf(one: Case): string {
  const world = fixedWorld(CASES, one.environment);
  const { stdin } = one;
  const readFile = (path: string): Uint8Array =>
    world.readFile(path === "-" && stdin !== null ? join(CASES, stdin) : path);
  const { shown, diagnostics } = runCase(one, { ...world, readFile });
  return `${shown}${diagnostics.map((line) => `; ${line}\n`).join("")}`;
}

describe("the corpus", () => {
  for (const one of corpus()) {
    test(`${one.file} becomes what is expected`, async () => {
      const file = Bun.file(join(CASES, `${one.file}.expected`));
      const outcome = outcomeOf(one);
      if (rewrite) await file.write(outcome);
      expect(outcome).toBe(await file.text());
    });
  }

  test("has at least a hundred files", () => {
    expect(corpus().length).toBeGreaterThanOrEqual(100);
  });
});
