/**
 * The birthmark of what a dumb daemon forks: a number in the soft limit RLIMIT_LOCKS, which Linux enforces
 * nowhere since 2.4.25, which a process inherits over fork, exec, setsid and a change of user, and which
 * /proc/PID/limits shows to everyone. Pure. Must never be taken as proof against a hostile daemon: it can set
 * the limit itself.
 */
import { shortHash } from "../sys/hash.ts";

export interface Birthmark {
  /** 30 bits: which instance of reeve started it. */
  readonly instance: number;
  /** 32 bits: which of its starts. */
  readonly start: number;
}

/** Marks lie from here to 2^63: no other program has a reason to set a limit like that. */
const FIRST = 1n << 62n;
const INSTANCE_BITS = 30n;
const START_BITS = 32n;

/** The least hard limit with which every mark can be set. */
export const HIGHEST_MARK = (1n << 63n) - 1n;

export function limitOf({ instance, start }: Birthmark): bigint {
  return FIRST + (BigInt.asUintN(Number(INSTANCE_BITS), BigInt(instance)) << START_BITS) +
    BigInt.asUintN(Number(START_BITS), BigInt(start));
}

/** `text`: /proc/PID/limits (proc(5)). null: the process bears no mark. */
export function parseBirthmark(text: string): Birthmark | null {
  const soft = /^Max file locks +(\d{1,19}) /m.exec(text)?.[1];
  if (soft === undefined) return null;
  const limit = BigInt(soft);
  if (limit < FIRST || limit > HIGHEST_MARK) return null;
  return {
    instance: Number((limit - FIRST) >> START_BITS),
    start: Number(BigInt.asUintN(Number(START_BITS), limit)),
  };
}

/** The 30 bits of an instance from whatever tells it from all others on this host. */
export function instanceNumber(identity: string): number {
  const hash = shortHash(identity);
  return (hash ^ (hash >>> 30)) & 0x3fff_ffff;
}
