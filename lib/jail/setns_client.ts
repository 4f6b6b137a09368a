/**
 * Namespaces that a server hands out on a unix socket (setns = SOCKET). Who serves it decides what the
 * daemons live in, so it has to be root or ourselves; what it hands out is used only if it is a namespace.
 */
import type { NamespaceKind } from "../config/plan/jail_plan.ts";
import { closeFd, peerCredentials } from "../sys/file/descriptor.ts";
import { errorCode } from "../sys/errno.ts";
import { errorText } from "../sys/error_text.ts";
import { ownCredentials } from "../sys/process/own_process.ts";
import { connectTo, namespaceKind, receiveDescriptors } from "../sys/socket/scm.ts";
import { isTrusted, MESSAGE_SIZE, parseSetnsMessage } from "./setns.ts";

/** A server that is well answers in its next turn; whoever joins stands still meanwhile. */
const PATIENCE_MS = 250;

export interface Handed {
  readonly fd: number;
  readonly kind: NamespaceKind;
}

/** Nobody serves the socket, or does not answer: somebody may later. */
export class NotServed extends Error {}

/**
 * At least one; the caller closes them. Throws NotServed, or an Error that says what is wrong with the
 * server.
 */
export function askForNamespaces(path: string): readonly Handed[] {
  try {
    return ask(path);
  } catch (error) {
    const text = `cannot join the namespaces that "${path}" hands out: ${errorText(error)}`;
    const Kind = error instanceof NotServed ? NotServed : Error;
    throw new Kind(text, { cause: error });
  }
}

function ask(path: string): readonly Handed[] {
  const socket = connect(path);
  try {
    const peer = peerCredentials(socket);
    if (!isTrusted(peer.uid, ownCredentials().effectiveUid)) {
      throw new Error(`uid ${peer.uid} serves it, and not root: whoever that is would choose the namespaces`);
    }
    return take(socket);
  } finally {
    closeFd(socket);
  }
}

function connect(path: string): number {
  try {
    return connectTo(path);
  } catch (error) {
    const isLate = ["ENOENT", "ECONNREFUSED", "EAGAIN"].includes(errorCode(error) ?? "");
    throw isLate ? new NotServed("nobody serves it", { cause: error }) : error;
  }
}

function take(socket: number): readonly Handed[] {
  const { bytes, fds } = receive(socket);
  const handed: Handed[] = [];
  try {
    // Its jail is just being made again, or it does not trust us.
    if (bytes.length === 0) throw new NotServed("its server hands out nothing at the moment");
    const count = parseSetnsMessage(bytes);
    if (count === null) throw new Error("what serves it does not hand out namespaces");
    if (count !== fds.length) {
      throw new Error(`its server announced ${count} namespaces and handed out ${fds.length}`);
    }
    for (const fd of fds) {
      const kind = namespaceKind(fd);
      // A kind that nothing here is put into (time).
      if (kind !== null) handed.push({ fd, kind });
    }
    if (handed.length === 0) throw new Error("none of what its server handed out is a namespace");
    return handed;
  } catch (error) {
    handed.length = 0;
    throw error;
  } finally {
    for (const fd of fds) if (!handed.some((one) => one.fd === fd)) closeFd(fd);
  }
}

function receive(socket: number): ReturnType<typeof receiveDescriptors> {
  try {
    return receiveDescriptors(socket, MESSAGE_SIZE + 1, PATIENCE_MS);
  } catch (error) {
    if (errorCode(error) !== "ETIMEDOUT") throw error;
    throw new NotServed("its server does not answer", { cause: error });
  }
}
