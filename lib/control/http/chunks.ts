/** A body in chunks: what of it has come, until its end. Trailers are refused. Pure. */
import type { ByteQueue } from "./byte_queue.ts";
import { HttpFault } from "./fault.ts";

/** A size, and an extension of it that nobody reads. */
const SIZE = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const LONGEST_SIZE_LINE = 256;

export class ChunkReader {
  #state: "size" | "bytes" | "afterBytes" | "end" | "done" = "size";
  #left = 0;

  get isDone(): boolean {
    return this.#state === "done";
  }

  /** The next bytes of the body; null: more has to come, or it is done. Throws HttpFault. */
  read(queue: ByteQueue): Uint8Array<ArrayBuffer> | null {
    while (this.#state !== "done") {
      if (this.#state === "bytes") {
        if (queue.length === 0) return null;
        const bytes = queue.takeBytes(this.#left);
        this.#left -= bytes.length;
        if (this.#left === 0) this.#state = "afterBytes";
        return bytes;
      }
      const line = queue.takeLine();
      if (line === null) {
        if (queue.length > LONGEST_SIZE_LINE) throw new HttpFault(400, "the size of a chunk is too long");
        return null;
      }
      this.#readLine(line);
    }
    return null;
  }

  #readLine(line: string): void {
    if (this.#state === "afterBytes") {
      if (line !== "") throw new HttpFault(400, "a chunk is longer than its size");
      this.#state = "size";
    } else if (this.#state === "end") {
      if (line !== "") throw new HttpFault(400, "trailers are not taken");
      this.#state = "done";
    } else {
      const digits = line.length > LONGEST_SIZE_LINE ? undefined : SIZE.exec(line)?.[1];
      if (digits === undefined) throw new HttpFault(400, "the size of a chunk is malformed");
      this.#left = parseInt(digits, 16);
      this.#state = this.#left === 0 ? "end" : "bytes";
    }
  }
}
