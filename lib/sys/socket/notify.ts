/**
 * Tells whoever started reeve how it is doing, in the protocol of sd_notify(3). Must never wait, nor fail
 * reeve.
 */
import { text } from "../checks.ts";
import { keeper } from "../keeper/keeper.ts";
import { native } from "../native/native.ts";

const encoder = new TextEncoder();

/**
 * One datagram of newline-separated assignments ("READY=1") to `address` (the value of NOTIFY_SOCKET: a path,
 * or "@name" for an abstract one). -> whether it was sent.
 */
export function notify(address: string, assignments: readonly string[]): boolean {
  const own = keeper();
  if (own !== null) return own.notify(text(assignments.join("\n"), "notification"));
  const message = encoder.encode(text(assignments.join("\n"), "notification"));
  const result = native().reeve_notify(
    encoder.encode(`${text(address, "NOTIFY_SOCKET")}\0`),
    message,
    message.length,
  );
  return Number(result) >= 0;
}
