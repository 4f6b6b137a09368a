/**
 * Runs the end-to-end tests with reeve inside a root. The tests are the same and run outside, as users do;
 * only $REEVE is another program: `inside`, which enters the root and becomes /reeve there.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { REEVE } from "../e2e/need.ts";
import { CACHE as FIXTURES } from "../fixtures/compile.ts";
import { runBunTests, type TestLimits, type TestRun } from "../gate/bun_tests.ts";
import { builtRoot } from "./cache.ts";
import { FILES_LEFT_OUT } from "./left_out.ts";
import type { Recipe } from "./recipes.ts";

const CHECKOUT = resolve(import.meta.dir, "../..");
/** All files of tests that run on roots, relative to the checkout. */
export function suiteFiles(): string[] {
  return readdirSync(join(CHECKOUT, "test/e2e")).filter((name) => name.endsWith(".test.ts")).sort()
    .filter((name) => FILES_LEFT_OUT[name] === undefined).map((name) => `test/e2e/${name}`);
}

/** Runs these files with reeve in that root. Rejects when there is no root to run on. */
export async function runInRoot(
  recipe: Recipe,
  files: readonly string[],
  limits: TestLimits,
): Promise<TestRun> {
  const root = await builtRoot(recipe);
  // Not where TMPDIR says: paths of sockets must stay short, and /tmp is a directory of every root.
  const scratch = mkdtempSync("/tmp/reeve-rooted-");
  try {
    chmodSync(scratch, 0o755);
    for (const name of ["root", "tmp"]) mkdirSync(join(scratch, name));
    compile("inside.c", join(scratch, "reeve"));
    // It is started by users that are not root as well; /reeve has no capability of theirs.
    run(["setcap", "cap_sys_admin,cap_sys_chroot+ep", join(scratch, "reeve")]);
    compile("first.c", join(scratch, "first"));
    // Fixtures are static programs that daemons run: the root sees them at the path that the tests know.
    if (existsSync(FIXTURES)) cpSync(FIXTURES, join(scratch, "tmp", "fixtures"), { recursive: true });
    return await runBunTests(CHECKOUT, files, limits, {
      before: [
        "unshare",
        "--mount",
        "--propagation=private",
        // Ports of its own: other roots and the host take theirs meanwhile.
        "--net",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        join(import.meta.dir, "set_up.sh"),
        root,
        scratch,
        resolve(REEVE),
      ],
      environment: {
        REEVE: join(scratch, "reeve"),
        REEVE_ROOT: recipe.name,
        REEVE_FIXTURES: join(scratch, "tmp", "fixtures"),
        TMPDIR: join(scratch, "tmp"),
      },
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function compile(source: string, program: string): void {
  run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-static", join(import.meta.dir, source), "-o", program]);
}

function run(command: readonly string[]): void {
  const result = Bun.spawnSync([...command], { stdin: "ignore", stderr: "pipe" });
  if (!result.success) throw new Error(`cannot run "${command.join(" ")}": ${result.stderr.toString()}`);
}

if (import.meta.main) {
  const { recipe } = await import("./recipes.ts");
  const [name = "empty", ...files] = process.argv.slice(2);
  const result = await runInRoot(recipe(name), files.length > 0 ? files : suiteFiles(), {
    perTestSeconds: 120,
    wholeSeconds: 900,
  });
  console.log(result.output);
  console.log(`${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped`);
  process.exitCode = result.failed > 0 ? 1 : 0;
}
