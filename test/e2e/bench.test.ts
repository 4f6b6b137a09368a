/**
 * The bench works: a smoke run of every measure on reeve alone. Nothing is judged here: figures are for
 * people.
 */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { check, pidNamespace, program, REEVE, reeve, root } from "./need.ts";

const BENCH = resolve(import.meta.dir, "../../bench/run.ts");

check("every measure of the bench gives a figure for reeve", [
  reeve,
  root,
  pidNamespace,
  program("cc", "gcc"),
], async (scope) => {
  const json = join(scope.directory, "quick.json");
  const command = [process.execPath, BENCH, "--quick", "--peers", "reeve", "--json", json];
  const exit = await scope.run(command, { seconds: 110, environment: { TMPDIR: scope.directory, REEVE } });
  expect(exit.output).toContain("| measure |");
  expect(exit.code).toBe(0);
  const { rows } = JSON.parse(readFileSync(json, "utf8")) as {
    rows: { figures: Record<string, number[]> }[];
  };
  expect(rows.length).toBeGreaterThan(8);
  for (const row of rows) {
    expect(row.figures["reeve"]?.length).toBeGreaterThan(0);
    expect(row.figures["reeve"]?.every((figure) => Number.isFinite(figure))).toBe(true);
  }
}, 120);
