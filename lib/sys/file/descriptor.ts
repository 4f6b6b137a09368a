/**
 * Operations on an open file descriptor, whatever is behind it. Must never be given a descriptor whose owner
 * is an object of the runtime (a stream, a socket): closing it would close somebody else's next file.
 */
import { fileDescriptor, integer } from "../checks.ts";
import type { CallContext } from "../errno.ts";
import { native, unwrap } from "../native/native.ts";
import {
  EAGAIN,
  EINTR,
  ENOPROTOOPT,
  ERANGE,
  O_CLOEXEC,
  O_NONBLOCK,
  REEVE_MAX_KEPT,
} from "../native/constants.ts";

const LOCK_EX_NB = 2 | 4;

/**
 * Closes; an error of close(2) says nothing that could be acted on, and the descriptor is gone either way.
 */
export function closeFd(fd: number): void {
  native().reeve_close(fileDescriptor(fd));
}

/** Writes all of `bytes` to a descriptor that does not block. Throws SysError. */
export function writeAll(fd: number, bytes: Uint8Array, context?: CallContext): void {
  fileDescriptor(fd);
  let rest = bytes;
  while (rest.length > 0) {
    const result = Number(native().reeve_write(fd, rest, rest.length));
    if (result === -EINTR) continue;
    rest = rest.subarray(unwrap("write", result, context));
  }
}

/** Reads once into `buffer`: the count, 0 at the end, null when a non-blocking descriptor has nothing yet. */
export function readInto(fd: number, buffer: Uint8Array, context?: CallContext): number | null {
  fileDescriptor(fd);
  for (;;) {
    const result = Number(native().reeve_read(fd, buffer, buffer.length));
    if (result === -EINTR) continue;
    return result === -EAGAIN ? null : unwrap("read", result, context);
  }
}

/** A pipe, both ends close-on-exec. */
export function openPipe(
  options: { readonly nonblock: boolean },
): { readonly reader: number; readonly writer: number } {
  const out = new Int32Array(2);
  unwrap("pipe2", native().reeve_pipe(out, O_CLOEXEC | (options.nonblock ? O_NONBLOCK : 0)), {
    doing: "make a pipe",
  });
  return { reader: out[0]!, writer: out[1]! };
}

export function setCloseOnExec(fd: number, on: boolean): void {
  unwrap("fcntl", native().reeve_cloexec(fileDescriptor(fd), on ? 1 : 0));
}

/** Changes the open file, which other processes may share: never for fds 0 to 2 as inherited. */
export function setNonblocking(fd: number, on: boolean): void {
  unwrap("fcntl", native().reeve_nonblock(fileDescriptor(fd), on ? 1 : 0));
}

/** Makes `to` a copy of `from`; `to` is closed first when it is open. */
export function duplicateOnto(from: number, to: number, closeOnExec: boolean): void {
  unwrap("dup3", native().reeve_dup3(fileDescriptor(from), fileDescriptor(to), closeOnExec ? O_CLOEXEC : 0));
}

/** Takes an exclusive lock that ends with the open file; false when another holds it. */
export function tryLock(fd: number): boolean {
  const result = Number(native().reeve_flock(fileDescriptor(fd), LOCK_EX_NB));
  if (result === -EAGAIN) return false;
  unwrap("flock", result, { doing: "lock a file" });
  return true;
}

/** The peer of a connected Unix socket. */
export function peerCredentials(
  fd: number,
): { readonly pid: number; readonly uid: number; readonly gid: number } {
  const out = new Int32Array(3);
  unwrap("getsockopt", native().reeve_peercred(fileDescriptor(fd), out), { doing: "ask who is connected" });
  return { pid: out[0]!, uid: out[1]! >>> 0, gid: out[2]! >>> 0 };
}

/** Supplementary groups; the kernel's limit is twice that. */
const USUAL_GROUPS = 64;
const MOST_GROUPS = 65_536;

/** The supplementary groups of the peer of a connected Unix socket; none where the kernel does not tell. */
export function peerGroups(fd: number): readonly number[] {
  for (const room of [USUAL_GROUPS, MOST_GROUPS]) {
    const out = new Uint32Array(room);
    const result = Number(native().reeve_peergroups(fileDescriptor(fd), out, room));
    if (result === -ERANGE && room < MOST_GROUPS) continue;
    if (result === -ENOPROTOOPT) return [];
    const count = unwrap("getsockopt", result, { doing: "ask for the groups of who is connected" });
    return [...out.subarray(0, count)];
  }
  return [];
}

/** The keep list that exec and clone take: descriptors that lose close-on-exec in the new program. */
export function keepList(fds: Iterable<number>): Int32Array {
  const unique = [...new Set(fds)].map((fd) => fileDescriptor(fd, "descriptor to keep"));
  integer(unique.length, "count of descriptors to keep", 0, REEVE_MAX_KEPT);
  return Int32Array.from(unique);
}
