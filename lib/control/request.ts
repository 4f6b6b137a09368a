/**
 * Requests as the transport of the control socket hands them on, and the replies that it takes back. Types
 * and the order of levels only.
 */

/** A peer may do what its level names and what those before it do; none: only what needs no leave. */
export type Level = "none" | "read" | "operate" | "admin";

const LEVELS: readonly Level[] = ["none", "read", "operate", "admin"];

export function reaches(level: Level, wanted: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(wanted);
}

/** The process that is connected, as the kernel noted it at its connect. */
export interface Peer {
  /** 0: it is in a PID namespace that is not seen from here. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** The supplementary ones. */
  readonly groups: readonly number[];
  readonly level: Level;
}

export interface Request {
  /** In capitals. */
  readonly method: string;
  /** Without the query, not decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Parsed JSON; null: there was no body. Of any shape: whoever reads it checks it. */
  readonly body: unknown;
  readonly peer: Peer;
  /** Aborts when the client is gone, or the server closes. */
  readonly signal: AbortSignal;
}

export interface DocumentReply {
  readonly status: number;
  /** Sent as JSON. */
  readonly body: unknown;
}

export interface TextReply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/**
 * Pieces are taken one by one, the next when the client has taken the one before: whoever makes them bounds
 * what waits. The iterator's `return` is called when the client is gone.
 */
export interface StreamReply {
  readonly status: number;
  /** As `application/x-ndjson`. */
  readonly type: string;
  readonly stream: AsyncIterable<string>;
}

export type Reply = DocumentReply | TextReply | StreamReply;

/** Never blocks; a rejection is answered with 500 and said in the log. */
export type Handle = (request: Request) => Promise<Reply>;
