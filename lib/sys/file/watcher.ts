/**
 * Tells when a descriptor becomes readable: pidfds of processes that are not our children, inotify. One
 * thread of the native library sleeps in epoll_wait and writes the token of each event into a pipe, which the
 * event loop reads. Nothing polls.
 */
import { fileDescriptor } from "../checks.ts";
import { closeFd, openPipe } from "./descriptor.ts";
import { native, unwrap } from "../native/native.ts";

export interface Watch {
  /** Ends the watch, before the descriptor is closed. May be called in the callback, and twice. */
  remove(): void;
}

interface Entry {
  readonly fd: number;
  readonly onReadable: () => void;
}

const TOKEN_SIZE = 8;

export class Watcher {
  readonly #epoll: number;
  readonly #reader: number;
  readonly #entries = new Map<number, Entry>();
  #nextToken = 1;

  constructor() {
    const symbols = native();
    const pipe = openPipe({ nonblock: false });
    this.#reader = pipe.reader;
    this.#epoll = unwrap("epoll_create1", symbols.reeve_epoll(), { doing: "watch descriptors" });
    // The thread keeps the writing end: it is never closed.
    unwrap("clone", symbols.reeve_watch_start(this.#epoll, pipe.writer), {
      doing: "start the watching thread",
    });
    void this.#pump();
  }

  /**
   * Calls `onReadable` each time that `fd` is readable, and again as long as it is: the callback reads what
   * there is, or removes the watch (a pidfd of a dead process stays readable). Throws SysError.
   */
  add(fd: number, onReadable: () => void): Watch {
    const token = this.#nextToken++;
    unwrap("epoll_ctl", native().reeve_watch_add(this.#epoll, fileDescriptor(fd), token), {
      doing: "watch a descriptor",
    });
    this.#entries.set(token, { fd, onReadable });
    return {
      remove: () => {
        if (!this.#entries.delete(token)) return;
        native().reeve_watch_remove(this.#epoll, fd);
      },
    };
  }

  async #pump(): Promise<void> {
    let rest = new Uint8Array(0);
    for await (const chunk of Bun.file(this.#reader).stream()) {
      let bytes: Uint8Array = chunk;
      if (rest.length > 0) bytes = Buffer.concat([rest, chunk]);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      let at = 0;
      for (; at + TOKEN_SIZE <= bytes.length; at += TOKEN_SIZE) {
        this.#dispatch(Number(view.getBigUint64(at, true)));
      }
      rest = bytes.slice(at);
    }
    closeFd(this.#reader);
  }

  #dispatch(token: number): void {
    // An event may have been on its way when its watch was removed; tokens are never used twice.
    const entry = this.#entries.get(token);
    if (entry === undefined) return;
    try {
      entry.onReadable();
    } catch (error) {
      // The fault is the callback's: it must surface, and all other watches must go on.
      queueMicrotask(() => {
        throw error;
      });
    }
    if (this.#entries.has(token)) native().reeve_watch_again(this.#epoll, entry.fd, token);
  }
}

let shared: Watcher | null = null;

/** The process's one watcher, with its thread, started at first use. */
export function watcher(): Watcher {
  return shared ??= new Watcher();
}
