/** The stage at which a child failed: the numbers of native/reeve.h as words for people. Pure. */

const STAGES: readonly string[] = [
  "unknown",
  "request",
  "signals",
  "session",
  "terminal",
  "join namespaces",
  "mount",
  "root",
  "chdir",
  "rlimit",
  "cpu affinity",
  "nice",
  "oom_score_adj",
  "descriptors",
  "capabilities",
  "setgroups",
  "setgid",
  "setuid",
  "verify credentials",
  "parent-death signal",
  "no_new_privs",
  "exec",
  "new namespaces",
  "hostname",
  "loopback",
  "user namespace",
  "shield of /proc and /sys",
];

/** "chdir", "setgid", "exec" ...; "stage 99" for a number that has no name. */
export function stageName(stage: number): string {
  return STAGES[stage] ?? `stage ${stage}`;
}
