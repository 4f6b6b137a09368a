/** Bytes that came in and are not read yet. Takes time in proportion to what comes, however it is cut. */
const FIRST_ROOM = 1024;
/** Room beyond that is given back once all is read. */
const LASTING_ROOM = 16_384;

const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;

export class ByteQueue {
  #bytes = new Uint8Array(0);
  #start = 0;
  #end = 0;
  /** No line end begins before this one. */
  #searched = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  push(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#bytes.length) this.#makeRoom(chunk.length);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The byte that comes next; undefined: there is none. */
  peek(): number | undefined {
    return this.#start < this.#end ? this.#bytes[this.#start] : undefined;
  }

  /**
   * The next line as Latin-1, without its CR LF; null: it has not come whole. A line that ends with LF alone
   * keeps it, and so does one with a CR inside.
   */
  takeLine(): string | null {
    const at = this.#bytes.subarray(0, this.#end).indexOf(LINE_FEED, Math.max(this.#searched, this.#start));
    if (at < 0) {
      this.#searched = this.#end;
      return null;
    }
    const isWhole = at > this.#start && this.#bytes[at - 1] === CARRIAGE_RETURN;
    const line = latin1(this.#bytes.subarray(this.#start, isWhole ? at - 1 : at + 1));
    this.#take(at + 1 - this.#start);
    return line;
  }

  /** At most `count` bytes, copied. */
  takeBytes(count: number): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(this.#start, Math.min(this.#end, this.#start + count));
    this.#take(taken.length);
    return taken;
  }

  #take(count: number): void {
    this.#start += count;
    if (this.#start < this.#end) return;
    this.#start = this.#end = this.#searched = 0;
    if (this.#bytes.length > LASTING_ROOM) this.#bytes = new Uint8Array(0);
  }

  #makeRoom(more: number): void {
    const needed = this.length + more;
    // Half of the room stays free after each move, so that no byte is moved often.
    const room = needed * 2 <= this.#bytes.length ? this.#bytes : new Uint8Array(roomFor(needed));
    room.set(this.#bytes.subarray(this.#start, this.#end));
    this.#searched = Math.max(0, this.#searched - this.#start);
    this.#end -= this.#start;
    this.#start = 0;
    this.#bytes = room;
  }
}

function roomFor(needed: number): number {
  return Math.max(FIRST_ROOM, 2 ** Math.ceil(Math.log2(needed)));
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
