/**
 * Signals by name and number, as Linux numbers them on x86-64 and arm64 (asm-generic). Pure: it never sends
 * one.
 */
import { integer } from "./checks.ts";

const NAMES =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
    .split(" ");
const OTHER_NAMES: Readonly<Record<string, number>> = { IOT: 6, CLD: 17, POLL: 29, UNUSED: 31 };

/** The first real-time signal that programs may use: the C library keeps 32 and 33. */
const FIRST_REAL_TIME = 34;
const LAST_SIGNAL = 64;

/**
 * Number of a signal given as `TERM`, `SIGTERM`, `15`, `RTMIN+1` or `RTMAX-2` (any case); null for anything
 * else, 0 included: the signal 0 does nothing, and a stop signal that does nothing is a mistake.
 */
export function parseSignal(text: string): number | null {
  const wanted = text.trim().toUpperCase();
  if (/^\d{1,3}$/.test(wanted)) {
    const number = Number(wanted);
    return number >= 1 && number <= LAST_SIGNAL ? number : null;
  }
  const name = wanted.startsWith("SIG") ? wanted.slice(3) : wanted;
  const index = NAMES.indexOf(name);
  if (index >= 0) return index + 1;
  const other = Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name] : undefined;
  if (other !== undefined) return other;
  const realTime = /^RTM(IN|AX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime === null) return null;
  const base = realTime[1] === "IN" ? FIRST_REAL_TIME : LAST_SIGNAL;
  const offset = Number(realTime[3] ?? "0") * (realTime[2] === "-" ? -1 : 1);
  const number = base + offset;
  return number >= FIRST_REAL_TIME && number <= LAST_SIGNAL ? number : null;
}

/** `TERM`, `RTMIN+1`; the number itself where it has no name. */
export function signalName(number: number): string {
  const name = NAMES[number - 1];
  if (name !== undefined) return name;
  if (number === FIRST_REAL_TIME) return "RTMIN";
  if (number > FIRST_REAL_TIME && number <= LAST_SIGNAL) return `RTMIN+${number - FIRST_REAL_TIME}`;
  return String(number);
}

/**
 * Bit n-1 stands for signal n, as the kernel has a set of signals. Throws RangeError for what is no signal.
 */
export function signalMask(signals: readonly number[]): bigint {
  let mask = 0n;
  for (const signal of signals) mask |= 1n << BigInt(integer(signal, "signal", 1, LAST_SIGNAL) - 1);
  return mask;
}

/** The signals of a mask. */
export function signalsOf(mask: bigint): number[] {
  return Array.from({ length: LAST_SIGNAL }, (_, index) => index + 1).filter((signal) =>
    (mask >> BigInt(signal - 1) & 1n) === 1n
  );
}
