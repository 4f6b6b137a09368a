/** The stage at which a child failed: the numbers of native/reeve.h as words for people. Pure. */
import { STAGE } from "../native/constants.ts";

const NAMES: Readonly<Record<keyof typeof STAGE, string>> = {
  spec: "request",
  signals: "signals",
  session: "session",
  terminal: "terminal",
  setns: "join namespaces",
  mount: "mount",
  root: "root",
  chdir: "chdir",
  rlimit: "rlimit",
  cpus: "cpu affinity",
  nice: "nice",
  oom: "oom_score_adj",
  fds: "descriptors",
  caps: "capabilities",
  groups: "setgroups",
  gid: "setgid",
  uid: "setuid",
  verify: "verify credentials",
  pdeathsig: "parent-death signal",
  noNewPrivs: "no_new_privs",
  exec: "exec",
  unshare: "new namespaces",
  hostname: "hostname",
  loopback: "loopback",
  userNamespace: "user namespace",
  shield: "shield of /proc and /sys",
};

const BY_NUMBER = new Map<number, string>(
  Object.entries(STAGE).map(([stage, number]) => [number, NAMES[stage as keyof typeof STAGE]]),
);

/** "chdir", "setgid", "exec" ...; "stage 99" for a number that has no name. */
export function stageName(stage: number): string {
  return stage === 0 ? "unknown" : BY_NUMBER.get(stage) ?? `stage ${stage}`;
}
