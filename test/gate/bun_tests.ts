/**
 * Runs `bun test` on some files and counts what came out. Must never report a run that ended early as passed: a crash, a
 * time-out and a file without tests are failures.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface TestRun extends Counts {
  /** What the tests printed; shown when something failed. */
  readonly output: string;
}

export interface TestLimits {
  readonly perTestSeconds: number;
  readonly wholeSeconds: number;
}

export interface TestSurroundings {
  /** Words before the command: unshare ... */
  readonly before?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export async function runBunTests(
  root: string,
  files: readonly string[],
  limits: TestLimits,
  surroundings: TestSurroundings = {},
): Promise<TestRun> {
  const report = join(tmpdir(), `reeve-tests-${randomUUID()}.xml`);
  const run = Bun.spawn(
    [
      ...(surroundings.before ?? []),
      process.execPath,
      "test",
      `--timeout=${limits.perTestSeconds * 1000}`,
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...files.map((file) => `./${file}`),
    ],
    {
      cwd: root,
      env: { ...process.env, ...surroundings.environment },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      detached: true,
    },
  );
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    process.kill(-run.pid, "SIGKILL"); // its group: what the tests started goes too
  }, limits.wholeSeconds * 1000);
  try {
    const [out, error, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
    const output = `${out}${error}`;
    if (timedOut) {
      return { ...NONE, failed: 1, output: `${output}\nno end after ${limits.wholeSeconds} s: killed` };
    }
    const counts = readCounts(report);
    if (counts === null) {
      return { ...NONE, failed: 1, output: `${output}\nended with ${code} without a report` };
    }
    // A fault outside of any test ends the run with an error that no test has counted.
    const unseen = code !== 0 && counts.failed === 0 ? 1 : 0;
    return { ...counts, failed: counts.failed + unseen, output };
  } finally {
    clearTimeout(timer);
    rmSync(report, { force: true });
  }
}

const NONE: Counts = { passed: 0, failed: 0, skipped: 0 };

/** The attributes of junit's outermost element; null when there is none. */
function readCounts(path: string): Counts | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return null;
  }
  const head = /<testsuites\b[^>]*>/.exec(text)?.[0];
  if (head === undefined) return null;
  const attribute = (name: string): number =>
    Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? "0");
  const failed = attribute("failures") + attribute("errors");
  const skipped = attribute("skipped");
  return { passed: attribute("tests") - failed - skipped, failed, skipped };
}
