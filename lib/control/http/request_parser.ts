/**
 * Requests of HTTP/1.1 (and 1.0) out of bytes that come cut anywhere, several in a row as well. Holds no more
 * than its limits, and knows no socket and no clock. What could be read in two ways is refused.
 */
import { ByteQueue } from "./byte_queue.ts";
import { ChunkReader } from "./chunks.ts";
import { HttpFault } from "./fault.ts";
import { addField, type Fields, framing, hasWord } from "./fields.ts";

export const MOST_HEAD_BYTES = 16_384;
export const MOST_BODY_BYTES = 1_048_576;

export interface HttpRequest {
  readonly method: string;
  /** Begins with "/", has no query, is not decoded. */
  readonly path: string;
  /** Behind the "?"; "" without one. */
  readonly query: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  /** Whether the connection stays open for another. */
  readonly keepsAlive: boolean;
  /** HTTP/1.0 knows no chunks. */
  readonly takesChunks: boolean;
}

interface Head extends Omit<HttpRequest, "body"> {
  readonly fields: Fields;
}

const REQUEST_LINE = /^([A-Z]{1,16}) (\/[\x21-\x7e]*) HTTP\/(\d)\.(\d)$/;

/** A body that is being read. */
interface Body {
  readonly head: Head;
  /** null: it comes in chunks. */
  readonly length: number | null;
  readonly chunks: ChunkReader;
  /** The bytes of its chunks. */
  readonly collected: ByteQueue;
}

export class RequestParser {
  readonly #queue = new ByteQueue();
  #requestLine: string | null = null;
  #fields: Fields = new Map();
  /** The length of the head so far. */
  #headBytes = 0;
  #body: Body | null = null;
  #wantsContinue = false;
  #fault: HttpFault | null = null;

  push(chunk: Uint8Array): void {
    if (this.#fault === null) this.#queue.push(chunk);
  }

  /** Nothing of a next request has come. */
  get isIdle(): boolean {
    return this.#queue.length === 0 && this.#headBytes === 0 && this.#body === null;
  }

  /** Bytes that wait. */
  get held(): number {
    return this.#queue.length;
  }

  /** Whether the client waits for "100 Continue" before it sends the body; asked once a request. */
  takeContinue(): boolean {
    const wanted = this.#wantsContinue;
    this.#wantsContinue = false;
    return wanted;
  }

  /** null: more has to come. Throws HttpFault, and the same ever after. */
  next(): HttpRequest | null {
    if (this.#fault !== null) throw this.#fault;
    try {
      this.#body ??= this.#readHead();
      return this.#body === null ? null : this.#readBody(this.#body);
    } catch (error) {
      if (error instanceof HttpFault) this.#fault = error;
      throw error;
    }
  }

  #readHead(): Body | null {
    for (;;) {
      const before = this.#queue.length;
      const line = this.#queue.takeLine();
      const taken = before - this.#queue.length;
      // All that waits belongs to this head as long as its end has not come.
      if (this.#headBytes + (line === null ? before : taken) > MOST_HEAD_BYTES) {
        throw new HttpFault(431, `the head of a request is longer than ${MOST_HEAD_BYTES} bytes`);
      }
      if (line === null) return null;
      this.#headBytes += taken;
      if (this.#requestLine === null) {
        // An empty line may stand before a request: old clients end a body with one.
        if (line !== "") this.#requestLine = line;
      } else if (line !== "") addField(this.#fields, line);
      else return this.#headRead(this.#requestLine);
    }
  }

  #headRead(line: string): Body {
    const fields = this.#fields;
    this.#requestLine = null;
    this.#fields = new Map();
    this.#headBytes = 0;
    const head = readHead(line, fields);
    const frame = framing(fields);
    if (frame !== null && frame !== "chunked" && frame.length > MOST_BODY_BYTES) throw tooLong();
    const expect = fields.get("expect")?.toLowerCase();
    if (expect !== undefined && expect !== "100-continue") {
      throw new HttpFault(417, "cannot meet what is expected");
    }
    this.#wantsContinue = expect !== undefined && frame !== null && head.takesChunks;
    const length = frame === "chunked" ? null : frame?.length ?? 0;
    return { head, length, chunks: new ChunkReader(), collected: new ByteQueue() };
  }

  #readBody({ head, length, chunks, collected }: Body): HttpRequest | null {
    if (length === null) {
      for (let part = chunks.read(this.#queue); part !== null; part = chunks.read(this.#queue)) {
        collected.push(part);
        if (collected.length > MOST_BODY_BYTES) throw tooLong();
      }
      if (!chunks.isDone) return null;
    } else if (this.#queue.length < length) return null;
    this.#body = null;
    this.#wantsContinue = false;
    const body = length === null ? collected.takeBytes(collected.length) : this.#queue.takeBytes(length);
    return { ...head, body };
  }
}

function tooLong(): HttpFault {
  return new HttpFault(413, `the body of a request is longer than ${MOST_BODY_BYTES} bytes`);
}

function readHead(line: string, fields: Fields): Head {
  const [, method, target = "", major, minor] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined) throw new HttpFault(400, "the request line is malformed");
  if (major !== "1" || minor === undefined || minor > "1") {
    throw new HttpFault(505, "HTTP/1.1 is spoken here");
  }
  const isOld = minor === "0";
  if (isOld && fields.has("transfer-encoding")) throw new HttpFault(400, "HTTP/1.0 has no transfer-encoding");
  const connection = fields.get("connection");
  const at = target.indexOf("?");
  return {
    method,
    path: at < 0 ? target : target.slice(0, at),
    query: at < 0 ? "" : target.slice(at + 1),
    fields,
    keepsAlive: isOld ? hasWord(connection, "keep-alive") : !hasWord(connection, "close"),
    takesChunks: !isOld,
  };
}
