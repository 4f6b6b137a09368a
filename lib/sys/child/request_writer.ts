/**
 * Writes the records of a request (native/reeve.h) one after the other; knows how bytes are laid out and
 * nothing of what they mean. Must never be used for two requests at once: all share one buffer.
 */
import { encodeText } from "../byte_text.ts";
import { text } from "../checks.ts";
import { REEVE_MAGIC, REEVE_MAX_REQUEST } from "../native/constants.ts";

export const HEADER_SIZE = 24;
const RECORD_HEADER_SIZE = 8;

const SCRATCH_SIZE = 16_384;

const encoder = new TextEncoder();
// Allocating a buffer for each request would cost more than filling it; packing is synchronous, so one
// serves.
let scratch = new Uint8Array(SCRATCH_SIZE);
let view = new DataView(scratch.buffer);

export class RequestWriter {
  #end = HEADER_SIZE;

  /** A string with its closing NUL. Throws as checks.ts's `text` does, with `what` as the name. */
  string(tag: number, value: string, what: string): void {
    text(value, what);
    // UTF-8 needs three bytes at most for one UTF-16 unit.
    this.#reserve(RECORD_HEADER_SIZE + value.length * 3 + 8);
    const start = this.#end + RECORD_HEADER_SIZE;
    let length: number;
    if (value.isWellFormed()) {
      length = encoder.encodeInto(value, scratch.subarray(start)).written;
    } else {
      const bytes = encodeText(value);
      scratch.set(bytes, start);
      length = bytes.length;
    }
    scratch[start + length] = 0;
    this.#close(tag, length + 1);
  }

  /** 32-bit numbers, signed or not. */
  numbers(tag: number, values: readonly number[]): void {
    this.#reserve(RECORD_HEADER_SIZE + values.length * 4 + 8);
    let at = this.#end + RECORD_HEADER_SIZE;
    for (const value of values) {
      view.setInt32(at, value, true);
      at += 4;
    }
    this.#close(tag, values.length * 4);
  }

  /** One u64. */
  mask(tag: number, value: bigint): void {
    this.#reserve(RECORD_HEADER_SIZE + 8);
    view.setBigUint64(this.#end + RECORD_HEADER_SIZE, value, true);
    this.#close(tag, 8);
  }

  rlimit(tag: number, resource: number, soft: bigint, hard: bigint): void {
    this.#reserve(RECORD_HEADER_SIZE + 24);
    const at = this.#end + RECORD_HEADER_SIZE;
    view.setUint32(at, resource, true);
    view.setUint32(at + 4, 0, true);
    view.setBigUint64(at + 8, soft, true);
    view.setBigUint64(at + 16, hard, true);
    this.#close(tag, 24);
  }

  /** struct reeve_mount and its four strings: source, target, type, data. */
  mount(
    tag: number,
    what: { readonly kind: number; readonly options: number; readonly flags: number },
    strings: readonly [string, string, string, string],
  ): void {
    const texts = encodeText(`${strings.map((one) => text(one, "text of a mount")).join("\0")}\0`);
    this.#reserve(RECORD_HEADER_SIZE + 16 + texts.length + 8);
    const at = this.#end + RECORD_HEADER_SIZE;
    view.setUint32(at, what.kind, true);
    view.setUint32(at + 4, what.options, true);
    view.setBigUint64(at + 8, BigInt(what.flags), true);
    scratch.set(texts, at + 16);
    this.#close(tag, 16 + texts.length);
  }

  /** u32 kind, u32 zero, string. */
  root(tag: number, kind: number, path: string): void {
    const bytes = encodeText(`${text(path, "root")}\0`);
    this.#reserve(RECORD_HEADER_SIZE + 8 + bytes.length + 8);
    const at = this.#end + RECORD_HEADER_SIZE;
    view.setUint32(at, kind, true);
    view.setUint32(at + 4, 0, true);
    scratch.set(bytes, at + 8);
    this.#close(tag, 8 + bytes.length);
  }

  bytes(tag: number, value: Uint8Array): void {
    this.#reserve(RECORD_HEADER_SIZE + value.length + 8);
    scratch.set(value, this.#end + RECORD_HEADER_SIZE);
    this.#close(tag, value.length);
  }

  /** Records that an earlier writer made. */
  records(value: Uint8Array): void {
    this.#reserve(value.length);
    scratch.set(value, this.#end);
    this.#end += value.length;
  }

  /** A copy of the records written so far, without a header. */
  takeRecords(): Uint8Array<ArrayBuffer> {
    return this.#take(HEADER_SIZE);
  }

  /** A copy of the whole request. Throws RangeError when it is larger than the helper accepts. */
  finish(spawnId: number, flags: number, reportFd: number): Uint8Array<ArrayBuffer> {
    view.setUint32(0, REEVE_MAGIC, true);
    view.setUint32(4, this.#end, true);
    view.setBigUint64(8, BigInt(spawnId), true);
    view.setUint32(16, flags, true);
    view.setInt32(20, reportFd, true);
    return this.#take(0);
  }

  #take(from: number): Uint8Array<ArrayBuffer> {
    if (this.#end > REEVE_MAX_REQUEST) {
      throw new RangeError(
        `arguments and environment take ${this.#end} bytes, at most ${REEVE_MAX_REQUEST} are possible`,
      );
    }
    const taken = scratch.slice(from, this.#end);
    // One enormous request must not hold its memory for the life of the supervisor.
    if (scratch.length > 64 * SCRATCH_SIZE) {
      scratch = new Uint8Array(SCRATCH_SIZE);
      view = new DataView(scratch.buffer);
    }
    return taken;
  }

  #close(tag: number, length: number): void {
    view.setUint16(this.#end, tag, true);
    view.setUint16(this.#end + 2, 0, true);
    view.setUint32(this.#end + 4, length, true);
    const end = this.#end + RECORD_HEADER_SIZE + length;
    this.#end = (end + 7) & ~7;
    scratch.fill(0, end, this.#end);
  }

  #reserve(count: number): void {
    const wanted = this.#end + count;
    if (wanted <= scratch.length) return;
    const larger = new Uint8Array(Math.max(wanted, scratch.length * 2));
    larger.set(scratch.subarray(0, this.#end));
    scratch = larger;
    view = new DataView(scratch.buffer);
  }
}
