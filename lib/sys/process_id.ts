/**
 * The identity of a process, and how one ends. Types only, shared by the pure and the effectful half.
 */

/** Identity is (pid, start time), never a pid alone. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks after boot: field 22 of /proc/PID/stat. */
  readonly startTime: bigint;
}

export type ExitCause =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: number }
  /** It was not our child, so nobody told us how it ended. */
  | { readonly kind: "unknown" };

export function sameProcess(a: ProcessId | null, b: ProcessId | null): boolean {
  return a !== null && b !== null && a.pid === b.pid && a.startTime === b.startTime;
}

/** Shell convention: the code, or 128+n for a signal; 1 where it is not known. */
export function exitCodeOf(cause: ExitCause): number {
  if (cause.kind === "exited") return cause.code;
  return cause.kind === "killed" ? 128 + cause.signal : 1;
}
