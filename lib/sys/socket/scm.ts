/**
 * Unix stream sockets over which descriptors are handed out and taken. Must never wait longer than it is
 * told, nor use what came in: whoever asked for descriptors finds out what they are (`namespaceKind`), and
 * closes them.
 */
import { closeSync, constants, lstatSync, openSync, unlinkSync } from "node:fs";
import { basename, dirname } from "node:path";
import { cString, fileDescriptor, integer } from "../checks.ts";
import { CLONE_NEW } from "../child/child_spec.ts";
import { closeFd } from "../file/descriptor.ts";
import { native, unwrap, unwrapUnless } from "../native/native.ts";
import type { NamespaceName } from "../child/namespaces.ts";
import { EADDRINUSE, EAGAIN, ECONNABORTED, ECONNREFUSED, ENOTTY, O_PATH } from "../native/constants.ts";
import { setUmask } from "../process/own_process.ts";

/** The most descriptors of one message, as uWSGI has it; the kernel takes 253. */
const MOST_FDS = 64;
const BACKLOG = 64;
/** A name that a socket can have: sun_path of unix(7) without its NUL. */
const LONGEST_PATH = 107;

export interface ListenOptions {
  /** Connections that may wait. */
  readonly backlog?: number;
  /** The user whose abandoned socket is replaced; absent: anybody's is. */
  readonly owner?: number;
}

/**
 * Listens at an absolute path, with a file of these permissions. A socket that a dead process left there is
 * replaced. The caller closes the descriptor and removes the file. Throws SysError (EADDRINUSE: somebody
 * serves it, or the file is no such socket).
 */
export function listenAt(path: string, mode: number, options: ListenOptions = {}): number {
  const context = { doing: "listen at", path };
  integer(mode, "mode", 0, 0o777);
  const backlog = integer(options.backlog ?? BACKLOG, "backlog", 0, 65_535);
  return withShortName(path, (name) => {
    const address = cString(name, "path of a socket");
    const fd = unwrapUnless([EADDRINUSE], "bind", bindAlone(address, mode, backlog), context);
    if (fd !== null) return fd;
    if (isAbandoned(name, options.owner)) unlinkSync(name);
    return unwrap("bind", bindAlone(address, mode, backlog), context);
  });
}

/** The umask would take permissions away. */
function bindAlone(address: Uint8Array, mode: number, backlog: number): number | bigint {
  const before = setUmask(0);
  try {
    return native().reeve_listen(address, mode, backlog);
  } finally {
    setUmask(before);
  }
}

/** The path, or where it is too long for a socket a name of the same file by its open directory. */
function withShortName<Result>(path: string, use: (name: string) => Result): Result {
  if (Buffer.byteLength(path) <= LONGEST_PATH || !path.startsWith("/")) return use(path);
  const directory = openSync(dirname(path), O_PATH | constants.O_DIRECTORY);
  try {
    return use(`/proc/self/fd/${directory}/${basename(path)}`);
  } finally {
    closeSync(directory);
  }
}

/** A socket to which nobody listens any more. */
function isAbandoned(path: string, owner: number | undefined): boolean {
  const status = lstatSync(path);
  if (!status.isSocket() || (owner !== undefined && status.uid !== owner)) return false;
  const result = Number(native().reeve_connect(cString(path, "path of a socket")));
  if (result >= 0) closeFd(result);
  return result === -ECONNREFUSED;
}

/** One that has connected; null: none has. Throws SysError (EMFILE). */
export function acceptNext(fd: number): number | null {
  return unwrapUnless([EAGAIN, ECONNABORTED], "accept4", native().reeve_accept(fileDescriptor(fd)), {
    doing: "accept a connection",
  });
}

/** Throws SysError (ENOENT, ECONNREFUSED: nobody serves it; EAGAIN: too many wait for its server already). */
export function connectTo(path: string): number {
  return withShortName(path, (name) => {
    const result = native().reeve_connect(cString(name, "path of a socket"));
    return unwrap("connect", result, { doing: "connect to", path });
  });
}

/** One message with descriptors, which stay open here as well. Throws SysError (EAGAIN, EPIPE). */
export function sendDescriptors(fd: number, bytes: Uint8Array, fds: readonly number[]): void {
  integer(fds.length, "count of descriptors", 0, MOST_FDS);
  const list = Int32Array.from([...fds, 0].map((one) => fileDescriptor(one)));
  const result = native().reeve_send_fds(fileDescriptor(fd), bytes, bytes.length, list, fds.length);
  unwrap("sendmsg", result, { doing: "hand out descriptors" });
}

export interface Received {
  readonly bytes: Uint8Array;
  /** Close-on-exec; the caller closes them. */
  readonly fds: readonly number[];
}

/**
 * One message of at most `room` bytes. Throws SysError (ETIMEDOUT; EBADMSG: too many descriptors), and then
 * none is open.
 */
export function receiveDescriptors(fd: number, room: number, waitMs: number): Received {
  const bytes = new Uint8Array(integer(room, "room", 1, 65_536));
  const fds = new Int32Array(MOST_FDS);
  const count = new Uint32Array(1);
  integer(waitMs, "time to wait", 0, 60_000);
  const result = native().reeve_recv_fds(fileDescriptor(fd), bytes, room, fds, count, waitMs);
  const length = unwrap("recvmsg", result, { doing: "receive descriptors" });
  return { bytes: bytes.subarray(0, length), fds: [...fds.subarray(0, count[0])] };
}

/** Which namespace an open file is; null: it is none, or one that reeve does not know. */
export function namespaceKind(fd: number): NamespaceName | null {
  const flag = unwrapUnless([ENOTTY], "ioctl", native().reeve_namespace_kind(fileDescriptor(fd)), {
    doing: "examine a namespace file",
  });
  for (const [name, value] of Object.entries(CLONE_NEW)) if (value === flag) return name as NamespaceName;
  return null;
}
