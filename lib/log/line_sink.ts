/**
 * Where the lines of reeve's own log go: one descriptor, whole lines, one write each. Never throws, never
 * waits, never seeks: a log that cannot be written (full disk, reader gone or asleep) costs lines, never the
 * supervisor.
 *
 * Lines that cannot be written now wait in a bounded queue. When that is full the newest lines are dropped
 * and counted, and the count is logged where they are missing, once writing works again.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { sendNow } from "../sys/socket/send.ts";
import type { Timers } from "../sys/timers.ts";

type Write = (fd: number, bytes: Uint8Array, offset: number) => number;

export interface LineSinkOptions {
  readonly fd: number;
  /** The sink closes `fd` when it is moved to another. */
  readonly ownsFd?: boolean;
  readonly timers: Timers;
  /** One write(2): bytes taken, or throws an Error with `code`. */
  readonly write?: Write;
  /** The line that tells how many are missing. */
  readonly droppedLine: (count: number) => string;
  /** Bytes of lines that wait at most. */
  readonly capacity?: number;
}

const CAPACITY = 256 * 1024;
const FIRST_RETRY = 50;
const LONGEST_RETRY = 5000;
/** Errors that pass by themselves: only for these a timer tries again; for the others the next line does. */
const PASSING = new Set(["EAGAIN", "EWOULDBLOCK", "ENOSPC", "EDQUOT", "ENOBUFS", "ENOMEM"]);

export class LineSink {
  readonly #options: LineSinkOptions;
  #write: Write;
  #fd: number;
  #ownsFd: boolean;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Bytes of the first line in the queue that are out already. */
  #sent = 0;
  #dropped = 0;
  #retry: { cancel(): void } | null = null;
  #delay = FIRST_RETRY;

  constructor(options: LineSinkOptions) {
    this.#options = options;
    this.#fd = options.fd;
    this.#ownsFd = options.ownsFd ?? false;
    this.#write = options.write ?? writerFor(options.fd);
  }

  /** Takes one line, its newline included. */
  put(line: string): void {
    const bytes = Buffer.from(line, "utf8");
    if (this.#queue.length === 0 && this.#dropped === 0) {
      this.#queue.push(bytes);
      this.#queuedBytes += bytes.length;
      this.flush();
      return;
    }
    this.#enqueue(bytes);
    // While a timer is to try again each line need not: a flood into a full pipe must not cost a failing call
    // a line.
    if (this.#retry === null) this.flush();
  }

  /** Tries to write what waits. True when nothing is left. */
  flush(): boolean {
    for (;;) {
      let first = this.#queue[0];
      if (first === undefined) {
        if (this.#dropped === 0) break;
        first = Buffer.from(this.#options.droppedLine(this.#dropped), "utf8");
        this.#dropped = 0;
        this.#queue.push(first);
        this.#queuedBytes += first.length;
      }
      try {
        this.#sent += this.#write(this.#fd, first, this.#sent);
      } catch (problem) {
        const { code: own, errnoName } = problem as { code?: unknown; errnoName?: unknown };
        const code = own ?? errnoName;
        if (code === "EINTR") continue;
        if (typeof code === "string" && PASSING.has(code)) this.#tryLater();
        return false;
      }
      if (this.#sent >= first.length) {
        this.#queue.shift();
        this.#queuedBytes -= first.length;
        this.#sent = 0;
      }
    }
    this.#delay = FIRST_RETRY;
    this.#retry?.cancel();
    this.#retry = null;
    return true;
  }

  /** From now on lines go to `fd`; a line that was out in part is written anew there. */
  moveTo(fd: number, ownsFd = false): void {
    if (this.#ownsFd && fd !== this.#fd) closeSync(this.#fd);
    this.#ownsFd = ownsFd;
    this.#fd = fd;
    this.#write = this.#options.write ?? writerFor(fd);
    this.#sent = 0;
    this.flush();
  }

  /** Nothing is put any more; what cannot be written at once is lost. */
  close(): void {
    this.flush();
    this.#retry?.cancel();
    if (this.#ownsFd) closeSync(this.#fd);
    this.#ownsFd = false;
    this.#queue = [];
    this.#dropped = 0;
  }

  #enqueue(bytes: Uint8Array): void {
    // Once a line is lost all later ones are, until the queue is out: the count then stands where they are
    // missing.
    if (this.#dropped > 0 || this.#queuedBytes + bytes.length > (this.#options.capacity ?? CAPACITY)) {
      this.#dropped++;
      return;
    }
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
  }

  #tryLater(): void {
    if (this.#retry !== null) return;
    this.#retry = this.#options.timers.after(this.#delay, () => {
      this.#retry = null;
      this.flush();
    });
    this.#delay = Math.min(this.#delay * 2, LONGEST_RETRY);
  }
}

/** A service manager gives a socket that blocks: one that is read no more must not stop a supervisor. */
function writerFor(fd: number): Write {
  let isSocket = false;
  try {
    isSocket = fstatSync(fd).isSocket();
  } catch {
    // Closed: the write will say so.
  }
  return isSocket
    ? (socket, bytes, offset) => sendNow(socket, bytes.subarray(offset))
    : (file, bytes, offset) => writeSync(file, bytes, offset);
}

/**
 * A descriptor for the same pipe or terminal as `fd`, on which a write never waits. O_NONBLOCK on `fd` itself
 * would be set for every daemon that shares it, and those do not expect EAGAIN; so the file is opened once
 * more. Where that is not possible (no /proc, or a pipe that another user made and reeve is not root) the
 * answer is `fd`, and a reader that sleeps holds reeve up; so it is for a socket, which `send` can spare
 * that, and for a regular file, which does not block, and of which a second opening would write at an offset
 * of its own.
 */
export function withoutBlocking(fd: number): number {
  try {
    const status = fstatSync(fd);
    if (!status.isFIFO() && !status.isCharacterDevice()) return fd;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return fd;
  }
}
