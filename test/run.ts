/**
 * The gate: checks, build, and every test; what `npm test` runs. Words on the command line choose parts of it: the name of
 * a check (format, lint, types, warnings, build), "unit", "native", "e2e", or a path. Ends with the line `N passed, N failed`
 * (and `, N skipped`), and exit code 1 when anything failed.
 */
import { readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { runBunTests, type TestLimits } from "./gate/bun_tests.ts";
import { CHECKS } from "./gate/checks.ts";
import { installPackages } from "./gate/packages.ts";

const ROOT = join(import.meta.dir, "..");
const UNIT_LIMITS: TestLimits = { perTestSeconds: 20, wholeSeconds: 180 };
const SYSTEM_LIMITS: TestLimits = { perTestSeconds: 120, wholeSeconds: 600 };
const AT_ONCE = 2;

/** One line of the gate's output. */
interface Step {
  readonly name: string;
  run(): Promise<{ passed: number; failed: number; skipped: number; output: string }>;
}

const total = { passed: 0, failed: 0, skipped: 0 };

async function runStep(step: Step): Promise<void> {
  const started = performance.now();
  const result = await step.run().catch((error: unknown) => ({
    passed: 0,
    failed: 1,
    skipped: 0,
    output: error instanceof Error ? error.message : String(error),
  }));
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : "";
  console.log(
    `${result.failed > 0 ? "FAIL" : "ok  "} ${seconds} s  ${step.name}: ` +
      `${result.passed} passed, ${result.failed} failed${skipped}`,
  );
  if (result.failed > 0) console.log(interesting(result.output));
  total.passed += result.passed;
  total.failed += result.failed;
  total.skipped += result.skipped;
}

/** Without the lines of what went well, which would bury the rest. */
function interesting(output: string): string {
  return output.split("\n").filter((line) => !/^\((pass|skip|todo)\)/.test(line)).join("\n").trim();
}

/** All steps, some at once, each started in the order given. */
async function runSteps(steps: readonly Step[], atOnce: number): Promise<void> {
  const waiting = [...steps];
  const worker = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) await runStep(step);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

function checkSteps(wanted: readonly string[]): Step[] {
  return CHECKS.filter((check) => wanted.length === 0 || wanted.includes(check.name)).map((check) => ({
    name: check.name,
    run: async () => {
      const { ok, output } = await check.run(ROOT);
      return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, output };
    },
  }));
}

function testFiles(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.test\.ts$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort();
}

function testSteps(name: string, files: readonly string[], limits: TestLimits): Step[] {
  return files.length === 0 ? [] : [{ name, run: () => runBunTests(ROOT, files, limits) }];
}

/** What a test needs that is not in its directory's own process: the end-to-end tests run a file at a time. */
function stepsFor(part: string): Step[] {
  if (part === "e2e") return testFiles("test/e2e").flatMap((file) => testSteps(file, [file], SYSTEM_LIMITS));
  if (part === "native") return testSteps("test/native", testFiles("test/native"), SYSTEM_LIMITS);
  return testSteps(part, testFiles(part), UNIT_LIMITS);
}

const NOT_UNIT = ["cases", "e2e", "fixtures", "native"];

function unitDirectories(): string[] {
  return readdirSync(join(ROOT, "test"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !NOT_UNIT.includes(entry.name))
    .map((entry) => `test/${entry.name}`)
    .sort();
}

function selected(words: readonly string[]): { readonly checks: Step[]; readonly tests: Step[] } {
  if (words.length === 0) {
    const parts = [...unitDirectories(), "native", "e2e"];
    return { checks: checkSteps([]), tests: parts.flatMap(stepsFor) };
  }
  const tests = words.flatMap((word) => {
    if (word === "unit") return unitDirectories().flatMap(stepsFor);
    if (word === "native" || word === "e2e") return stepsFor(word);
    if (CHECKS.some((check) => check.name === word)) return [];
    const path = relative(ROOT, join(process.cwd(), word));
    if (statSync(join(ROOT, path)).isDirectory()) return stepsFor(path);
    return testSteps(path, [path], SYSTEM_LIMITS);
  });
  const checks = words.filter((word) => CHECKS.some((check) => check.name === word));
  return { checks: checks.length === 0 ? [] : checkSteps(checks), tests };
}

const words = process.argv.slice(2);
const { checks, tests } = selected(words);
if (words.length === 0 || words.includes("e2e")) {
  try {
    console.log(`packages: ${await installPackages()}`);
  } catch (error) {
    // Tests that miss something say so themselves, and fail where they must not skip.
    console.log(`packages: ${error instanceof Error ? error.message : String(error)}`);
  }
}
await runSteps(checks, AT_ONCE);
await runSteps(tests, AT_ONCE);
console.log(
  `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`,
);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
