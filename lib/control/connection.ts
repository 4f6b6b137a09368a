/**
 * One connection to the control socket: requests in, one after the other, and their answers out. Must never
 * wait for its client, nor hold more than one request, one answer and what a parser may hold.
 */
import type { Timers } from "../sys/timers.ts";
import { type AnswerOptions, documentBytes, isStream, sendStream } from "./answers.ts";
import { HttpFault } from "./http/fault.ts";
import { type HttpRequest, MOST_BODY_BYTES, MOST_HEAD_BYTES, RequestParser } from "./http/request_parser.ts";
import { CONTINUE } from "./http/response_writer.ts";
import { type ByteSink, Outbox } from "./outbox.ts";
import { type ErrorKind, refuse } from "./reply.ts";
import type { Turns } from "./turns.ts";
import type { Handle, Peer, Reply } from "./request.ts";

/** The part of a socket of the runtime that is used here. */
export interface ControlStream extends ByteSink {
  pause(): void;
  resume(): void;
  /** Ends the own half. */
  shutdown(): void;
  terminate(): void;
}

export interface ConnectionDeps {
  readonly handle: Handle;
  readonly timers: Timers;
  /** For requests that have come ahead. */
  readonly turns: Pick<Turns, "ask">;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Called when carrying a request out has failed: a fault of reeve itself. */
  readonly failed: (error: unknown) => void;
  /** More bytes wait for the client than before. */
  readonly isBehind: () => void;
}

/** From the first byte of a request to its last. */
const REQUEST_MS = 10_000;
/** Between two requests. */
const IDLE_MS = 60_000;
/** A client that takes nothing of a document for so long is cut off; one that follows a stream is not. */
const STALLED_MS = 30_000;
/** After the last answer: for a client that is still sending, so that it gets to read. */
const LINGER_MS = 1000;
/** A client may send so much ahead while it is answered. */
const MOST_AHEAD = MOST_HEAD_BYTES + MOST_BODY_BYTES;

const HOSTS: ReadonlySet<string | undefined> = new Set([undefined, "", "localhost", "reeve"]);
const decoder = new TextDecoder("utf-8", { fatal: true });

export class Connection {
  readonly peer: Peer;
  readonly #stream: ControlStream;
  readonly #deps: ConnectionDeps;
  readonly #parser = new RequestParser();
  readonly #outbox: Outbox;
  /** "lingering": everything is said, and what comes is thrown away. */
  #state: "reading" | "answering" | "lingering" | "closed" = "reading";
  /** The request that is being answered. */
  #request = new AbortController();
  #isPaused = false;
  /** The client sends nothing more; it may read still. */
  #hasEnded = false;
  #timer: { cancel(): void } | null = null;
  /** Requests have come that wait until everything else has had its turn. */
  #turn: { cancel(): void } | null = null;
  /** Since when it is the client's turn to say something; null: it is not. */
  #listensSince: number | null;

  constructor(stream: ControlStream, peer: Peer, deps: ConnectionDeps) {
    const { now, isBehind } = deps;
    this.#stream = stream;
    this.peer = peer;
    this.#deps = deps;
    this.#outbox = new Outbox({ sink: stream, now, isBehind, isGone: () => this.close() });
    this.#listensSince = now();
    this.#limit(REQUEST_MS, () => this.close());
  }

  /** Since when it is the client's turn, to say or to take something, milliseconds; null: it is reeve's. */
  get waitsSince(): number | null {
    return this.#outbox.behindSince ?? this.#listensSince;
  }

  /** Bytes of an answer that the client has not taken. */
  get unsent(): number {
    return this.#outbox.unsent;
  }

