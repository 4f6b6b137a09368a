/**
 * The instance's run directory: the lock that keeps a second reeve from the same daemons, and the journal.
 * Without one reeve works all the same; it says once what that costs.
 */
import { instancePid } from "../sys/process/instance_pid.ts";
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, join } from "node:path";
import { splitSourceName } from "../config/language/format/source_name.ts";
import type { InstancePlan } from "../config/plan/instance_plan.ts";
import { writeAtomically } from "../sys/file/atomic_file.ts";
import { tryLock } from "../sys/file/descriptor.ts";
import { errorText } from "../sys/error_text.ts";

export interface RunDir {
  /** The name of the instance where the directory is one of its own names; null: it was named by hand. */
  readonly name: string | null;
  readonly path: string;
  readonly lockFd: number;
}

/** Where an instance's run directory may be. */
export interface RunDirPlaces {
  /** In the order of preference; none where there is no directory for them. */
  readonly paths: readonly string[];
  /**
   * Written into the directory, so that the same configuration finds it again; null: whoever names a
   * directory means it.
   */
  readonly key: string | null;
}

export class AlreadyRunning extends Error {}

export function runDirPlaces(
  { naming, runDir }: Pick<InstancePlan, "naming" | "runDir">,
  uid: number,
  environment: Readonly<Record<string, string | undefined>>,
): RunDirPlaces {
  if (runDir !== null) return { paths: [runDir], key: null };
  const runtime = environment["XDG_RUNTIME_DIR"];
  const top = uid === 0 ? "/run/reeve" : runtime?.startsWith("/") === true ? join(runtime, "reeve") : null;
  return { paths: top === null ? [] : naming.names.map((name) => join(top, name)), key: naming.identity };
}

/** The directory that the instance has or would have; null: there is no place for one. Changes nothing. */
export function findRunDir({ paths, key }: RunDirPlaces): string | null {
  return paths.find((path) => key !== null && readClaim(path) === key) ?? paths[0] ?? null;
}

/**
 * Opens the instance's directory: the one that it had before, else the first that no other instance has, made
 * with mode 0700, and locks it. `inheritedLock`: the lock that the image before a reload held, which is
 * closed where the configuration now names another directory. Throws AlreadyRunning; null: none can be had,
 * `why` has said so.
 */
export function openRunDir(
  places: RunDirPlaces,
  uid: number,
  inheritedLock: number | null,
  why: (text: string) => void,
): RunDir | null {
  const { paths, key } = places;
  const own = key === null ? undefined : paths.find((path) => readClaim(path) === key);
  const reasons: string[] = [];
  for (const path of own === undefined ? paths : [own]) {
    try {
      makeDirectory(path, uid);
      const found = lockFor(path, key, paths.length > 1, inheritedLock);
      if (found !== null) return { name: key === null ? null : basename(path), path, lockFd: found };
    } catch (error) {
      if (error instanceof AlreadyRunning) throw error;
      reasons.push(errorText(error));
    }
  }
  if (inheritedLock !== null) closeSync(inheritedLock);
  const reason = paths.length === 0
    ? "XDG_RUNTIME_DIR is not set"
    : reasons[0] !== undefined
    ? reasons[0]
    : `other instances have ${paths.map((path) => `"${path}"`).join(", ")}: set instance-name`;
  why(
    `no run directory (${reason}): after a kill -9 of reeve what its daemons left behind is not found, and a second reeve of this configuration is not noticed, and there is no control socket for reeve's commands`,
  );
  return null;
}

function makeDirectory(path: string, uid: number): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const status = lstatSync(path);
  if (!status.isDirectory() || (status.uid !== uid && status.uid !== 0) || (status.mode & 0o022) !== 0) {
    throw new Error(`"${path}" must be a directory of uid ${uid} that nobody else can write to`);
  }
}

/** Null: another instance has the directory, and `hasOthers` to look at. */
function lockFor(
  path: string,
  key: string | null,
  hasOthers: boolean,
  inherited: number | null,
): number | null {
  const owner = key === null ? null : claim(path, key);
  if (owner === null || owner === key || !hasOthers) {
    const fd = takeOver(path, inherited);
    if (owner !== null && owner !== key && key !== null) replaceClaim(path, key);
    return fd;
  }
  if (!isForsaken(owner)) return null;
  try {
    const fd = takeOver(path, inherited);
    // Another instance may have been faster, and be gone again: the directory is its own by now.
    const now = readClaim(path);
    if (now !== owner && now !== key) {
      closeSync(fd);
      return null;
    }
    replaceClaim(path, key ?? owner);
    return fd;
  } catch (error) {
    if (error instanceof AlreadyRunning) return null;
    throw error;
  }
}

/** The instance whose directory it is. */
const CLAIM = "instance";
/** A path of PATH_MAX and a section, with room to spare. */
const LONGEST_CLAIM = 16384;

/**
 * Claims the directory for `key`. -> whose it is: the first to claim it has it. Where it has an owner nothing
 * is written: on a full disk an instance must find what its killed reeve left there.
 */
function claim(path: string, key: string): string {
  const before = readClaim(path);
  if (before !== null) return before;
  const prepared = join(path, `${CLAIM}.${process.pid}`);
  try {
    writeFileSync(prepared, `${key}\n`, { mode: 0o600 });
    linkSync(prepared, join(path, CLAIM));
    return key;
  } catch (error) {
    const owner = readClaim(path);
    if (owner === null) throw error;
    return owner;
  } finally {
    rmSync(prepared, { force: true });
  }
}

/** Under the lock: nobody of that directory runs. */
function replaceClaim(path: string, key: string): void {
  writeAtomically(join(path, CLAIM), new TextEncoder().encode(`${key}\n`), { mode: 0o600 });
}

/** null: there is none, or something that is no small regular file and says nothing. */
function readClaim(path: string): string | null {
  try {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
    const fd = openSync(join(path, CLAIM), flags);
    try {
      const status = fstatSync(fd);
      if (!status.isFile() || status.size > LONGEST_CLAIM) return null;
      return readFileSync(fd, "utf8").replace(/\n$/, "");
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

/** Its configuration is gone: it will not come back for the directory. Nobody is called by an empty name. */
function isForsaken(owner: string): boolean {
  if (owner === "") return true;
  if (!owner.startsWith("/")) return false;
  const { path } = splitSourceName(owner);
  return lstatSync(path, { throwIfNoEntry: false }) === undefined &&
    lstatSync(owner, { throwIfNoEntry: false }) === undefined;
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
 * The directory itself is what is locked, since the file may be removed by whoever tidies up: a second reeve
 * would take the daemons of the first for what a dead one left, and kill them. The file has the pid, and is
 * locked where a directory cannot be (NFS).
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
        } runs this instance: its run directory "${path}" is locked (a second one of the same file wants an instance-name of its own)`,
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
    writeSync(fd, `${instancePid()}\n`, 0);
  } catch {
    // Nobody is told the number, that is all.
  }
}
