/**
 * The words in which namespaces are handed out over a unix socket, the same on both sides and the same as
 * uWSGI 2.0's (uwsgi_master_manage_setns, uwsgi_setns): one message of "uwsgi-setns" and the number of
 * descriptors as an int, with the descriptors of /proc/PID/ns beside it; then the server hangs up. Pure.
 */
const HEADER = new TextEncoder().encode("uwsgi-setns");

/**
 * The size of a message: the header and an int in the machine's order, which is little-endian on x86-64 and
 * arm64.
 */
export const MESSAGE_SIZE = HEADER.length + 4;

export function setnsMessage(count: number): Uint8Array {
  const message = new Uint8Array(MESSAGE_SIZE);
  message.set(HEADER);
  new DataView(message.buffer).setUint32(HEADER.length, count, true);
  return message;
}

/** How many descriptors the message says come with it; null: it is not such a message. */
export function parseSetnsMessage(bytes: Uint8Array): number | null {
  if (bytes.length !== MESSAGE_SIZE || !HEADER.every((byte, at) => bytes[at] === byte)) return null;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(HEADER.length, true);
}

/** Peers that may be trusted with namespaces, or with handing them out: the host's root, and ourselves. */
export function isTrusted(uid: number, own: number): boolean {
  return uid === 0 || uid === own;
}
