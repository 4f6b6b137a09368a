/**
 * Which image of reeve this is. The first one of a run turns into the core: where the stub has not done it,
 * it executes itself with what the runtime needs in its environment; or, as PID 1, it becomes the helper's
 * init, which runs the core as its child and starts it again when it crashes. Nothing has been read or
 * started before.
 */
import { EMPTY_CHILD } from "../sys/child/child_spec.ts";
import { closeSync, constants, openSync } from "node:fs";
import { execSelf } from "../sys/child/exec_self.ts";
import { holdSignals } from "../sys/process/signals.ts";
import { becomeInit } from "../sys/child/spawn.ts";
import { type Capsule, sealCapsule } from "../records/capsule.ts";
import { HELD_SIGNALS } from "./signal_wiring.ts";

/** How long a container's orphans may take to stop before PID 1 kills them, milliseconds. */
const ORPHAN_GRACE_MS = 3000;

/** The first capsule of a run. */
function firstCapsule(argv: readonly string[]): Capsule {
  return {
    argv,
    saved: {},
    reloads: 0,
    stateFd: null,
    readyFd: null,
    filesFd: null,
    lockFd: null,
    underInit: false,
    cwd: process.cwd(),
  };
}

/**
 * The capsule of this very image, where the stub has prepared it: it is the core without another exec. null
 * as PID 1, which never is.
 */
export function coreAlready(argv: readonly string[]): Capsule | null {
  return process.pid === 1 ? null : firstCapsule(argv);
}

/** Returns only by throwing. `argv`: without the program's name. */
export function becomeCore(argv: readonly string[]): never {
  if (process.pid === 1) runUnderInit(argv);
  const held = holdSignals(HELD_SIGNALS);
  try {
    execute(firstCapsule(argv));
  } catch (error) {
    held.release();
    throw error;
  }
}

/**
 * The next image of this process, after a reload. No signal is lost on the way. Rejects where there can be
 * none; resolves only when `calledOff`: what came before the signals were held has had its turn by then, and
 * may have been a stop. `capsule` is asked for at the last instant: what happens to a daemon after that
 * happens to the next image.
 */
export async function executeCore(
  capsule: () => Omit<Capsule, "saved">,
  calledOff: () => boolean,
): Promise<void> {
  const held = holdSignals(HELD_SIGNALS);
  try {
    // Earlier signals are with their handlers after one turn of the event loop.
    await new Promise((turned) => setImmediate(turned));
    if (calledOff()) held.release();
    else execute(capsule());
  } catch (error) {
    held.release();
    throw error;
  }
}

function execute(capsule: Omit<Capsule, "saved">): never {
  const { stateFd, readyFd, filesFd, lockFd, control } = capsule;
  const keepFds = [stateFd, readyFd, filesFd, lockFd, control?.fd ?? null].filter((fd) => fd !== null);
  execSelf({
    program: { path: "/proc/self/exe" },
    args: shownArguments(capsule.argv),
    environment: sealCapsule(process.env, capsule),
    keepFds,
    blockSignals: HELD_SIGNALS,
  });
}

function runUnderInit(argv: readonly string[]): never {
  const executable = openExecutable();
  try {
    becomeInit(
      {
        ...CORE_CHILD,
        args: shownArguments(argv),
        file: { fd: executable },
        environment: sealCapsule(process.env, { ...firstCapsule(argv), underInit: true }),
        session: "same",
      },
      { restart: true, forwardGroup: false, stopOrphans: true, graceMs: ORPHAN_GRACE_MS },
    );
  } finally {
    closeSync(executable);
  }
}

/** A child of reeve that is reeve: everything as it is. */
export const CORE_CHILD = {
  ...EMPTY_CHILD,
  spawnId: 0,
  fds: new Map<number, number | "null">([[0, 0], [1, 1], [2, 2]]),
  blockedSignals: HELD_SIGNALS,
} as const;

export function openExecutable(): number {
  return openSync("/proc/self/exe", constants.O_RDONLY);
}

/** For ps; the true ones are in the capsule, since an exec of ourselves carries no empty argument. */
export function shownArguments(argv: readonly string[]): string[] {
  return [process.argv0, ...argv].filter((word) => word !== "");
}
