/**
 * Between the terminal of a person and the pseudo-terminal of a program: bytes both ways, and the size of the
 * window. The person's terminal is raw meanwhile, and is what it was afterwards, however this ends. Nothing
 * that is read here is understood.
 */
import { closeFd, readInto } from "../sys/file/descriptor.ts";
import { errorCode } from "../sys/errno.ts";
import {
  rawSettings,
  readTerminal,
  readWindowSize,
  setTerminal,
  setWindowSize,
  showOnTerminal,
  type TerminalSettings,
  writeTerminal,
} from "../sys/process/pty.ts";
import type { Watch, Watcher } from "../sys/file/watcher.ts";

export interface RelayEnds {
  /** The person's: keys are read here, and its settings count. */
  readonly terminal: number;
  /** Where the program's output goes. */
  readonly output: number;
  readonly master: number;
}

const PIECE = 16 << 10;
/** A program that does not read its keys is asked again after this long. */
const AGAIN_MS = 10;

export class PtyRelay {
  readonly #ends: RelayEnds;
  readonly #watcher: Pick<Watcher, "add">;
  readonly #hungUp: () => void;
  readonly #settings: TerminalSettings;
  readonly #buffer = new Uint8Array(PIECE);
  readonly #resize = (): void => this.#copySize();
  /** The shell that we were stopped under has used the terminal meanwhile. */
  readonly #resume = (): void => {
    setTerminal(this.#ends.terminal, rawSettings(this.#settings));
    this.#copySize();
  };
  readonly #restore = (): void => this.#putBack();
  #keys: Watch | null = null;
  #screen: Watch | null = null;
  /** Keys that the program has no room for at the moment. */
  #waiting: Uint8Array = new Uint8Array(0);
  #retry: ReturnType<typeof setTimeout> | null = null;

  /** `hungUp`: the person's terminal is gone. Throws SysError (ENOTTY). */
  constructor(ends: RelayEnds, watcher: Pick<Watcher, "add">, hungUp: () => void) {
    this.#ends = ends;
    this.#watcher = watcher;
    this.#hungUp = hungUp;
    this.#settings = readTerminal(ends.terminal);
    setTerminal(ends.master, this.#settings);
    this.#copySize();
  }

  start(): void {
    process.on("exit", this.#restore);
    process.on("SIGWINCH", this.#resize);
    process.on("SIGCONT", this.#resume);
    setTerminal(this.#ends.terminal, rawSettings(this.#settings));
    this.#screen = this.#watcher.add(this.#ends.master, () => this.#show());
    this.#readKeys();
  }

  /** The program's output is shown to its end, then the terminal is what it was; the master is closed. */
  finish(): void {
    while (this.#screen !== null && this.#show()) continue;
    this.close();
  }

  /** At once: the program's terminal hangs up. */
  close(): void {
    this.#stopKeys();
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#screen?.remove();
    this.#screen = null;
    process.off("SIGWINCH", this.#resize);
    process.off("SIGCONT", this.#resume);
    process.off("exit", this.#restore);
    this.#putBack();
    closeFd(this.#ends.master);
  }

  #putBack(): void {
    try {
      setTerminal(this.#ends.terminal, this.#settings);
    } catch {
      // It has hung up: nobody is there to mind.
    }
  }

  #copySize(): void {
    try {
      setWindowSize(this.#ends.master, readWindowSize(this.#ends.terminal));
    } catch {
      // One of the two has hung up, and that is heard elsewhere.
    }
  }

  /** false: there is nothing more at the moment, or ever. */
  #show(): boolean {
    try {
      const count = readInto(this.#ends.master, this.#buffer);
      if (count === null) return false;
      if (count > 0) {
        this.#write(this.#buffer.subarray(0, count));
        return true;
      }
    } catch (error) {
      // EIO: nobody has the other end any more.
      if (errorCode(error) !== "EIO") throw error;
    }
    this.#screen?.remove();
    this.#screen = null;
    return false;
  }

  #write(bytes: Uint8Array): void {
    try {
      showOnTerminal(this.#ends.output, bytes);
    } catch (error) {
      if (!["EIO", "EPIPE"].includes(errorCode(error) ?? "")) throw error;
      this.#hungUp();
    }
  }

  #readKeys(): void {
    this.#keys ??= this.#watcher.add(this.#ends.terminal, () => {
      let count: number | null = 0;
      try {
        count = readInto(this.#ends.terminal, this.#buffer);
      } catch (error) {
        if (errorCode(error) !== "EIO") throw error;
      }
      if (count === null) return;
      if (count > 0) return this.#type(this.#buffer.slice(0, count));
      this.#stopKeys();
      this.#hungUp();
    });
  }

  #stopKeys(): void {
    this.#keys?.remove();
    this.#keys = null;
  }

  /**
   * Input that the program's terminal has no room for waits here, and no further key is read until it has.
   */
  #type(bytes: Uint8Array): void {
    this.#waiting = bytes;
    try {
      while (this.#waiting.length > 0) {
        const taken = writeTerminal(this.#ends.master, this.#waiting);
        if (taken === null) {
          this.#stopKeys();
          this.#retry = setTimeout(() => this.#type(this.#waiting), AGAIN_MS);
          return;
        }
        this.#waiting = this.#waiting.subarray(taken);
      }
    } catch (error) {
      if (errorCode(error) !== "EIO") throw error;
    }
    this.#retry = null;
    this.#readKeys();
  }
}
