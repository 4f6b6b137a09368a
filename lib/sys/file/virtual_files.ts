/**
 * Reads whole files of /proc and /sys, whose size is not known before and which end with the process they
 * describe. Must never be used for files on a disk: it does not care what kind of file it opens.
 */
import { cString } from "../checks.ts";
import { closeFd } from "./descriptor.ts";
import { native, unwrapUnless } from "../native/native.ts";
import { AT_FDCWD, EACCES, EINTR, EINVAL, ENOENT, ENOTDIR, EPERM, ESRCH } from "../native/constants.ts";

// A stat line or a status file fits; what does not is read in pieces.
const buffer = new Uint8Array(8_192);
// A thousand processes are looked at in one go: what is thrown away each time makes the collector run.
const pathBuffer = new Uint8Array(128);
const encoder = new TextEncoder();
const GONE: readonly number[] = [ENOENT, ESRCH, EACCES, EPERM, ENOTDIR, EINVAL];

/**
 * The contents; null when the file, or the process behind it, is not there or not ours to see. Throws
 * SysError.
 */
export function readVirtual(path: string): Uint8Array | null {
  const context = { doing: "read", path };
  const opened = native().reeve_openat(AT_FDCWD, pathBytes(path), 0, 0, 0);
  const fd = unwrapUnless(GONE, "openat", opened, context);
  if (fd === null) return null;
  const pieces: Uint8Array[] = [];
  try {
    for (;;) {
      const result = Number(native().reeve_read(fd, buffer, buffer.length));
      if (result === -EINTR) continue;
      const count = unwrapUnless(GONE, "read", result, context);
      if (count === null) return null;
      if (count === 0) return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      pieces.push(buffer.slice(0, count));
    }
  } finally {
    closeFd(fd);
  }
}

/** Good until the next call. */
function pathBytes(path: string): Uint8Array {
  const { read, written } = encoder.encodeInto(path, pathBuffer);
  if (read < path.length || written >= pathBuffer.length || path.includes("\0")) return cString(path, "path");
  pathBuffer[written] = 0;
  return pathBuffer;
}
