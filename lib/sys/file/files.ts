/**
 * Files that somebody else may have made, and may have made to harm: opened without following links where
 * asked, without waiting for a FIFO's writer, without becoming a terminal's owner. Everything opened here is
 * close-on-exec.
 */
import { cString, fileDescriptor, integer } from "../checks.ts";
import { closeFd, readInto } from "./descriptor.ts";
import { native, unwrap } from "../native/native.ts";
import {
  AT_FDCWD,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  S_IFMT,
} from "../native/constants.ts";

const ACCESS = {
  read: O_RDONLY | O_NONBLOCK | O_NOCTTY,
  write: O_WRONLY | O_NONBLOCK | O_NOCTTY,
  append: O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY,
  name: O_PATH,
  directory: O_PATH | O_DIRECTORY,
} as const;

const KINDS: Readonly<Record<number, FileKind>> = {
  0o010000: "fifo",
  0o020000: "character device",
  0o040000: "directory",
  0o060000: "block device",
  0o100000: "file",
  0o120000: "link",
  0o140000: "socket",
};

export type FileKind =
  | "fifo"
  | "character device"
  | "directory"
  | "block device"
  | "file"
  | "link"
  | "socket"
  | "unknown";

export interface FileStatus {
  readonly kind: FileKind;
  /** Permission bits with set-id and sticky, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly inode: bigint;
  readonly device: bigint;
  /** Nanoseconds since 1970. */
  readonly modified: bigint;
  readonly links: number;
  /** Magic number of the file system (statfs(2)); 0 unless asked by descriptor. */
  readonly fileSystem: number;
}

/**
 * A directory as a starting point for the calls below; it can be neither read nor written through. Throws
 * SysError.
 */
export function openDirectory(path: string): number {
  return open(AT_FDCWD, path, O_PATH | O_DIRECTORY);
}

/**
 * Opens for reading what `path` names, but no link in the last place, and never waits. Throws SysError
 * (ELOOP: a link).
 */
export function openNoFollow(path: string): number {
  return open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

/** Opens for reading and never waits; links are followed. Throws SysError. */
export function openFollow(path: string): number {
  return open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

export interface InRootOptions {
  /** Whether a link in the last place is followed, within the root. */
  readonly followLast: boolean;
  /**
   * "name": O_PATH, by which nothing is opened and a link in the last place is had itself. "directory": the
   * same, directories alone.
   */
  readonly access?: "read" | "write" | "append" | "name" | "directory";
  /** write, append: a missing file is made with these permissions, cut by the umask. */
  readonly create?: number;
}

/**
 * Opens with the directory behind `root` in the place of "/": neither "..", nor a link, absolute or not, nor
 * a link of /proc leads out of it. Never waits (a FIFO without a reader is ENXIO for a writer). Throws
 * SysError.
 */
export function openInRoot(root: number, path: string, options: InRootOptions): number {
  const { followLast, access = "read", create } = options;
  let flags = ACCESS[access] | (followLast ? 0 : O_NOFOLLOW);
  if (create !== undefined) flags |= O_CREAT;
  const mode = create === undefined ? 0 : integer(create, "mode", 0, 0o7777);
  const result = native().reeve_open_in_root(fileDescriptor(root), cString(path, "path"), flags, mode, 0);
  return unwrap("openat2", result, { doing: "open", path });
}

/** Status of what is open. */
export function statFd(fd: number): FileStatus {
  return stat(fileDescriptor(fd), "", true);
}

/**
 * The first `limit` bytes of a regular file, with the status of that very file; null when it is no regular
 * file (a FIFO would make a reader wait, a device may do anything). The descriptor was opened by one of the
 * above and stays open.
 */
export function readSmall(
  fd: number,
  limit: number,
): { readonly status: FileStatus; readonly bytes: Uint8Array } | null {
  integer(limit, "limit", 1, 1 << 30);
  const status = statFd(fd);
  if (status.kind !== "file") return null;
  const buffer = new Uint8Array(limit);
  let length = 0;
  while (length < limit) {
    const count = readInto(fd, buffer.subarray(length));
    if (count === null || count === 0) break;
    length += count;
  }
  return { status, bytes: buffer.subarray(0, length) };
}

/**
 * As `readSmall`, by path, links followed or not. null: no regular file. Throws SysError (ENOENT; ELOOP: a
 * link).
 */
export function readSmallPath(
  path: string,
  limit: number,
  options: { readonly follow: boolean },
): { readonly status: FileStatus; readonly bytes: Uint8Array } | null {
  const fd = options.follow ? openFollow(path) : openNoFollow(path);
  try {
    return readSmall(fd, limit);
  } finally {
    closeFd(fd);
  }
}

function open(directory: number, path: string, flags: number): number {
  const result = native().reeve_openat(directory, cString(path, "path"), flags, 0, 0);
  return unwrap("openat", result, { doing: "open", path });
}

const status = new BigUint64Array(10);

function stat(directory: number, path: string, follow: boolean): FileStatus {
  const result = native().reeve_stat(directory, cString(path, "path"), follow ? 1 : 0, status);
  unwrap("statx", result, path === "" ? { doing: "examine an open file" } : { doing: "examine", path });
  const field = (index: number): number => Number(status[index]!);
  const mode = field(0);
  return {
    kind: KINDS[mode & S_IFMT] ?? "unknown",
    mode: mode & 0o7777,
    uid: field(1),
    gid: field(2),
    size: field(3),
    inode: status[4]!,
    device: status[5]!,
    modified: BigInt.asIntN(64, status[6]!) * 1_000_000_000n + status[7]!,
    links: field(8),
    fileSystem: field(9),
  };
}
