/**
 * The clock of the bench: compiles the C programs, owns the FIFO into which they report, and keeps what was
 * reported. Times are CLOCK_MONOTONIC taken by the reporting process itself; this file never takes one.
 */
import { closeSync, constants, existsSync, mkdirSync, openSync, read, statSync } from "node:fs";
import { basename, join } from "node:path";

export type What = "runs" | "start" | "exit" | "signal" | "ready" | "reaped";
const NAMES: readonly (What | null)[] = [null, "runs", "start", "exit", "signal", "ready", "reaped"];

export interface Report {
  readonly what: What;
  readonly pid: number;
  /** Milliseconds of CLOCK_MONOTONIC. */
  readonly at: number;
  readonly value: number;
}

const RECORD_SIZE = 32;
const FREESTANDING = ["-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pie", "-no-pie"];

/** Compiles the programs of the bench into `directory` where they are absent or older than their source. */
export function compilePrograms(directory: string): Record<"daemon" | "stopwatch" | "orphans", string> {
  mkdirSync(directory, { recursive: true });
  const compile = (name: string, flags: readonly string[]): string => {
    const source = join(import.meta.dir, `${name}.c`);
    const target = join(directory, name);
    if (existsSync(target) && statSync(target).mtimeMs > statSync(source).mtimeMs) return target;
    const result = Bun.spawnSync(["cc", "-O2", "-static", ...flags, source, "-o", target]);
    if (!result.success) {
      throw new Error(
        `cannot compile "${basename(source)}": ${result.stderr.toString()} (apt-get install gcc libc6-dev)`,
      );
    }
    return target;
  };
  return {
    daemon: compile("daemon", FREESTANDING),
    stopwatch: compile("stopwatch", []),
    orphans: compile("orphans", []),
  };
}

export class Clock {
  readonly fifo: string;
  readonly reports: Report[] = [];
  readonly #fd: number;
  #wake: () => void = () => {};
  #closed = false;

  /** Makes the FIFO in an existing directory. */
  constructor(directory: string) {
    this.fifo = join(directory, "fifo");
    const made = Bun.spawnSync(["mkfifo", "-m", "0666", this.fifo]);
    if (!made.success) throw new Error(`cannot make the fifo "${this.fifo}": ${made.stderr.toString()}`);
    // Read and write: there is always a reader and always a writer, so nobody blocks in open and nobody sees
    // an end.
    this.#fd = openSync(this.fifo, constants.O_RDWR | constants.O_NONBLOCK);
    void this.#collect();
  }

  async #collect(): Promise<void> {
    const chunk = Buffer.alloc(RECORD_SIZE * 512);
    while (!this.#closed) {
      const count = await new Promise<number>((resolve) => {
        read(this.#fd, chunk, 0, chunk.length, null, (error, bytes) => resolve(error === null ? bytes : 0));
      });
      if (count === 0) {
        await Bun.sleep(1);
        continue;
      }
      // A write of up to PIPE_BUF bytes is never split, so there are whole records only.
      for (let at = 0; at < count; at += RECORD_SIZE) {
        const what = NAMES[chunk.readUInt32LE(at)];
        if (what === undefined || what === null) throw new Error("an unknown record came through the fifo");
        this.reports.push({
          what,
          pid: chunk.readInt32LE(at + 4),
          at: Number(chunk.readBigUInt64LE(at + 8)) / 1e6,
          value: Number(chunk.readBigInt64LE(at + 16)),
        });
      }
      this.#wake();
    }
    closeSync(this.#fd);
  }

  of(what: What, from = 0): Report[] {
    return this.reports.slice(from).filter((report) => report.what === what);
  }

  /**
   * Waits until `count` reports of a kind have come since index `from`; resolves with the last one of them.
   * Rejects when one of the kind `unless` comes before.
   */
  async nth(
    what: What,
    count: number,
    options: { from?: number; seconds?: number; unless?: What } = {},
  ): Promise<Report> {
    const seconds = options.seconds ?? 60;
    const deadline = performance.now() + seconds * 1000;
    for (;;) {
      const found = this.of(what, options.from)[count - 1];
      if (found !== undefined) return found;
      if (options.unless !== undefined && this.of(options.unless, options.from).length > 0) {
        throw new Error(`"${options.unless}" came before ${count} reports "${what}"`);
      }
      const left = deadline - performance.now();
      if (left <= 0) {
        throw new Error(
          `${this.of(what, options.from).length} of ${count} reports "${what}" came in ${seconds} s`,
        );
      }
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#closed = true;
  }
}