  received(bytes: Uint8Array): void {
    if (this.#state === "lingering" || this.#state === "closed") return;
    const wasIdle = this.#parser.isIdle;
    this.#parser.push(bytes);
    if (this.#state === "answering" || this.#turn !== null) {
      if (this.#parser.held > MOST_AHEAD) this.#pause();
      return;
    }
    if (wasIdle) this.#limitRequest();
    this.#next();
  }

  /** The client has ended its half. */
  ended(): void {
    this.#hasEnded = true;
    if (this.#state !== "answering" && this.#turn === null) this.close();
  }

  drained(): void {
    this.#outbox.drained();
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#timer?.cancel();
    this.#turn?.cancel();
    this.#request.abort();
    this.#outbox.close();
    this.#stream.terminate();
  }

  /** There are too many: says so whatever is asked, and lets go. */
  turnAway(): void {
    this.#refuse(503, "busy", "too many are connected: try again");
  }

  #next(): void {
    try {
      const request = this.#parser.next();
      if (request !== null) this.#take(request);
      else if (this.#hasEnded) this.close();
      else if (this.#parser.takeContinue()) void this.#outbox.write(CONTINUE);
    } catch (error) {
      if (!(error instanceof HttpFault)) throw error;
      this.#refuse(error.status, "bad-request", error.message);
    }
  }

  #take(request: HttpRequest): void {
    this.#state = "answering";
    this.#listensSince = null;
    this.#timer?.cancel();
    this.#request = new AbortController();
    this.#answer(request).catch((error: unknown) => {
      if (!this.#isClosed()) this.#deps.failed(error);
      this.close();
    });
  }

  async #answer(request: HttpRequest): Promise<void> {
    const reply = await this.#reply(request);
    if (this.#isClosed()) return;
    const { takesChunks } = request;
    const isLast = !request.keepsAlive || (isStream(reply) && !takesChunks) ||
      (this.#hasEnded && this.#parser.isIdle);
    const options: AnswerOptions = {
      isHeadAlone: request.method === "HEAD",
      takesChunks,
      keepsAlive: !isLast,
    };
    if (isStream(reply)) {
      const write = (bytes: Uint8Array): Promise<void> => this.#outbox.write(bytes);
      await sendStream(reply, options, { write, signal: this.#request.signal });
    } else await this.#writeWhole(documentBytes(reply, options));
    if (isLast) this.#linger();
    else this.#readOn();
  }

  /** Never rejects. */
  async #reply(request: HttpRequest): Promise<Reply> {
    const host = request.fields.get("host");
    if (!HOSTS.has(host)) return refuse(421, "bad-request", `the host here is "localhost", not "${host}"`);
    let body: unknown = null;
    try {
      if (request.body.length > 0) body = JSON.parse(decoder.decode(request.body));
    } catch {
      return refuse(400, "bad-request", "the body is no JSON");
    }
    try {
      return await this.#deps.handle({
        method: request.method,
        path: request.path,
        query: new URLSearchParams(request.query),
        headers: request.fields,
        body,
        peer: this.peer,
        signal: this.#request.signal,
      });
    } catch (error) {
      if (!this.#isClosed()) this.#deps.failed(error);
      return refuse(500, "internal", "a fault of reeve itself: its log says more");
    }
  }

  #refuse(status: number, kind: ErrorKind, message: string): void {
    this.#state = "answering";
    this.#listensSince = null;
    const options = { isHeadAlone: false, takesChunks: true, keepsAlive: false };
    void this.#writeWhole(documentBytes(refuse(status, kind, message), options)).then(() => this.#linger());
  }

  async #writeWhole(bytes: Uint8Array): Promise<void> {
    this.#limitStall();
    await this.#outbox.write(bytes);
    this.#timer?.cancel();
  }

  #readOn(): void {
    if (this.#isClosed()) return;
    this.#state = "reading";
    this.#resume();
    if (this.#parser.isIdle) {
      this.#listensSince = this.#deps.now();
      this.#limit(IDLE_MS, () => this.close());
      return this.#next();
    }
    this.#turn = this.#deps.turns.ask(() => {
      this.#turn = null;
      this.#listensSince = this.#deps.now();
      this.#limitRequest();
      this.#next();
    });
  }

  #linger(): void {
    if (this.#isClosed()) return;
    if (this.#hasEnded) return this.close();
    this.#state = "lingering";
    this.#listensSince = this.#deps.now();
    this.#limit(LINGER_MS, () => this.close());
    this.#resume();
    this.#stream.shutdown();
  }

  #limitRequest(): void {
    this.#limit(REQUEST_MS, () => this.#refuse(408, "timeout", "the request took too long"));
  }

  /** Cuts a client off that has taken nothing since. */
  #limitStall(): void {
    const armed = this.#deps.now();
    this.#limit(STALLED_MS, () => {
      if ((this.#outbox.behindSince ?? armed) <= armed) this.close();
      else this.#limitStall();
    });
  }

  #limit(milliseconds: number, expired: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#deps.timers.after(milliseconds, expired);
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#stream.pause();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#stream.resume();
  }
}
