/**
 * Output of a child that is to be seen on a terminal of the host: through a pipe, since the terminal itself
 * is not to be had inside.
 */
import { closeFd, openPipe, readInto, setNonblocking } from "../../sys/file/descriptor.ts";
import { errorCode } from "../../sys/errno.ts";
import { showOnTerminal } from "../../sys/process/pty.ts";
import type { Watch, Watcher } from "../../sys/file/watcher.ts";

const PIECE = 16 << 10;

export class OutputPipe {
  readonly writer: number;
  readonly #reader: number;
  readonly #target: number;
  readonly #buffer = new Uint8Array(PIECE);
  #watch: Watch | null;

  /** The caller closes `writer` once the child has it. */
  constructor(target: number, watcher: Pick<Watcher, "add">) {
    const { reader, writer } = openPipe({ nonblock: false });
    this.writer = writer;
    this.#reader = reader;
    this.#target = target;
    // The child's end blocks, as a terminal does: the two are separate open files.
    setNonblocking(reader, true);
    this.#watch = watcher.add(reader, () => void this.#move());
  }

  /**
   * The rest is written; more may come from processes that the child left behind, and has no reader any more.
   */
  finish(): void {
    while (this.#watch !== null && this.#move()) continue;
    this.#end();
  }

  /** false: nothing at the moment, or ever. */
  #move(): boolean {
    const count = readInto(this.#reader, this.#buffer);
    if (count === null) return false;
    if (count > 0 && this.#write(this.#buffer.subarray(0, count))) return true;
    this.#end();
    return false;
  }

  #write(bytes: Uint8Array): boolean {
    try {
      showOnTerminal(this.#target, bytes);
      return true;
    } catch (error) {
      if (!["EIO", "EPIPE"].includes(errorCode(error) ?? "")) throw error;
      return false;
    }
  }

  #end(): void {
    if (this.#watch === null) return;
    this.#watch.remove();
    this.#watch = null;
    closeFd(this.#reader);
  }
}
