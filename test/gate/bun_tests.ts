/**
 * Runs `bun test` on some files and counts what came out. Must never report a run that ended early as passed:
 * a crash, a time-out and a file without tests are failures; so is a skipped test where nothing may skip.
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

/** Where a test that skips is a lie: CI, and whoever wants to know that all of it works. */
export function mustWork(environment: Readonly<Record<string, string | undefined>> = process.env): boolean {
  return environment["MUST_WORK"] === "1";
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
  const environment = { ...process.env, ...surroundings.environment };
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
      env: environment,
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
    let output = `${out}${error}`;
    if (timedOut) {
      return { ...NONE, failed: 1, output: `${output}\nno end after ${limits.wholeSeconds} s: killed` };
    }
    const found = readReport(report);
    if (found === null) {
      return { ...NONE, failed: 1, output: `${output}\nended with ${code} without a report` };
    }
    const counts = mustWork(environment) ? skipsFail(found.counts) : found.counts;
    if (counts.skipped < found.counts.skipped) {
      output += found.skipped.map((name) => `(fail) ${name}: it was skipped, and MUST_WORK=1 allows none\n`)
        .join("");
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

const skipsFail = ({ passed, failed, skipped }: Counts): Counts => ({
  passed,
  failed: failed + skipped,
  skipped: 0,
});

interface Report {
  readonly counts: Counts;
  /** The names of the tests that were skipped. */
  readonly skipped: readonly string[];
}

/** What junit's outermost element counts, and which tests were skipped; null when there is no report. */
function readReport(path: string): Report | null {
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
  return {
    counts: { passed: attribute("tests") - failed - skipped, failed, skipped },
    skipped: [...text.matchAll(/<testcase\b([^>]*[^/])>\s*<skipped\b/g)].map(([, attributes = ""]) =>
      plainText(/\bname="([^"]*)"/.exec(attributes)?.[1] ?? "a test without a name")
    ),
  };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function plainText(escaped: string): string {
  return escaped.replace(/&(\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
