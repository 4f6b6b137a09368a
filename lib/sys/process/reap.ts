/**
 * Dead children: looking at them, and letting go of them. A child that was only looked at remains a zombie,
 * so that its pid cannot be given to another process while its group is being signalled. Must never wait.
 */
import { processId } from "../checks.ts";
import { native, unwrap } from "../native/native.ts";
import { ECHILD, EINTR } from "../native/constants.ts";

/** How a process ended. */
export type ExitStatus =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: number; readonly core: boolean };

export interface DeadChild {
  readonly pid: number;
  readonly status: ExitStatus;
}

// siginfo's si_code for SIGCHLD (waitid(2)).
const CLD_EXITED = 1;
const CLD_DUMPED = 3;

const out = new Int32Array(3);

/**
 * A child that is dead and not yet reaped; null when there is none. The same one comes again until it is
 * reaped.
 */
export function peekChild(): DeadChild | null {
  const result = Number(native().reeve_peek_child(out));
  if (result === -ECHILD || result === -EINTR) return null;
  if (unwrap("waitid", result, { doing: "look for dead children" }) === 0) return null;
  return { pid: out[0]!, status: decodeWaitid(out[1]!, out[2]!) };
}

/** Reaps this child when it is dead: how it ended, null when it is alive or no child of ours. */
export function reap(pid: number): ExitStatus | null {
  const result = Number(native().reeve_reap(processId(pid), out));
  if (result === -ECHILD || result === -EINTR) return null;
  unwrap("wait4", result, { doing: "reap a child" });
  return out[0] === pid ? decodeStatus(out[1]!) : null;
}

const BATCH = 256;
const batch = new Int32Array(2 * BATCH);

/**
 * Reaps children that are dead, at most 256 of them: [] when none is. Their pids may belong to others from
 * now on, so whoever they were must be looked up before anything is started.
 */
export function reapDead(): { readonly pid: number; readonly cause: ExitStatus }[] {
  const count = unwrap("wait4", native().reeve_reap_all(batch, BATCH), { doing: "reap children" });
  return Array.from(
    { length: count },
    (_, at) => ({ pid: batch[2 * at]!, cause: decodeStatus(batch[2 * at + 1]!) }),
  );
}

/** The status word of wait4(2). */
export function decodeStatus(status: number): ExitStatus {
  const signal = status & 0x7f;
  if (signal === 0) return { kind: "exited", code: (status >> 8) & 0xff };
  return { kind: "killed", signal, core: (status & 0x80) !== 0 };
}

function decodeWaitid(code: number, status: number): ExitStatus {
  if (code === CLD_EXITED) return { kind: "exited", code: status & 0xff };
  return { kind: "killed", signal: status, core: code === CLD_DUMPED };
}
