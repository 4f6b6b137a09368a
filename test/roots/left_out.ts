/**
 * Tests that do not run on the roots, each with its reason. Must never hold one that fails there for a fault
 * of reeve's.
 */
import type { RootName } from "./recipes.ts";

/** Whole files of test/e2e. */
export const FILES_LEFT_OUT: Readonly<Record<string, string>> = {
  "harness.test.ts": "the harness itself: no reeve in it",
  "bench.test.ts": "the bench, which asserts nothing of reeve",
  "legion_uwsgi.test.ts": "elections over the network, in which the root has no part",
  "jail_compare_uwsgi.test.ts":
    "runs uWSGI beside, whose pivot_root the mounts that lead into a root do not allow",
  "mistakes.test.ts": "what is said of programs of the host, word by word",
  "minimal_hosts.test.ts": "makes roots of its own, smaller than these",
};

interface LeftOut {
  readonly test: RegExp;
  readonly why: string;
}

const ON_ALL_ROOTS: readonly LeftOut[] = [
  {
    test: /^chroot: each daemon and hook|daemon with namespaces of its own, in a jail and without/,
    why:
      "compares mount namespaces with that of the test or of another start: on a root each start has its own",
  },
  {
    test: /^a root without .proc is no obstacle|^no runtime is started/,
    why: "makes a root of its own, or names the executable by the path that it has outside",
  },
  {
    test: /^without root's rights|^to an instance in a user namespace/,
    why: "takes the capability away by which inside.c enters the root",
  },
  {
    test: /^the documented celery beat runs once on three machines|^a legion whose group has no route/,
    why: "its machines have their files at /mnt, mounted there outside of the root",
  },
  {
    test: /rounds of trouble/,
    why: "long, random, and about etcd: nothing in it is the root's",
  },
];

const ON_SOME: Readonly<Record<RootName, readonly LeftOut[]>> = {
  empty: [
    {
      test:
        /uid and gid finds|sees every setting|master-as-root|PostgreSQL|^what runs with a uid has that user's|^control-allow lets in a user/,
      why: "names users, and a root without /etc/passwd has none",
    },
    {
      test:
        /^ns_pid: process 2|^a daemon's own hostname|^namespaces without a new root|^root without capabilities/,
      why:
        "its daemon's programs are doors: they see the host's /proc, and need a capability that the test takes away",
    },
  ],
  busybox: [],
  alpine: [],
  debian: [],
  "old-debian": [],
};

/**
 * Why a test does not run on a root; `check` in test/e2e/need.ts asks. null when it does, and for a `root`
 * that is none.
 */
export function leftOut(root: string | undefined, test: string): string | null {
  const own = ON_SOME[root as RootName];
  if (own === undefined) return null;
  return [...ON_ALL_ROOTS, ...own].find((one) => one.test.test(test))?.why ?? null;
}
