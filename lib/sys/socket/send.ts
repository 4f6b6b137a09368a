/** Writing to a socket that somebody else opened, and that may block. Must never wait, nor raise SIGPIPE. */
import { fileDescriptor } from "../checks.ts";
import { native, unwrap } from "../native/native.ts";

/**
 * -> bytes taken, perhaps not all. Throws SysError (EAGAIN: the other side has not read yet; EPIPE;
 * ENOTSOCK).
 */
export function sendNow(fd: number, bytes: Uint8Array): number {
  return unwrap("sendto", native().reeve_send(fileDescriptor(fd), bytes, bytes.length), {
    doing: "write to a socket",
  });
}
