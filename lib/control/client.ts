/**
 * A client of an instance's control socket: one question after the other over a connection that is kept, and
 * streams of lines, each over one of its own. Must never wait for more than the answer, nor hold more of it
 * than its limit.
 */
import { errorCode } from "../sys/errno.ts";
import { connectTo } from "../sys/socket/scm.ts";
import { takeOver } from "../sys/socket/take_over.ts";
import { HttpFault } from "./http/fault.ts";
import { type ResponseHead, ResponseParser } from "./http/response_parser.ts";

export interface ClientAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** The other side went away, or does not speak HTTP: what was asked may have been done all the same. */
export class ConnectionLost extends Error {}

/** An answer with the state of 10,000 daemons has 10 MB. */
const MOST_BODY_BYTES = 256 * 1024 * 1024;
/** The answer where too many are connected: nothing was done. It is asked again for so long. */
const CROWDED = 503;
const CROWDED_MS = 3000;
const TRY_AGAIN_MS = 100;
const MOST_LINE_CHARACTERS = 1024 * 1024;

export class ControlClient {
  readonly #path: string;
  #kept: Line | null;

  private constructor(path: string, line: Line) {
    this.#path = path;
    this.#kept = line;
  }

  /** Throws SysError (ENOENT, ECONNREFUSED: nobody serves it; EACCES; EAGAIN: many wait already). */
  static async open(path: string): Promise<ControlClient> {
    return new ControlClient(path, await Line.open(path));
  }

  /** Rejects with ConnectionLost. */
  async ask(method: "GET" | "POST", path: string, body?: unknown): Promise<ClientAnswer> {
    const end = performance.now() + CROWDED_MS;
    for (;;) {
      const answer = await this.#askOnce(method, path, body);
      if (answer.status !== CROWDED || performance.now() > end) return answer;
      await Bun.sleep(TRY_AGAIN_MS);
    }
  }

  async #askOnce(method: "GET" | "POST", path: string, body: unknown): Promise<ClientAnswer> {
    const line = await this.#line();
    this.#kept = null;
    line.send(requestText(method, path, body, true));
    const head = await line.head();
    const bytes = await wholeBody(line);
    if (line.isOpen && head.fields.get("connection")?.toLowerCase() !== "close") this.#kept = line;
    else line.close();
    return { status: head.status, body: parseBody(bytes) };
  }

  /**
   * The lines of a stream that has begun, for as long as it goes on; its `return` ends it also while a line
   * is awaited. `refused`: called with the answer where there is none.
   */
  async follow(
    path: string,
    refused: (answer: ClientAnswer) => void,
  ): Promise<AsyncIterableIterator<string, undefined>> {
    const line = await this.#open();
    line.send(requestText("GET", path, undefined, false));
    const { status } = await line.head();
    if (status >= 400) {
      refused({ status, body: parseBody(await wholeBody(line)) });
      line.close();
    }
    const lines = linesOf(line);
    const stream: AsyncIterableIterator<string, undefined> = {
      next: () => lines.next(),
      // That of the generator would wait for what is awaited.
      return: () => {
        line.close();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => stream,
    };
    return stream;
  }

  close(): void {
    this.#kept?.close();
    this.#kept = null;
  }

  async #line(): Promise<Line> {
    const kept = this.#kept;
    return kept?.isOpen === true ? kept : await this.#open();
  }

  async #open(): Promise<Line> {
    try {
      return await Line.open(this.#path);
    } catch (error) {
      if (errorCode(error) === "EACCES") throw error;
      throw new ConnectionLost("nobody serves the control socket any more", { cause: error });
    }
  }
}

function requestText(method: string, path: string, body: unknown, keepsAlive: boolean): string {
  const text = body === undefined ? "" : JSON.stringify(body);
  const fields = [
    `${method} ${path} HTTP/1.1`,
    "Host: localhost",
    ...(keepsAlive ? [] : ["Connection: close"]),
    ...(body === undefined ? [] : [
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(text)}`,
    ]),
  ];
  return `${fields.join("\r\n")}\r\n\r\n${text}`;
}

async function wholeBody(line: Line): Promise<Uint8Array> {
  const bytes: Uint8Array[] = [];
  let length = 0;
  for await (const piece of line.pieces()) {
    length += piece.length;
    if (length > MOST_BODY_BYTES) throw line.lost("the answer is too long");
    bytes.push(piece);
  }
  return Buffer.concat(bytes);
}

async function* linesOf(line: Line): AsyncGenerator<string, undefined> {
  try {
    const decoder = new TextDecoder();
    let text = "";
    for await (const piece of line.pieces()) {
      text += decoder.decode(piece, { stream: true });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      if (text.length > MOST_LINE_CHARACTERS) throw line.lost("a line is too long");
      yield* lines;
    }
    return undefined;
  } finally {
    line.close();
  }
}

function parseBody(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

/** One connection. */
class Line {
  #socket: Bun.Socket | null = null;
  #parser = new ResponseParser();
  #unsent: Uint8Array = new Uint8Array(0);
  #wake: (() => void) | null = null;
  #isClosedHere = false;
  isOpen = true;

  static async open(path: string): Promise<Line> {
    const line = new Line();
    line.#socket = await takeOver(connectTo(path), {
      data: (_, bytes) => {
        line.#parser.push(bytes);
        line.#moved();
      },
      drain: () => line.#flush(),
      close: () => line.#end(),
      end: () => line.#end(),
      error: () => line.#end(),
    });
    return line;
  }

  /** A new question: the answer before was read whole. */
  send(text: string): void {
    this.#parser = new ResponseParser();
    this.#unsent = new TextEncoder().encode(text);
    this.#flush();
  }

  async head(): Promise<ResponseHead> {
    for (;;) {
      const head = this.#read(() => this.#parser.head());
      if (head !== null) return head;
      await this.#more();
    }
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    while (!this.#isClosedHere) {
      const piece = this.#read(() => this.#parser.read());
      if (piece !== null) yield piece;
      else if (this.#parser.isComplete) return;
      else await this.#more();
    }
  }

  lost(text: string): ConnectionLost {
    this.close();
    return new ConnectionLost(text);
  }

  close(): void {
    this.#isClosedHere = true;
    this.isOpen = false;
    this.#socket?.terminate();
    this.#moved();
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof HttpFault)) throw error;
      throw this.lost(error.message);
    }
  }

  #flush(): void {
    if (this.#unsent.length === 0) return;
    const taken = this.#socket?.write(this.#unsent) ?? -1;
    if (taken < 0) this.#end();
    else this.#unsent = this.#unsent.subarray(taken);
  }

  async #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }

  #moved(): void {
    this.#wake?.();
    this.#wake = null;
  }

  #end(): void {
    this.isOpen = false;
    this.#parser.end();
    this.#moved();
  }
}
