/**
 * The checks of the gate that are no tests: each runs a tool over the sources and counts as one test. Must
 * never change a file of the checkout.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

export interface CheckResult {
  readonly ok: boolean;
  readonly output: string;
}

export interface Check {
  readonly name: string;
  run(root: string): Promise<CheckResult>;
}

async function command(root: string, words: readonly string[]): Promise<CheckResult> {
  const env = { ...process.env, NO_COLOR: "1" };
  const run = Bun.spawn([...words], { cwd: root, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, error] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  return { ok: await run.exited === 0, output: `${out}${error}` };
}

const WARNINGS = [
  "-std=gnu11",
  "-Os",
  "-ffreestanding",
  "-fno-stack-protector",
  "-Wall",
  "-Wextra",
  "-Wshadow",
  "-Werror",
  "-fanalyzer",
  "-c",
  "-o",
  "/dev/null",
];

/** gcc's analyzer over each file of native/; other compilers do not have it. */
async function analyzeNative(root: string): Promise<CheckResult> {
  if (Bun.which("gcc") === null) return { ok: false, output: "no gcc: apt-get install gcc" };
  const sources = readdirSync(join(root, "native"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".c")
  );
  let output = "";
  for (const name of sources) {
    const result = await command(root, ["gcc", ...WARNINGS, "-Inative", `native/${name}`]);
    if (!result.ok) output += result.output;
  }
  return { ok: output === "", output };
}

export const CHECKS: readonly Check[] = [
  { name: "format", run: (root) => command(root, ["deno", "fmt", "--check"]) },
  { name: "lint", run: (root) => command(root, ["deno", "lint", "--quiet"]) },
  { name: "types", run: (root) => command(root, ["tsc", "--noEmit"]) },
  { name: "warnings", run: analyzeNative },
  {
    name: "build",
    run: async (root) => {
      const result = await command(root, [process.execPath, "run", "build.ts"]);
      return result.ok && !existsSync(join(root, "dist/reeve"))
        ? { ok: false, output: "the build made no dist/reeve" }
        : result;
    },
  },
];
