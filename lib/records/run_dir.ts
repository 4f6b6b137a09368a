/**
 * The instance's run directory: the lock that keeps a second reeve from the same daemons, and the journal. Without one
 * reeve works all the same; it says once what that costs.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { tryLock } from "../sys/file/descriptor.ts";
import { errorText } from "../sys/error_text.ts";

export interface RunDir {
  readonly path: string;
  readonly lockFd: number;
}

export class AlreadyRunning extends Error {}

/** Candidates in order. `configured` stands alone: who names a directory means it. */
export function runDirCandidates(
  name: string,
  configured: string | null,
  uid: number,
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  if (configured !== null) return [configured];
  if (uid === 0) return [join("/run/reeve", name)];
  const runtime = environment["XDG_RUNTIME_DIR"];
  return runtime !== undefined && runtime.startsWith("/") ? [join(runtime, "reeve", name)] : [];
}

/**
 * Opens the first candidate that can be had, made with mode 0700, and locks it. `inheritedLock`: the lock that the image
 * before a reload held, which is closed where the configuration now names another directory. Throws AlreadyRunning; null:
 * none can be had, `why` has said so.
 */
export function openRunDir(
  candidates: readonly string[],
  uid: number,
  inheritedLock: number | null,
  why: (text: string) => void,
): RunDir | null {
  const reasons: string[] = [];
  for (const path of candidates) {
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      const status = lstatSync(path);
      if (!status.isDirectory() || (status.uid !== uid && status.uid !== 0) || (status.mode & 0o022) !== 0) {
        throw new Error(`"${path}" must be a directory of uid ${uid} that nobody else can write to`);
      }
      return { path, lockFd: takeOver(path, inheritedLock) };
    } catch (error) {
      if (error instanceof AlreadyRunning) throw error;
      reasons.push(errorText(error));
    }
  }
  if (inheritedLock !== null) closeSync(inheritedLock);
  const reason = reasons.length === 0 ? "XDG_RUNTIME_DIR is not set" : reasons.join("; ");
  why(
    `no run directory (${reason}): after a kill -9 of reeve what its daemons left behind is not found, and a second reeve of this configuration is not noticed`,
  );
  return null;
}

function takeOver(path: string, inherited: number | null): number {
  if (inherited === null) return lock(path);
  if (isLockOf(path, inherited)) return inherited;
  const fd = lock(path);
  closeSync(inherited);
  return fd;
}

function isLockOf(path: string, fd: number): boolean {
  try {
    const held = fstatSync(fd);
    const named = lstatSync(held.isDirectory() ? path : join(path, LOCK));
    return held.dev === named.dev && held.ino === named.ino;
  } catch {
    return false; // It was removed, or there is none yet.
  }
}

const LOCK = "lock";

/**
 * The directory itself is what is locked, since the file may be removed by whoever tidies up: a second reeve would take the
 * daemons of the first for what a dead one left, and kill them. The file has the pid, and is locked where a directory
 * cannot be (NFS).
 */
function lock(path: string): number {
  const file = openSync(join(path, LOCK), constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  let directory = -1;
  try {
    if (!fstatSync(file).isFile()) throw new Error(`"${join(path, LOCK)}" is not a regular file`);
    directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    const locked = tryLockDirectory(directory);
    if (!(locked ?? tryLock(file))) {
      const pid = readFileSync(file, "latin1").trim();
      throw new AlreadyRunning(
        `another reeve${
          pid === "" ? "" : ` (pid ${pid})`
        } runs this instance: its run directory "${path}" is locked (set instance-name to run two)`,
      );
    }
    writeOwnPid(file);
    closeSync(locked === null ? directory : file);
    return locked === null ? file : directory;
  } catch (error) {
    closeSync(file);
    if (directory >= 0) closeSync(directory);
    throw error;
  }
}

/** null: this file system locks no directories. */
function tryLockDirectory(fd: number): boolean | null {
  try {
    return tryLock(fd);
  } catch {
    return null;
  }
}

/** For whoever is told that another runs. The lock holds without it, on a full disk too. */
function writeOwnPid(fd: number): void {
  try {
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid}\n`, 0);
  } catch {
    // Nobody is told the number, that is all.
  }
}
