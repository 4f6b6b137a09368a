/**
 * The gate: checks, build, and every test; what `npm test` runs. Words on the command line choose parts of
 * it: the name of a check (format, lint, types, warnings, build), "unit", "native", "e2e", "roots" (the
 * end-to-end tests with reeve in each root of test/roots) or the name of one root, or a path. Ends with the
 * line `N passed, N failed` (and `, N skipped`), and exit code 1 when anything failed.
 */
import { readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { readArtefacts } from "../lib/sys/native/artefacts.ts";
import { mustWork, runBunTests, type TestLimits } from "./gate/bun_tests.ts";
import { CHECKS } from "./gate/checks.ts";
import { installPackages } from "./gate/packages.ts";
import { builtRoot } from "./roots/cache.ts";
import { type Recipe, RECIPES } from "./roots/recipes.ts";
import { runInRoot, suiteFiles } from "./roots/suite.ts";

const ROOT = join(import.meta.dir, "..");
const UNIT_LIMITS: TestLimits = { perTestSeconds: 60, wholeSeconds: 600 };
const SYSTEM_LIMITS: TestLimits = { perTestSeconds: 120, wholeSeconds: 900 };
const ROOT_LIMITS: TestLimits = { perTestSeconds: 120, wholeSeconds: 900 };
const AT_ONCE = 2;
/** The end-to-end tests wait more than they work. */
const ROOTS_AT_ONCE = 5;

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

/**
 * What a test needs that is not in its directory's own process: the end-to-end tests run a file at a time.
 */
function stepsFor(part: string): Step[] {
  if (part === "e2e") return testFiles("test/e2e").flatMap((file) => testSteps(file, [file], SYSTEM_LIMITS));
  if (part === "native") return testSteps("test/native", testFiles("test/native"), SYSTEM_LIMITS);
  return testSteps(part, testFiles(part), UNIT_LIMITS);
}

const NOT_UNIT = ["cases", "e2e", "fixtures", "native", "roots"];

function unitDirectories(): string[] {
  return readdirSync(join(ROOT, "test"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !NOT_UNIT.includes(entry.name))
    .map((entry) => `test/${entry.name}`)
    .sort();
}

/** The end-to-end tests with reeve in that root. */
function rootStep(recipe: Recipe): Step {
  const missing = process.getuid?.() !== 0
    ? "needs root"
    : recipe.release !== null && Bun.which("debootstrap") === null
    ? "needs debootstrap"
    : null;
  return {
    name: `on ${recipe.what}`,
    run: async () => {
      if (missing === null) return await runInRoot(recipe, suiteFiles(), ROOT_LIMITS);
      const failed = mustWork() ? 1 : 0;
      return { passed: 0, failed, skipped: 1 - failed, output: missing };
    },
  };
}

interface Selection {
  readonly checks: Step[];
  readonly tests: Step[];
  readonly roots: readonly Recipe[];
}

function rootsNamed(word: string): readonly Recipe[] {
  return RECIPES.filter((recipe) => word === "roots" || word === recipe.name);
}

function selected(words: readonly string[]): Selection {
  if (words.length === 0) {
    const parts = [...unitDirectories(), "native", "e2e"];
    return { checks: checkSteps([]), tests: parts.flatMap(stepsFor), roots: RECIPES };
  }
  const roots = words.flatMap(rootsNamed);
  const tests = words.flatMap((word) => {
    if (rootsNamed(word).length > 0) return [];
    if (word === "unit") return unitDirectories().flatMap(stepsFor);
    if (word === "native" || word === "e2e") return stepsFor(word);
    if (CHECKS.some((check) => check.name === word)) return [];
    const path = relative(ROOT, join(process.cwd(), word));
    if (statSync(join(ROOT, path)).isDirectory()) return stepsFor(path);
    return testSteps(path, [path], SYSTEM_LIMITS);
  });
  const checks = words.filter((word) => CHECKS.some((check) => check.name === word));
  return { checks: checks.length === 0 ? [] : checkSteps(checks), tests, roots };
}

/**
 * Builds the roots that are not there yet, one after the other and in the background: a step that needs one
 * reports what failed.
 */
async function buildRoots(recipes: readonly Recipe[]): Promise<void> {
  for (const recipe of recipes) await builtRoot(recipe).catch(() => null);
}

/** Compiles the native parts for tests that run the sources: it is no test's time. A test says what fails. */
async function compileOnce(): Promise<void> {
  const script = 'import { native } from "./lib/sys/native/native.ts"; native();';
  await Bun.spawn([process.execPath, "-e", script], { cwd: ROOT, stdio: ["ignore", "ignore", "ignore"] })
    .exited;
}

const words = process.argv.slice(2);
const { checks, tests, roots } = selected(words);
if (words.length === 0 || words.includes("e2e") || roots.length > 0) {
  try {
    console.log(`packages: ${await installPackages()}`);
  } catch (error) {
    // Tests that miss something say so themselves, and fail where they must not skip.
    console.log(`packages: ${error instanceof Error ? error.message : String(error)}`);
  }
}
const building = process.getuid?.() === 0 ? buildRoots(roots) : Promise.resolve();
await runSteps(checks, AT_ONCE);
// The native parts that tests load from the sources: compiled here, no test has to wait for it within its
// time.
if (tests.length > 0) readArtefacts();
if (tests.length > 0) await compileOnce();
await runSteps(tests, AT_ONCE);
await building;
await runSteps(roots.map(rootStep), ROOTS_AT_ONCE);
console.log(
  `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`,
);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
