/**
 * Puts executable bytes behind a file descriptor, without a writable directory where the kernel allows it: a
 * sealed memfd, else an unlinked file in a private directory. Uses libc's syscall() alone, since the library
 * of native/ is itself loaded through here. Must never leave a file behind, nor a descriptor that a child
 * inherits.
 */
import { accessSync, closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { cString } from "../checks.ts";
import { libcCall } from "./libc.ts";
import { F_ADD_SEALS, MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_EXEC } from "./constants.ts";

const SYS_MEMFD_CREATE = process.arch === "arm64" ? 279 : 319;
const SYS_FCNTL = process.arch === "arm64" ? 25 : 72;
const SEAL_EVERYTHING = 0xf;

/** The calls that `imageFd` makes to the system; a test passes one that refuses. */
export interface ImageHost {
  /** memfd_create(2) -> descriptor or -1. */
  memfd(name: string, flags: number): number;
  seal(fd: number): void;
  /** Directories to try, best first, when there is no memfd. */
  readonly directories: readonly string[];
}

/**
 * A close-on-exec descriptor of a file that holds `bytes` and may be executed and mapped. The caller closes
 * it.
 */
export function imageFd(name: string, bytes: Uint8Array, host: ImageHost = SYSTEM): number {
  const fd = executableMemfd(name, host);
  if (fd >= 0) {
    // With vm.memfd_noexec=2 some kernels create a memfd but do not let it be executed.
    if (isExecutable(fd)) {
      writeAll(fd, bytes);
      host.seal(fd);
      return fd;
    }
    closeSync(fd);
  }
  for (const directory of host.directories) {
    const file = unlinkedFile(directory, name, bytes);
    if (file !== null) return file;
  }
  const reason = fd < 0 ? "refused" : "its files may not be executed";
  throw hostProblem(
    `cannot load the native part "${name}": memfd_create: ${reason}; and none of ` +
      `${host.directories.map((path) => JSON.stringify(path)).join(", ")} holds executable files for us: ` +
      "set the sysctl vm.memfd_noexec to 0, or XDG_RUNTIME_DIR to a writable directory that is not mounted noexec",
  );
}

/** The host's fault and not the program's: no stack is to be shown with it. */
function hostProblem(text: string): Error {
  const error = new Error(text);
  error.stack = text;
  return error;
}

function executableMemfd(name: string, host: ImageHost): number {
  const fd = host.memfd(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  // Linux before 6.3 does not know MFD_EXEC, and every memfd of theirs can be executed.
  return fd < 0 ? host.memfd(name, MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

/** null: this directory cannot serve. */
function unlinkedFile(directory: string, name: string, bytes: Uint8Array): number | null {
  let own: string | null = null;
  try {
    own = mkdtempSync(join(directory, "reeve-"));
    const path = join(own, name);
    const writer = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o500);
    try {
      writeAll(writer, bytes);
    } finally {
      closeSync(writer); // before it is executed: ETXTBSY otherwise
    }
    accessSync(path, constants.X_OK); // also fails on a file system mounted noexec
    return openSync(path, constants.O_RDONLY);
  } catch {
    return null;
  } finally {
    if (own !== null) rmSync(own, { recursive: true, force: true });
  }
}

function isExecutable(fd: number): boolean {
  try {
    accessSync(`/proc/self/fd/${fd}`, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written);
}

const SYSTEM: ImageHost = {
  memfd: (name, flags) => libcCall(["buffer", "u64"], SYS_MEMFD_CREATE, cString(name, "memfd name"), flags),
  seal: (fd) => void libcCall(["i64", "i64", "i64"], SYS_FCNTL, fd, F_ADD_SEALS, SEAL_EVERYTHING),
  get directories() {
    return imageDirectories();
  },
};

/** Where executable bytes go when there is no memfd for them, best first. */
export function imageDirectories(): readonly string[] {
  const { XDG_RUNTIME_DIR, TMPDIR } = process.env;
  return [XDG_RUNTIME_DIR, "/run", "/dev/shm", TMPDIR, "/tmp", "/var/tmp"]
    .filter((path): path is string => path?.startsWith("/") === true);
}
