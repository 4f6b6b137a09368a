/**
 * Who this process is. An instance is run by a core, which a keeper has started; a process of which the stub
 * could not tell that it runs one executes itself once more, as the keeper. From one core to the next goes
 * what the keeper holds for it: the capsule, and the descriptors that it names.
 */
import { readFileSync } from "node:fs";
import type { Capsule } from "../records/capsule.ts";
import { readCapsule, writeCapsule } from "../records/capsule.ts";
import { execSelf } from "../sys/child/exec_self.ts";
import { closeFd } from "../sys/file/descriptor.ts";
import { memfdOf } from "../sys/file/memfd.ts";
import { type Keeper, keeper } from "../sys/keeper/keeper.ts";
import { CORE_REASON, WELCOME_FLAG } from "../sys/native/constants.ts";
import { holdSignals } from "../sys/process/signals.ts";
import { MACHINERY_PREFIX } from "../process/environment.ts";
import { HELD_SIGNALS } from "./signal_wiring.ts";

/** Tells the stub that the words are an instance's (native/stub/keeper_start.c). */
export const IS_INSTANCE = `${MACHINERY_PREFIX}INSTANCE`;
/** Under these names the keeper holds what a capsule names. */
const HELD = { stateFd: "state", filesFd: "files", lockFd: "lock" } as const;
const CAPSULE = "capsule";
const CONTROL = "control";
/** A keeper with room for fewer in one birth has none to spare. */
const LEAST_FDS = 8;

/** The first capsule of a run. */
export function firstCapsule(argv: readonly string[]): Capsule {
  return {
    argv,
    saved: {},
    reloads: 0,
    stateFd: null,
    readyFd: null,
    filesFd: null,
    lockFd: null,
    underInit: isUnderInit(),
    cwd: process.cwd(),
  };
}

function isUnderInit(): boolean {
  return ((keeper()?.welcome.flags ?? 0) & WELCOME_FLAG.isInit) !== 0;
}

/** Returns only by throwing. `argv`: without the program's name. */
export function becomeKeeper(argv: readonly string[]): never {
  const held = holdSignals(HELD_SIGNALS);
  try {
    execSelf({
      program: { path: "/proc/self/exe" },
      args: [process.argv0, ...argv],
      environment: [
        ...Object.entries(process.env).map(([name, value]) => `${name}=${value}`),
        `${IS_INSTANCE}=1`,
      ],
      keepFds: [],
      blockSignals: [],
    });
  } catch (error) {
    held.release();
    throw error;
  }
}

/** How the core before this one came to its end. */
export interface FormerCore {
  readonly reason: "reload" | "crashed" | "hung" | "malformed";
  /** As wait(2) has it. */
  readonly status: number;
}

/** null: this is the first core, or the one before never was up. */
export function formerCore({ welcome }: Keeper): FormerCore | null {
  if ((welcome.flags & WELCOME_FLAG.wasUp) === 0) return null;
  const { reason, status } = welcome;
  if (reason === CORE_REASON.reload) return { reason: "reload", status };
  return {
    reason: reason === CORE_REASON.hung ? "hung" : reason === CORE_REASON.malformed ? "malformed" : "crashed",
    status,
  };
}

/** Where few descriptors can be had, all that are held are in the way of births. */
export function isNarrow({ welcome }: Keeper): boolean {
  return welcome.birthFds < LEAST_FDS;
}

/** The capsule of the core before this one; null: there is none, or none that can be believed. */
export function heldCapsule(from: Keeper): Capsule | null {
  const fd = from.take(CAPSULE);
  if (fd === null) return null;
  try {
    const written = readCapsule(readFileSync(`/proc/self/fd/${fd}`, "utf8"));
    if (written === null) return null;
    const taken = (key: keyof typeof HELD): number | null =>
      written[key] === null ? null : from.take(HELD[key]);
    const control = written.control === undefined ? null : from.take(CONTROL);
    const { control: before, ...capsule } = written;
    const isReload = formerCore(from)?.reason === "reload";
    return {
      ...capsule,
      // Another core goes on, as after a reload, whatever ended the one before.
      reloads: isReload ? capsule.reloads : capsule.reloads + 1,
      stateFd: isReload ? taken("stateFd") : null,
      filesFd: taken("filesFd"),
      lockFd: taken("lockFd"),
      underInit: isUnderInit(),
      ...(before === undefined || control === null ? {} : { control: { ...before, fd: control } }),
    };
  } finally {
    closeFd(fd);
    if (isNarrow(from)) { for (const name of [CAPSULE, CONTROL, ...Object.values(HELD)]) from.drop(name); }
  }
}

/** Has the keeper hold what a capsule names, and the capsule. Throws SysError where it has no room. */
export function holdCapsule(to: Keeper, capsule: Omit<Capsule, "saved">): void {
  for (const key of ["stateFd", "filesFd", "lockFd"] as const) {
    const fd = capsule[key];
    if (fd !== null) to.hold(HELD[key], fd);
  }
  if (capsule.control !== undefined) to.hold(CONTROL, capsule.control.fd);
  const fd = memfdOf("reeve-capsule", new TextEncoder().encode(writeCapsule({ ...capsule, readyFd: null })));
  try {
    to.hold(CAPSULE, fd);
  } finally {
    closeFd(fd);
  }
}

/**
 * The next core goes on where this one ends. No signal is lost on the way, for the keeper has them. Rejects
 * where there can be none; resolves only when `calledOff`: what came before has had its turn by then, and may
 * have been a stop. `capsule` is asked for at the last instant.
 */
export async function handToNext(
  capsule: () => Omit<Capsule, "saved">,
  calledOff: () => boolean,
): Promise<void> {
  const to = keeper();
  if (to === null) throw new Error("there is no keeper");
  to.receive();
  await new Promise((turned) => setImmediate(turned));
  if (calledOff()) return;
  holdCapsule(to, capsule());
  to.next(CORE_REASON.reload);
  process.exit(0);
}
