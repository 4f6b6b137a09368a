/**
 * Resource limits of this process. The runtime would raise the soft limit of open files at its start, so that
 * children could not get the one that reeve was started with; the build takes that away from it
 * (build_elf.ts), and reeve raises its own here.
 */
import { integer, unsigned64 } from "../checks.ts";
import { native, unwrap } from "../native/native.ts";

/** RLIMIT_*: the same numbers on x86-64 and arm64. */
export const RLIMIT = {
  cpu: 0,
  fileSize: 1,
  data: 2,
  stack: 3,
  core: 4,
  residentSet: 5,
  processes: 6,
  openFiles: 7,
  lockedMemory: 8,
  addressSpace: 9,
  locks: 10,
  pendingSignals: 11,
  messageQueues: 12,
  nice: 13,
  realTimePriority: 14,
  realTimeTime: 15,
} as const;

export interface Limit {
  readonly soft: bigint;
  readonly hard: bigint;
}

const pair = new BigUint64Array(2);

export function readLimit(resource: number): Limit {
  unwrap("prlimit64", native().reeve_rlimit(integer(resource, "rlimit resource", 0, 15), 0, pair), {
    doing: "read a resource limit",
  });
  return { soft: pair[0]!, hard: pair[1]! };
}

/** Throws SysError: EPERM above the hard limit without privilege, EINVAL where soft exceeds hard. */
export function setLimit(resource: number, limit: Limit): void {
  pair[0] = unsigned64(limit.soft, "soft limit");
  pair[1] = unsigned64(limit.hard, "hard limit");
  unwrap("prlimit64", native().reeve_rlimit(integer(resource, "rlimit resource", 0, 15), 1, pair), {
    doing: "set a resource limit",
  });
}

/**
 * Lets reeve itself open as many files as its hard limit allows. -> the limit before, which children are to
 * be given back.
 */
export function raiseOpenFiles(): Limit {
  const before = readLimit(RLIMIT.openFiles);
  if (before.soft < before.hard) setLimit(RLIMIT.openFiles, { soft: before.hard, hard: before.hard });
  return before;
}
