/**
 * Bytes behind a descriptor that no path leads to: requests to the helper, and state that reeve hands to itself over an
 * exec. Must never be inherited by a child that was not told of it: close-on-exec from the start.
 */
import { cString, fileDescriptor } from "./checks.ts";
import { closeFd, writeAll } from "./descriptor.ts";
import { native, unwrap } from "./native.ts";

const MFD_CLOEXEC = 0x1;
const MFD_ALLOW_SEALING = 0x2;

/** A close-on-exec memfd that holds `bytes`, its position at the end. The caller closes it. Throws SysError. */
export function memfdOf(name: string, bytes: Uint8Array): number {
  const doing = "make a memory file";
  const fd = unwrap(
    "memfd_create",
    native().reeve_memfd(cString(name, "memfd name"), MFD_CLOEXEC | MFD_ALLOW_SEALING),
    {
      doing,
    },
  );
  try {
    writeAll(fd, bytes, { doing });
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  return fd;
}

/** Nobody can change or shrink the memfd from now on. */
export function seal(fd: number): void {
  unwrap("fcntl", native().reeve_seal(fileDescriptor(fd)), { doing: "seal a memory file" });
}
