/**
 * Signals by name and number, and reeve's own signal mask. Must never change how the runtime handles a signal: that is
 * `process.on`.
 */
import { constants } from "node:os";
import { integer } from "./checks.ts";
import { native, unwrap } from "./native.ts";

const RTMIN = 34;
const RTMAX = 64;
const ALIASES: Readonly<Record<string, string>> = { CLD: "CHLD", POLL: "IO", IOT: "ABRT", UNUSED: "SYS" };

const NUMBERS: ReadonlyMap<string, number> = new Map(
  Object.entries(constants.signals).map(([name, number]) => [name.slice(3), number]),
);
const NAMES: ReadonlyMap<number, string> = new Map(
  [...NUMBERS].filter(([name]) => ALIASES[name] === undefined).map(([name, number]) => [number, name]),
);

/** "TERM", "SIGTERM", "term", "RTMIN+2", "15" to a number of 1 to 64; null for what is none of these. */
export function signalFromName(text: string): number | null {
  if (/^\d{1,2}$/.test(text)) {
    const number = Number(text);
    return number >= 1 && number <= RTMAX ? number : null;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime !== null) {
    const from = realTime[1] === "MIN" ? RTMIN : RTMAX;
    const number = from + Number(`${realTime[2] ?? "+"}${realTime[3] ?? "0"}`);
    return number >= RTMIN && number <= RTMAX ? number : null;
  }
  return NUMBERS.get(ALIASES[name] ?? name) ?? null;
}

/** "SIGTERM", "SIGRTMIN+2"; "signal 32" for one without a name. */
export function signalName(signal: number): string {
  const name = NAMES.get(signal);
  if (name !== undefined) return `SIG${name}`;
  if (signal < RTMIN || signal > RTMAX) return `signal ${signal}`;
  return signal === RTMIN ? "SIGRTMIN" : `SIGRTMIN+${signal - RTMIN}`;
}

/**
 * Holds these signals back from the calling thread, until they are unblocked or the event loop waits: the runtime waits with an
 * empty mask, in which pending ones come. Other threads take what this one blocks (`holdSignals` is for that). Children get
 * an empty mask all the same.
 */
export function blockSignals(signals: readonly number[]): void {
  unwrap("rt_sigprocmask", native().reeve_sigmask(0, signalMask(signals)));
}

/**
 * Lets signals come that the image before us left blocked. Their handlers must be there first, and both before the event loop
 * waits for the first time: so not behind an await.
 */
export function unblockSignals(signals: readonly number[]): void {
  unwrap("rt_sigprocmask", native().reeve_sigmask(1, signalMask(signals)));
}

/** Bit n-1 stands for signal n. */
export function signalMask(signals: readonly number[]): bigint {
  let mask = 0n;
  for (const signal of signals) mask |= 1n << BigInt(integer(signal, "signal", 1, RTMAX) - 1);
  return mask;
}

/** Signals held back from the whole process; see `holdSignals`. */
export interface HeldSignals {
  /** Gives the signals back to their handlers; those that came meanwhile come now. Once. */
  release(): void;
}

/**
 * Holds these signals back from the whole process: blocking alone would not, since the kernel gives what one thread blocks to
 * a thread of the runtime that does not, and an exec would lose it there. They stay pending, over an exec too.
 *
 * Before an exec: hold, let the event loop turn once, so that what came earlier reaches its handlers, then `execSelf` with the
 * same signals blocked. No handler may be added or removed meanwhile. Throws SysError (EPERM outside of the main thread).
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
