/**
 * The answer to one request, out of bytes that come cut anywhere: its head, then its body piece by piece.
 * Knows no socket. What the other side says is not believed: it may be anybody.
 */
import { ByteQueue } from "./byte_queue.ts";
import { ChunkReader } from "./chunks.ts";
import { HttpFault } from "./fault.ts";
import { addField, type Fields, framing } from "./fields.ts";

const MOST_HEAD_BYTES = 16_384;
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const NO_BODY: ReadonlySet<number> = new Set([204, 304]);

export interface ResponseHead {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
}

export class ResponseParser {
  readonly #queue = new ByteQueue();
  readonly #chunks = new ChunkReader();
  #headBytes = 0;
  #status: number | null = null;
  #fields: Fields = new Map();
  #head: ResponseHead | null = null;
  /** Bytes of the body that are still to come; null: it comes in chunks. */
  #left: number | null = 0;
  #hasEnded = false;

  push(chunk: Uint8Array): void {
    this.#queue.push(chunk);
  }

  /** The other side has said all. */
  end(): void {
    this.#hasEnded = true;
  }

  /** null: it has not come whole. Throws HttpFault. */
  head(): ResponseHead | null {
    while (this.#head === null) {
      const before = this.#queue.length;
      const line = this.#queue.takeLine();
      const taken = before - this.#queue.length;
      if (this.#headBytes + (line === null ? before : taken) > MOST_HEAD_BYTES) {
        throw new HttpFault(502, "the head of the answer is too long");
      }
      if (line === null) {
        if (this.#hasEnded) throw new HttpFault(502, "the connection ended before the answer");
        return null;
      }
      this.#headBytes += taken;
      this.#readLine(line);
    }
    return this.#head;
  }

  /** The next bytes of the body; null: more has to come, or it is complete. Throws HttpFault. */
  read(): Uint8Array | null {
    if (this.head() === null) return null;
    const found = this.#left === null ? this.#chunks.read(this.#queue) : this.#readPlain(this.#left);
    if (found === null && this.#hasEnded && !this.isComplete) {
      throw new HttpFault(502, "the connection ended in the middle of the answer");
    }
    return found;
  }

  get isComplete(): boolean {
    if (this.#head === null) return false;
    if (this.#left === null) return this.#chunks.isDone;
    return this.#left === 0 || (this.#left === Infinity && this.#hasEnded && this.#queue.length === 0);
  }

  #readPlain(left: number): Uint8Array | null {
    const bytes = this.#queue.takeBytes(left);
    this.#left = left - bytes.length;
    return bytes.length === 0 ? null : bytes;
  }

  #readLine(line: string): void {
    if (this.#status === null) {
      const digits = STATUS_LINE.exec(line)?.[1];
      if (digits === undefined) throw new HttpFault(502, "the answer is no HTTP/1.1");
      this.#status = Number(digits);
    } else if (line !== "") addField(this.#fields, line);
    else this.#headRead(this.#status);
  }

  #headRead(status: number): void {
    const fields = this.#fields;
    this.#status = null;
    this.#fields = new Map();
    if (status < 200) return; // 100 Continue: the answer comes after it
    const frame = framing(fields);
    if (NO_BODY.has(status)) this.#left = 0;
    else this.#left = frame === "chunked" ? null : frame === null ? Infinity : frame.length;
    this.#head = { status, fields };
  }
}
