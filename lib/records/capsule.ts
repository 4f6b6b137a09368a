/**
 * The state that one image of reeve hands to the next over an exec: a small record in the environment, which
 * is taken out before anything else sees it. No daemon ever gets it.
 *
 * Bun wakes up 14 times a second unless its garbage collector's timer is told otherwise at start, and only
 * the environment can tell it. The stub of a packed executable does so before the runtime starts
 * (native/stub/stub.c); without one the first image executes itself once, with that set.
 */
import { MACHINERY_PREFIX } from "../process/environment.ts";
import {
  bool,
  decodeOrNull,
  encode,
  type Format,
  list,
  named,
  nullable,
  object,
  optional,
  text,
  whole,
} from "./codec.ts";

const VARIABLE = `${MACHINERY_PREFIX}CORE`;
/**
 * Linux takes 128 KiB for one string, and the command line may be longer: the text goes on in further
 * variables.
 */
const LONGEST_PIECE = 100_000;

/** Set for Bun's sake alone, put back to what they were for the daemons. */
const RUNTIME: Readonly<Record<string, string>> = {
  BUN_GC_TIMER_INTERVAL: "60000",
  // Measured with 100 and 1,000 daemons: 9.0 and 15.2 MB of private dirty memory with the compilers, 6.3 and
  // 10.0 without, and no difference in time: nothing in a supervisor runs often enough to be worth compiling.
  BUN_JSC_useBaselineJIT: "0",
  BUN_JSC_forceMiniVMMode: "1",
  BUN_JSC_useConcurrentGC: "0",
  BUN_JSC_useRegExpJIT: "0",
  BUN_JSC_useWarmUpMarkedBlocks: "0",
  BUN_JSC_numberOfGCMarkers: "1",
};

const PREPARED = `${MACHINERY_PREFIX}PREPARED`;
const REPLACED = "replaced";
/** The stub's own: the signal mask before it blocked any, as 16 hexadecimal digits. */
const MASK = `${MACHINERY_PREFIX}MASK`;

/**
 * The variables that the stub adds to the environment, in the form of struct stub_head: the first, or else
 * the second, says that it did.
 */
export const PREPARATION: readonly string[] = [
  `${PREPARED}=${REPLACED}`,
  `${PREPARED}=added`,
  ...Object.entries(RUNTIME).map(([name, value]) => `${name}=${value}`),
];

export interface Capsule {
  /** As the user called reeve, without the program's name; empty arguments included. */
  readonly argv: readonly string[];
  /** The values of the variables of RUNTIME before; null: unset. */
  readonly saved: Readonly<Record<string, string | null>>;
  /** How often this process has been reloaded. */
  readonly reloads: number;
  /** Memfd with the state of the image before; null at a first start. */
  readonly stateFd: number | null;
  /**
   * Pipe to the process that the user started, which waits until the daemonized one is up; null: not
   * daemonized.
   */
  readonly readyFd: number | null;
  /** Memfd with the configuration's files as they were checked for a reload; null at a first start. */
  readonly filesFd: number | null;
  /** Lock of the run directory, held over a reload. */
  readonly lockFd: number | null;
  /** The control socket, which listens on over a reload; absent: there is none. */
  readonly control?: { readonly fd: number; readonly dev: string; readonly ino: string };
  /** The helper's init is our parent and PID 1: nothing outlives this instance. */
  readonly underInit: boolean;
  /** Directory in which reeve was started: relative paths of the command line are read from there. */
  readonly cwd: string;
}

/** Takes the capsule out of `environment`; null in a first image. */
export function takeCapsule(environment: Record<string, string | undefined>): Capsule | null {
  let written = "";
  for (let piece = 0;; piece++) {
    const name = pieceName(piece);
    if (environment[name] === undefined) break;
    written += environment[name];
    delete environment[name];
  }
  const capsule = decodeOrNull(CAPSULE, written);
  if (capsule === null) return null;
  for (const [name, value] of Object.entries(capsule.saved)) {
    if (value === null) delete environment[name];
    else environment[name] = value;
  }
  return capsule;
}

/** The facts that the stub has told. */
export interface Preparation {
  /** The runtime was started as a supervisor needs it. */
  readonly done: boolean;
  /**
   * Signals that were blocked when reeve was started, bit n-1 for signal n; null: there was no stub, and no
   * signal is blocked.
   */
  readonly mask: bigint | null;
}

/**
 * Takes out of `environment` what the stub has put there. Called after `takeCapsule`, with what that found.
 * `original`: the environment as it was, names and values; asked only where the user had set variables of
 * these names.
 */
export function takePreparation(
  environment: Record<string, string | undefined>,
  capsule: Capsule | null,
  original: () => Readonly<Record<string, string>>,
): Preparation {
  const how = environment[PREPARED];
  const mask = environment[MASK];
  delete environment[PREPARED];
  delete environment[MASK];
  if (how === undefined) return { done: false, mask: null };
  if (capsule === null) { // else its variables are back already
    const before = how === REPLACED ? original() : {};
    for (const name of Object.keys(RUNTIME)) {
      const value = before[name];
      if (value === undefined) delete environment[name];
      else environment[name] = value;
    }
  }
  return { done: true, mask: mask !== undefined && /^[0-9a-f]{16}$/.test(mask) ? BigInt(`0x${mask}`) : null };
}

/** The environment for the next image, as NAME=value strings. */
export function sealCapsule(
  environment: Readonly<Record<string, string | undefined>>,
  capsule: Omit<Capsule, "saved">,
): string[] {
  const saved: Record<string, string | null> = {};
  for (const name of Object.keys(RUNTIME)) saved[name] = environment[name] ?? null;
  const next: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && !(name in saved) && !name.startsWith(VARIABLE)) next.push(`${name}=${value}`);
  }
  for (const [name, value] of Object.entries(RUNTIME)) next.push(`${name}=${value}`);
  const sealed = encode(CAPSULE, { ...capsule, saved });
  for (let piece = 0; piece * LONGEST_PIECE < sealed.length; piece++) {
    next.push(`${pieceName(piece)}=${sealed.slice(piece * LONGEST_PIECE, (piece + 1) * LONGEST_PIECE)}`);
  }
  return next;
}

/** The capsule as a text, for who keeps it elsewhere than in the environment. */
export function writeCapsule(capsule: Omit<Capsule, "saved">): string {
  const saved = Object.fromEntries(Object.keys(RUNTIME).map((name) => [name, null]));
  return encode(CAPSULE, { ...capsule, saved });
}

/** null: it is none. */
export function readCapsule(text: string): Capsule | null {
  return decodeOrNull(CAPSULE, text);
}

function pieceName(piece: number): string {
  return piece === 0 ? VARIABLE : `${VARIABLE}_${piece}`;
}

const descriptor = whole(0, 0x7fffffff);

/** Anything else than what `sealCapsule` writes is none: a variable of that name may come from anywhere. */
export const CAPSULE: Format<Capsule> = {
  name: "capsule",
  shape: object<Capsule>({
    argv: list(text),
    saved: named(Object.keys(RUNTIME), nullable(text)),
    reloads: whole(),
    stateFd: nullable(descriptor),
    readyFd: nullable(descriptor),
    filesFd: nullable(descriptor),
    lockFd: nullable(descriptor),
    control: optional(object({ fd: descriptor, dev: text, ino: text })),
    underInit: bool,
    cwd: text,
  }),
  older: [(json) => json],
};
