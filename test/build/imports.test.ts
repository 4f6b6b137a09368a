/**
 * What is imported at the top of any file is loaded at every start, for every command: it has to be cheap.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..", "..");
/**
 * The compiler puts all of them at the top of the file that it makes of every command's modules. Others cost
 * from 0.3 ms (node:os) to 7 ms (node:net).
 */
const CHEAP = ["bun:ffi", "node:fs", "node:path", "node:process"];

test("no file of lib/ imports a costly builtin at its top: process.getBuiltinModule loads it where it is used", () => {
  const costly: string[] = [];
  for (const file of new Bun.Glob("lib/**/*.ts").scanSync(ROOT)) {
    for (
      const [line, name] of readFileSync(join(ROOT, file), "utf8").matchAll(
        /^(?:import|\}) .*from "((?:node|bun):?[^"]*)";$/gm,
      )
    ) {
      if (!line.startsWith("import type") && !CHEAP.includes(name ?? "")) costly.push(`${file}: ${name}`);
    }
  }
  expect(costly).toEqual([]);
});
