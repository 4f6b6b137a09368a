/**
 * Text for people on stdout and stderr. Writes at once and whole, so that the program may end right after; a
 * reader that went away (EPIPE) is no error, any other failure is kept until it is asked for. Colour only
 * where somebody sees it.
 */
import { fstatSync, writeSync } from "node:fs";
import process from "node:process";
import type { Severity } from "../../config/diagnostic.ts";
import { describeProblem } from "../../config/problem.ts";
import { errorCode } from "../../sys/errno.ts";

export type Colour = "red" | "green" | "yellow" | "cyan" | "bold" | "dim";

const CODES: Readonly<Record<Colour, string>> = {
  red: "31",
  green: "32",
  yellow: "33",
  cyan: "36",
  bold: "1",
  dim: "2",
};
const SEVERITY_COLOURS: Readonly<Record<Severity, Colour>> = {
  error: "red",
  warning: "yellow",
  note: "cyan",
};
const WAIT_MS = 2;

/** The call that an Output writes through; a test passes a fake. */
export interface OutputTarget {
  write(bytes: Uint8Array): number;
  /** Asked when something is to be painted: node:tty takes 2 ms to load. */
  readonly isTerminal: () => boolean;
}

export class Output {
  readonly #target: OutputTarget;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  #closed = false;
  #failure: string | null = null;
  /** null: nothing was painted yet. */
  #isColoured: boolean | null = null;

  /** `environment`: where NO_COLOR (not empty) and TERM=dumb turn colours off. */
  constructor(target: OutputTarget, environment: Readonly<Record<string, string | undefined>>) {
    this.#target = target;
    this.#environment = environment;
  }

  #colours(): boolean {
    return this.#isColoured ??= !this.#environment["NO_COLOR"] && this.#environment["TERM"] !== "dumb" &&
      this.#target.isTerminal();
  }

  /** Nobody reads what is written, or it cannot be written. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Writes `text` and a line end. */
  line(text = ""): void {
    this.write(`${text}\n`);
  }

  write(text: string): void {
    let rest: Uint8Array = new TextEncoder().encode(text);
    while (rest.length > 0 && !this.#closed) {
      try {
        rest = rest.subarray(this.#target.write(rest));
      } catch (error) {
        const code = errorCode(error);
        // A pipe that somebody else made non-blocking is full: its reader needs a moment.
        if (code === "EAGAIN") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
        else if (code !== "EINTR") {
          this.#closed = true;
          if (code !== "EPIPE") this.#failure = describeProblem(error);
        }
      }
    }
  }

  /**
   * Why something is missing of what was written so far (a full disk), told once; null: nothing is, or nobody
   * reads.
   */
  takeFailure(): string | null {
    const failure = this.#failure;
    this.#failure = null;
    return failure;
  }

  paint(text: string, colour: Colour): string {
    return this.#colours() ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
  }

  paintSeverity(text: string, severity: Severity): string {
    return this.paint(text, SEVERITY_COLOURS[severity]);
  }
}

export interface Outputs {
  readonly out: Output;
  readonly err: Output;
}

export function standardOutputs(): Outputs {
  return { out: descriptorOutput(1), err: descriptorOutput(2) };
}

function descriptorOutput(fd: 1 | 2): Output {
  const write = (bytes: Uint8Array): number => writeSync(fd, bytes);
  return new Output({ write, isTerminal: () => isTerminal(fd) }, process.env);
}

/** A terminal is a character device: for the rest node:tty need not be loaded. */
export function isTerminal(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice() && process.getBuiltinModule("node:tty").isatty(fd);
  } catch {
    return false;
  }
}

/**
 * Text from a file or the command line made safe for a terminal and for one line: control characters are
 * shown as escapes, so that no configuration can forge output.
 */
export function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, (character) => {
    const known: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\e" };
    return known[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}
