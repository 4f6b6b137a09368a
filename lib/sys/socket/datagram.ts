/**
 * Unix datagram sockets, which the runtime has none of: one that others send to, and single datagrams to
 * others. Must never wait, nor remove a file that is not a socket which nobody serves any more.
 */
import { lstatSync, unlinkSync } from "node:fs";
import { cString } from "../checks.ts";
import { closeFd, readInto } from "../file/descriptor.ts";
import { native, unwrap, unwrapUnless } from "../native/native.ts";
import { watcher } from "../file/watcher.ts";
import { EADDRINUSE, EAGAIN, ECONNREFUSED } from "../native/constants.ts";

/** The most that uWSGI reads of one. */
const LONGEST = 65_535;
/** Datagrams taken in a row, before others have their turn. */
const TAKE_AT_ONCE = 64;
/** An array without room has no address that could cross into C. */
const NOTHING = new Uint8Array(1);

export interface DatagramSocket {
  close(): void;
}

/**
 * Receives at `address`: an absolute path of 107 bytes at most, or "@name" for an abstract one. A socket file
 * that a dead process left there is replaced. The bytes are valid until `received` returns. Throws SysError
 * (EADDRINUSE: somebody receives there, or the file is no socket).
 */
export function receiveDatagrams(address: string, received: (bytes: Uint8Array) => void): DatagramSocket {
  const fd = bind(address);
  try {
    return watchSocket(fd, address, received);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function watchSocket(fd: number, address: string, received: (bytes: Uint8Array) => void): DatagramSocket {
  const file = address.startsWith("@") ? null : lstatSync(address);
  const buffer = new Uint8Array(LONGEST);
  let open = true;
  const watch = watcher().add(fd, () => {
    for (let count = 0; open && count < TAKE_AT_ONCE; count++) {
      const length = readInto(fd, buffer, { doing: "receive a datagram" });
      if (length === null) return;
      received(buffer.subarray(0, length));
    }
  });
  return {
    close: () => {
      if (!open) return;
      open = false;
      watch.remove();
      closeFd(fd);
      if (file !== null) removeSame(address, file);
    },
  };
}

function bind(address: string): number {
  const context = { doing: `receive at "${address}"` };
  const text = cString(address, "address of a datagram socket");
  const fd = unwrapUnless([EADDRINUSE], "bind", native().reeve_datagram_socket(text), context);
  if (fd !== null) return fd;
  if (isAbandoned(address)) unlinkSync(address);
  return unwrap("bind", native().reeve_datagram_socket(text), context);
}

/** A socket to which nobody listens: what is sent there is refused. */
function isAbandoned(address: string): boolean {
  if (address.startsWith("@") || !lstatSync(address).isSocket()) return false;
  return -Number(send(address, NOTHING, 0)) === ECONNREFUSED;
}

function removeSame(address: string, file: { readonly ino: number; readonly dev: number }): void {
  try {
    const found = lstatSync(address);
    if (found.ino === file.ino && found.dev === file.dev) unlinkSync(address);
  } catch {
    // Somebody else has removed it.
  }
}

/**
 * Whether it was taken; false: the receiver's queue is full. Throws SysError (ENOENT, ECONNREFUSED, EACCES
 * ...).
 */
export function sendDatagram(address: string, bytes: Uint8Array): boolean {
  return unwrapUnless([EAGAIN], "sendto", send(address, bytes), { doing: `send to "${address}"` }) !== null;
}

function send(address: string, bytes: Uint8Array, length = bytes.length): number | bigint {
  return native().reeve_notify(cString(address, "address of a datagram socket"), bytes, length);
}
