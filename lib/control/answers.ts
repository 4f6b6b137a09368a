/** The bytes of replies: whole documents, and streams piece by piece as the client takes them. */
import { chunk, LAST_CHUNK, responseHead } from "./http/response_writer.ts";
import type { DocumentReply, Reply, StreamReply, TextReply } from "./request.ts";

export interface AnswerOptions {
  /** A HEAD request has the same head for an answer, and no body. */
  readonly isHeadAlone: boolean;
  readonly takesChunks: boolean;
  readonly keepsAlive: boolean;
}

const encoder = new TextEncoder();

export function isStream(reply: Reply): reply is StreamReply {
  return "stream" in reply;
}

export function documentBytes(reply: DocumentReply | TextReply, options: AnswerOptions): Uint8Array {
  const isText = "text" in reply;
  const body = encoder.encode(isText ? reply.text : `${JSON.stringify(reply.body)}\n`);
  const type = isText ? reply.type : "application/json";
  const head = responseHead({ ...options, status: reply.status, type, length: body.length });
  return options.isHeadAlone ? head : Buffer.concat([head, body]);
}

export interface StreamDeps {
  /** Resolves when the client has taken it, or is gone. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Resolves when all is said, or the client is gone. Rejects with what the stream rejects with: the answer is
 * then without its end.
 */
export async function sendStream(
  { status, type, stream }: StreamReply,
  options: AnswerOptions,
  { write, signal }: StreamDeps,
): Promise<void> {
  const { isHeadAlone, takesChunks } = options;
  await write(responseHead({ ...options, status, type, length: null }));
  const pieces = stream[Symbol.asyncIterator]();
  try {
    while (!isHeadAlone && !signal.aborted) {
      const piece = await unlessAborted(pieces.next(), signal);
      if (piece === null) return;
      if (piece.done === true) return takesChunks ? await write(LAST_CHUNK) : undefined;
      const bytes = encoder.encode(piece.value);
      if (bytes.length > 0) await write(takesChunks ? chunk(bytes) : bytes);
    }
  } finally {
    // Not waited for: a generator that waits for its next event hears of it only then.
    pieces.return?.().catch(() => {});
  }
}

/** null: the signal was first. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  const { promise: aborted, resolve } = Promise.withResolvers<null>();
  const heard = (): void => resolve(null);
  signal.addEventListener("abort", heard);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", heard);
  }
}
