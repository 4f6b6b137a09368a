/**
 * The real system behind ConfigDeps and PlanDeps: files, users and the environment, read when they are
 * asked for and never changed. The only place where the configuration meets the disk.
 */
import { plantedBy } from "../../watch/planted.ts";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { LARGEST_FILE } from "../../config/limits.ts";
import type { FileKind, FileStatus, PlanDeps } from "../../config/system/plan_deps.ts";
import { UserDatabase } from "../../config/users.ts";
import type { ConfigDeps } from "../../config/system/config_deps.ts";
import { lookInRoot, readTextInRoot } from "./root_files.ts";
import { RemoteMounts } from "./remote_mounts.ts";
import { shellGlob } from "./shell_glob.ts";

const LARGEST_SMALL_FILE = 1 << 20;
/** Holds the program headers and the interpreter's name of an ELF file as linkers write it. */
const START_BYTES = 4096;
/** Our own first, and the 32-bit one that the same kernel may run. */
const MACHINES: Readonly<Record<string, readonly number[]>> = { x64: [62, 3], arm64: [183, 40] };
const SMALLEST_READ = 16 << 10;
const STDIN = 0;

export class RealPlanDeps implements PlanDeps {
  readonly uid = process.geteuid?.() ?? 0;
  readonly gid = process.getegid?.() ?? 0;
  readonly cwd = process.cwd();
  readonly path = process.env["PATH"] ?? null;
  readonly #remote = new RemoteMounts();
  #passwd: string | null = null;
  #group: string | null = null;

  get groups(): readonly number[] {
    return process.getgroups?.() ?? [];
  }

  get passwd(): string {
    return this.#passwd ??= textOr("/etc/passwd", "");
  }

  get group(): string {
    return this.#group ??= textOr("/etc/group", "");
  }

  get machines(): readonly number[] | undefined {
    const emulators = namesIn("/proc/sys/fs/binfmt_misc")?.filter((name) =>
      !/^(?:register|status)$/.test(name)
    );
    return emulators === undefined || emulators.length === 0 ? MACHINES[process.arch] : undefined;
  }

  mayHang(path: string): boolean {
    return this.#remote.leadsTo(path);
  }

  stat(path: string): FileStatus | null {
    const found = statOf(path);
    return found === null ? null : fileStatus(found);
  }

  canWrite(path: string): boolean {
    return hasAccess(path, constants.W_OK);
  }

  strangerOn(path: string): number | null {
    return plantedBy(path, this.uid);
  }

  canExecute(path: string): boolean {
    return hasAccess(path, constants.X_OK);
  }

  readStart(path: string): Uint8Array | null {
    if (statOf(path)?.isFile() !== true) return null;
    try {
      const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
      try {
        const bytes = new Uint8Array(START_BYTES);
        return bytes.subarray(0, readSync(fd, bytes));
      } finally {
        closeSync(fd);
      }
    } catch {
      return null;
    }
  }

  readDirectory(path: string): readonly string[] | null {
    return namesIn(path);
  }

  readText(path: string): string | null {
    const found = statOf(path);
    if (found === null || !found.isFile() || found.size > LARGEST_SMALL_FILE) return null;
    return textOr(path, null);
  }

  readInRoot(root: string, path: string): string | null {
    return readTextInRoot(root, path, LARGEST_SMALL_FILE);
  }

  statInRoot(root: string, path: string): FileStatus | null {
    return lookInRoot(root, path, (_, status) => fileStatus(status));
  }
}

export interface WorldOptions {
  /** Whether @(exec://...) may run commands; a check must not. */
  readonly sideEffects: boolean;
  /** For if-reload. */
  readonly isReload: boolean;
  /** Files in it are not read again; others are read and put into it. */
  readonly files?: Map<string, Uint8Array>;
}

