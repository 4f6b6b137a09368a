/**
 * Tests that do not run on the roots, each with its reason. Must never hold one that fails there for a fault of reeve's.
 */
import type { RootName } from "./recipes.ts";

/** Whole files, below test/. */
export const FILES_LEFT_OUT: Readonly<Record<string, string>> = {
  "e2e/harness.test.ts": "the harness itself: no reeve in it",
  "e2e/bench.test.ts": "the bench, which asserts nothing of reeve",
  "e2e/legion_uwsgi.test.ts": "elections over the network, in which the root has no part",
  "e2e/minimal_hosts.test.ts": "makes roots of its own, smaller than these",
};

interface LeftOut {
  readonly test: RegExp;
  readonly why: string;
}

/** Those of a root; `check` in test/e2e/need.ts asks. */
export const LEFT_OUT: Readonly<Record<RootName, readonly LeftOut[]>> = {
  empty: [
    {
      test: /uid and gid finds|sees every setting|master-as-root|PostgreSQL/,
      why: "names users, and a root without /etc/passwd has none",
    },
  ],
  busybox: [],
  alpine: [],
  debian: [],
  "old-debian": [],
};

/** Why the test does not run on the root; null when it does, and for a `root` that is none. */
export function leftOut(root: string | undefined, test: string): string | null {
  const list: readonly LeftOut[] = LEFT_OUT[root as RootName] ?? [];
  return list.find((one) => one.test.test(test))?.why ?? null;
}
