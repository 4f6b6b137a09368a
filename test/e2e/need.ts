/**
 * What a test needs from the machine. A test whose needs are not met skips and says why in its name; with
 * MUST_WORK=1 in the environment, as in CI, it fails instead: there a skipped test is a lie.
 */
import { test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { leftOut } from "../roots/left_out.ts";
import { PATIENCE } from "../support/patience.ts";
import { Scope } from "./harness.ts";

export const REEVE = process.env["REEVE"] ?? resolve(import.meta.dir, "../../dist/reeve");

/** Directories in which servers are looked up, whatever PATH the tests were started with. */
export const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface Need {
  /** null when it is met, else the reason in one line. */
  readonly missing: () => string | null;
}

export const reeve: Need = {
  missing: () => existsSync(REEVE) ? null : `"${REEVE}" is absent; npm run build makes it`,
};

export const root: Need = { missing: () => process.getuid?.() === 0 ? null : "needs root" };

export function program(name: string, debianPackage = name): Need {
  return {
    missing: () => {
      const found = name.startsWith("/") ? existsSync(name) : Bun.which(name, { PATH: SYSTEM_PATH }) !== null;
      return found ? null : `needs "${name}"; apt-get install ${debianPackage}`;
    },
  };
}

export function user(name: string): Need {
  return {
    missing: () =>
      readFileSync("/etc/passwd", "utf8").split("\n").some((line) => line.startsWith(`${name}:`))
        ? null
        : `needs the user "${name}"`,
  };
}

export function file(path: string, reason: string): Need {
  return { missing: () => existsSync(path) ? null : reason };
}

let namespaces: boolean | null = null;
/** unshare(1) can make a PID namespace with a /proc of its own. */
export const pidNamespace: Need = {
  missing: () => {
    namespaces ??= Bun.spawnSync(["unshare", "--pid", "--fork", "--mount-proc", "true"]).success;
    return namespaces ? null : "needs to be allowed to make PID namespaces (root)";
  },
};

/**
 * Declares a test. The body gets a Scope; when it ends, well or not, everything it started is ended, and a
 * failure carries the logs of its supervisors.
 */
export function check(
  name: string,
  needs: readonly Need[],
  body: (scope: Scope) => Promise<void>,
  seconds = 30,
): void {
  if (leftOut(process.env["REEVE_ROOT"], name) !== null) return;
  const reason = needs.map((need) => need.missing()).find((missing) => missing !== null);
  if (reason !== undefined && reason !== null) {
    if (process.env["MUST_WORK"] === "1") {
      test(name, () => {
        throw new Error(`cannot run this test: ${reason}`);
      });
    } else {
      test.skip(`${name} [skipped: ${reason}]`, () => {});
    }
    return;
  }
  test(name, async () => {
    await using scope = new Scope();
    try {
      await body(scope);
    } catch (error) {
      if (error instanceof Error) error.message += scope.explain();
      throw error;
    }
  }, seconds * PATIENCE * 1000);
}
