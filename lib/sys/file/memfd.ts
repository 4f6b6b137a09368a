/**
 * Bytes behind a descriptor that no path leads to: requests to the helper, and state that reeve hands to
 * itself over an exec. Must never be inherited by a child that was not told of it: close-on-exec from the
 * start.
 */
import { closeSync, constants, openSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { cString, fileDescriptor } from "../checks.ts";
import { closeFd, writeAll } from "./descriptor.ts";
import { imageDirectories } from "../native/image.ts";
import { native, unwrap } from "../native/native.ts";
import { EACCES, ENOSYS, EPERM, MFD_ALLOW_SEALING, MFD_CLOEXEC } from "../native/constants.ts";

/**
 * A close-on-exec memfd that holds `bytes`, its position at the end; an unlinked file where memfds are
 * refused. The caller closes it. Throws SysError.
 */
export function memfdOf(name: string, bytes: Uint8Array): number {
  const doing = "make a memory file";
  const made = native().reeve_memfd(cString(name, "memfd name"), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  const refused = [EPERM, EACCES, ENOSYS].includes(-Number(made));
  const fd = (refused ? unlinkedFile() : null) ?? unwrap("memfd_create", made, { doing });
  try {
    writeAll(fd, bytes, { doing });
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  return fd;
}

/** null: no directory takes one. */
function unlinkedFile(): number | null {
  for (const directory of imageDirectories()) {
    const path = join(directory, `.reeve-${crypto.randomUUID()}`);
    try {
      const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
      try {
        unlinkSync(path);
        return fd;
      } catch {
        closeSync(fd);
      }
    } catch {
      // The next one may be writable.
    }
  }
  return null;
}

/** Nobody can change or shrink the memfd from now on. */
export function seal(fd: number): void {
  unwrap("fcntl", native().reeve_seal(fileDescriptor(fd)), { doing: "seal a memory file" });
}
