/**
 * The files by which others reach a running instance: its pidfiles, its FIFO, its sockets. Finds the one that
 * is another running reeve's: taken from it, that one could no longer be told to stop. Changes nothing, and
 * believes no file of a stranger.
 */
import { closeSync, constants, lstatSync, openSync, readdirSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { InstancePlan } from "../config/plan/instance_plan.ts";
import { parsePid } from "../daemon/pidfile.ts";
import { isReeve, type RunningReeve, runningReeve } from "../process/running_reeve.ts";
import { closeFd, peerCredentials } from "../sys/file/descriptor.ts";
import { readSmallPath } from "../sys/file/files.ts";
import { listProcesses } from "../sys/process/process_table.ts";
import { connectTo } from "../sys/socket/scm.ts";

/** A second instance that is given a name of the first. */
export class NameTaken extends Error {
  constructor(path: string, what: string, { pid, instance }: RunningReeve) {
    super(
      `"${path}" is the ${what} of the running reeve ${pid} (${instance}): stop that one, or give this one a ${what} of its own`,
    );
  }
}

type Names = Pick<InstancePlan, "pidfiles" | "masterFifo" | "stats" | "setnsServer" | "identity">;

const LONGEST_PID = 32;
/** Start times are whole clock ticks. */
const CLOCK_GRAIN_MS = 20;

/** Throws NameTaken. `uid`: reeve's own. Paths are relative to its working directory. */
export function refuseTakenNames(instance: Names, uid: number): void {
  const trusted = new Set([0, uid, ...(instance.identity === null ? [] : [instance.identity.uid])]);
  for (const { path } of instance.pidfiles) {
    refuse(path, "pidfile", () => reeveOfPidfile(resolve(path), trusted));
  }
  for (const { path } of instance.masterFifo.slice(0, 1)) {
    refuse(path, "master-fifo", () => reeveOfFifo(resolve(path), trusted));
  }
  const { stats, setnsServer } = instance;
  if (stats?.address.kind === "unix") {
    const { path } = stats.address;
    refuse(path, "stats socket", () => reeveOfSocket(resolve(path)));
  }
  if (setnsServer !== null) {
    refuse(setnsServer.path, "setns-socket", () => reeveOfSocket(resolve(setnsServer.path)));
  }
}

/**
 * The other reeve that reads the FIFO; null: none does. `trusted`: whose FIFOs are believed to be a reeve's.
 */
function reeveOfFifo(path: string, trusted: ReadonlySet<number>): RunningReeve | null {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (found === undefined || !found.isFIFO() || !trusted.has(Number(found.uid)) || !hasReader(path)) {
    return null;
  }
  for (const { pid } of listProcesses()) {
    if (isReeve(pid) && hasOpen(pid, found)) {
      const reeve = runningReeve(pid);
      if (reeve !== null) return reeve;
    }
  }
  return null;
}

function refuse(path: string, what: string, find: () => RunningReeve | null): void {
  let reeve: RunningReeve | null = null;
  try {
    reeve = find();
  } catch {
    // The file there cannot be looked at: the part that makes it says what is wrong.
  }
  if (reeve !== null) throw new NameTaken(path, what, reeve);
}

/** A pid that was given to another process since, or that a stranger wrote, names nobody. */
function reeveOfPidfile(path: string, trusted: ReadonlySet<number>): RunningReeve | null {
  const found = readSmallPath(path, LONGEST_PID, { follow: false });
  if (found === null || !trusted.has(found.status.uid)) return null;
  const reeve = runningReeve(parsePid(new TextDecoder().decode(found.bytes)) ?? 0);
  if (reeve === null) return null;
  const writtenAt = Number(found.status.modified / 1_000_000n);
  return reeve.startedAt > writtenAt + CLOCK_GRAIN_MS ? null : reeve;
}

function hasReader(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW));
    return true;
  } catch {
    return false;
  }
}

function hasOpen(pid: number, { dev, ino }: { readonly dev: bigint; readonly ino: bigint }): boolean {
  const directory = `/proc/${pid}/fd`;
  try {
    return readdirSync(directory).some((fd) => {
      const found = statSync(`${directory}/${fd}`, { bigint: true, throwIfNoEntry: false });
      return found !== undefined && found.dev === dev && found.ino === ino;
    });
  } catch {
    return false;
  }
}

/** The pid of the listener, as the kernel says. */
function reeveOfSocket(path: string): RunningReeve | null {
  if (!lstatSync(path).isSocket()) return null;
  const fd = connectTo(path);
  try {
    return runningReeve(peerCredentials(fd).pid);
  } finally {
    closeFd(fd);
  }
}
