/**
 * Reeve's own signal mask, and signals held back over an exec. Must never change how the runtime handles a
 * signal: that is `process.on`. Names of signals are lib/sys/signal_names.ts.
 */
import { unsigned64 } from "../checks.ts";
import { signalMask } from "../signal_names.ts";
import { libcCall } from "../native/libc.ts";
import { native, unwrap } from "../native/native.ts";
import { SIG_SETMASK } from "../native/constants.ts";

/**
 * Holds these signals back from the calling thread, until they are unblocked or the event loop waits: the
 * runtime waits with an empty mask, in which pending ones come. Other threads take what this one blocks
 * (`holdSignals` is for that). Children get an empty mask all the same.
 */
export function blockSignals(signals: readonly number[]): void {
  unwrap("rt_sigprocmask", native().reeve_sigmask(0, signalMask(signals)));
}

/**
 * Lets signals come that the image before us left blocked. Their handlers must be there first, and both
 * before the event loop waits for the first time: so not behind an await.
 */
export function unblockSignals(signals: readonly number[]): void {
  unwrap("rt_sigprocmask", native().reeve_sigmask(1, signalMask(signals)));
}

const SYS_RT_SIGPROCMASK = process.arch === "arm64" ? 135 : 14;

/**
 * Blocks these signals and no others, from the calling thread; bit n-1 stands for signal n. Without the
 * library of native/, which commands may run without.
 */
export function setSignalMask(mask: bigint): void {
  const set = new BigUint64Array([unsigned64(mask, "signal mask")]);
  libcCall(["i64", "buffer", "ptr", "u64"], SYS_RT_SIGPROCMASK, SIG_SETMASK, set, null, set.byteLength);
}

const SYS_RT_SIGACTION = process.arch === "arm64" ? 134 : 13;
/** ILL, TRAP, ABRT, BUS, FPE, SEGV. */
const FAULTS = [4, 5, 6, 7, 8, 11];

/**
 * The kernel ends this process at a fault, without pages of the runtime on stderr: who started it sees the
 * signal.
 */
export function leaveFaultsToKernel(): void {
  const byDefault = new BigUint64Array(4); // struct sigaction of the kernel: SIG_DFL
  for (const signal of FAULTS) {
    libcCall(["i64", "buffer", "ptr", "u64"], SYS_RT_SIGACTION, signal, byDefault, null, 8);
  }
}

/** Signals held back from the whole process; see `holdSignals`. */
export interface HeldSignals {
  /** Gives the signals back to their handlers; those that came meanwhile come now. Once. */
  release(): void;
}

/**
 * Holds these signals back from the whole process: blocking alone would not, since the kernel gives what one
 * thread blocks to a thread of the runtime that does not, and an exec would lose it there. They stay pending,
 * over an exec too.
 *
 * Before an exec: hold, let the event loop turn once, so that what came earlier reaches its handlers, then
 * `execSelf` with the same signals blocked. No handler may be added or removed meanwhile. Throws SysError
 * (EPERM outside of the main thread).
 */
export function holdSignals(signals: readonly number[]): HeldSignals {
  const mask = signalMask(signals);
  const saved = new BigUint64Array(64 * 4);
  unwrap("rt_sigaction", native().reeve_hold_signals(mask, saved), { doing: "hold signals back" });
  let held = true;
  return {
    release: () => {
      if (!held) return;
      held = false;
      unwrap("rt_sigaction", native().reeve_release_signals(mask, saved), { doing: "release signals" });
    },
  };
}