export function realConfigDeps(system: PlanDeps, options: WorldOptions): ConfigDeps {
  let stdin: Uint8Array | null = null;
  return {
    // Standard input can be read once only, but may be named more than once.
    readFile: (path) => {
      const known = options.files?.get(path);
      if (known !== undefined) return known;
      const bytes = path === "-" ? stdin ??= readWhole(STDIN, 0) : readConfiguration(path, options.isReload);
      options.files?.set(path, bytes);
      return bytes;
    },
    exists: existsSync,
    isFile: (path) => statOf(path)?.isFile() ?? false,
    isDirectory: (path) => statOf(path)?.isDirectory() ?? false,
    glob: (pattern) => shellGlob(pattern, namesIn, existsSync),
    realDirectoryPath,
    inode: (path) => statOf(path)?.ino ?? 0,
    // The runtime copies its environment at once faster than entry by entry, and none of it is undefined.
    environment: { ...process.env } as Record<string, string>,
    cwd: system.cwd,
    get hostname() {
      return process.getBuiltinModule("node:os").hostname();
    },
    get cpuCount() {
      return navigator.hardwareConcurrency;
    },
    startedAt: BigInt(Date.now()) * 1000n,
    get user() {
      return currentUser(system);
    },
    binary: process.execPath,
    isReload: options.isReload,
    ...(options.sideEffects ? { execute } : {}),
    readFd: (fd) => readWhole(fd, 0),
  };
}

/**
 * A regular file or a FIFO; opened once, so that what was looked at is what is read. Daemons run at a reload:
 * then it is a regular file or nothing, since whoever may put a FIFO in its place would otherwise stop the
 * supervisor.
 */
function readConfiguration(path: string, isReload: boolean): Uint8Array {
  const wait = isReload ? constants.O_NONBLOCK : 0;
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOCTTY | wait);
  try {
    const status = fstatSync(fd);
    if (isReload && !status.isFile() && !status.isDirectory()) {
      throw new Error(`"${path}" is no regular file, and only such a one is read again`);
    }
    if (status.isDirectory()) throw Object.assign(new Error(`"${path}" is a directory`), { code: "EISDIR" });
    return readWhole(fd, status.isFile() ? status.size : 0);
  } finally {
    closeSync(fd);
  }
}

/**
 * Reads a descriptor to its end. Throws when it is too much for a configuration: /dev/zero has no end.
 * `size`: of a regular file, else 0; files of /proc say 0 as well. readFileSync costs four times as much at
 * the first call.
 */
function readWhole(fd: number, size: number): Uint8Array {
  // One byte more than there should be: the read that finds the end is then the first one.
  let bytes = new Uint8Array(Math.min(Math.max(size, SMALLEST_READ), LARGEST_FILE) + 1);
  let filled = 0;
  for (;;) {
    const count = readSync(fd, bytes, filled, bytes.length - filled, null);
    filled += count;
    if (filled > LARGEST_FILE) throw new Error(`it has more than ${LARGEST_FILE} bytes`);
    if (count === 0 || filled === size) return bytes.subarray(0, filled);
    if (filled < bytes.length) continue;
    const larger = new Uint8Array(Math.min(bytes.length * 2, LARGEST_FILE + 1));
    larger.set(bytes);
    bytes = larger;
  }
}

function execute(command: string): Uint8Array {
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const result = spawnSync("/bin/sh", ["-c", command], {
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: LARGEST_FILE,
  });
  if (result.error !== undefined) throw result.error;
  if (result.status === 0) return result.stdout;
  throw new Error(result.signal === null ? `it exited with ${result.status}` : `it died of ${result.signal}`);
}

function currentUser(system: PlanDeps): ConfigDeps["user"] {
  const users = new UserDatabase(system);
  return {
    uid: system.uid,
    name: users.userById(system.uid)?.name ?? String(system.uid),
    gid: system.gid,
    group: users.groupById(system.gid)?.name ?? String(system.gid),
  };
}

function realDirectoryPath(path: string): string {
  const absolute = path.startsWith("/") ? path : join(process.cwd(), path);
  try {
    return join(realpathSync(dirname(absolute)), basename(absolute));
  } catch {
    return absolute;
  }
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function fileStatus(found: Stats): FileStatus {
  return { kind: kindOf(found), mode: found.mode & 0o7777, uid: found.uid, gid: found.gid };
}

function kindOf(status: { mode: number }): FileKind {
  switch (status.mode & constants.S_IFMT) {
    case constants.S_IFREG:
      return "file";
    case constants.S_IFDIR:
      return "directory";
    case constants.S_IFIFO:
      return "fifo";
    case constants.S_IFSOCK:
      return "socket";
    case constants.S_IFCHR:
    case constants.S_IFBLK:
      return "device";
    default:
      return "other";
  }
}

function hasAccess(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function namesIn(path: string): readonly string[] | null {
  try {
    return readdirSync(path);
  } catch {
    return null;
  }
}

function textOr<Otherwise>(path: string, otherwise: Otherwise): string | Otherwise {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
