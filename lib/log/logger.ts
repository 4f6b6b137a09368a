/**
 * reeve's own log: an event becomes a line, a line goes to the sink. Synchronous and cheap. Never throws:
 * whoever logs is in the middle of something that matters more.
 */
import { type Fields, formatLine, type Level, type LineFormat } from "./line_format.ts";
import { LineSink, withoutBlocking } from "./line_sink.ts";
import { IDLE_TIMERS, type Timers } from "../sys/timers.ts";

export interface LoggerOptions {
  readonly fd: number;
  /** `fd` is closed when the log moves to another. */
  readonly ownsFd?: boolean;
  readonly format: LineFormat;
  /** Lines below this level are not written. */
  readonly least: Level;
  readonly timers: Timers;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly write?: (fd: number, bytes: Uint8Array, offset: number) => number;
}

const STANDARD_ERROR = 2;
const RANK: Readonly<Record<Level, number>> = { error: 0, warning: 1, info: 2, debug: 3 };
const NO_FIELDS: Fields = {};

export class Logger {
  readonly #options: LoggerOptions;
  readonly #now: () => number;
  readonly #sink: LineSink;
  /** A second place for every line, with or without colour. */
  #other: { readonly sink: LineSink; readonly colour: boolean } | null = null;
  readonly #least: number;
  #format: LineFormat;

  constructor(options: LoggerOptions) {
    this.#options = options;
    this.#now = options.now;
    this.#format = options.format;
    this.#least = RANK[options.least];
    this.#sink = this.#sinkTo(options.fd, options.ownsFd ?? false);
  }

  /** `daemon`: the name of the daemon that it is about, null for reeve itself. */
  log(level: Level, daemon: string | null, text: string, fields: Fields = NO_FIELDS): void {
    if (RANK[level] > this.#least) return;
    const event = { time: this.#now(), level, daemon, text, fields };
    this.#sink.put(formatLine(event, this.#format));
    const { sink, colour } = this.#other ?? {};
    sink?.put(formatLine(event, { ...this.#format, colour: colour === true }));
  }

  error(daemon: string | null, text: string, fields?: Fields): void {
    this.log("error", daemon, text, fields);
  }
  warning(daemon: string | null, text: string, fields?: Fields): void {
    this.log("warning", daemon, text, fields);
  }
  info(daemon: string | null, text: string, fields?: Fields): void {
    this.log("info", daemon, text, fields);
  }
  debug(daemon: string | null, text: string, fields?: Fields): void {
    this.log("debug", daemon, text, fields);
  }

  /** Another form from the next line on: the configuration is read after the first lines were written. */
  reformat(format: LineFormat): void {
    this.#format = format;
  }

  /** The log goes to another descriptor from the next line on. */
  moveTo(fd: number, ownsFd = false): void {
    this.#sink.moveTo(fd, ownsFd);
  }

  /** Every line goes to `fd` as well, which is the logger's to close, until `logAlone`. */
  logAlsoTo(fd: number, colour: boolean): void {
    this.#other?.sink.close();
    this.#other = { sink: this.#sinkTo(fd, true), colour };
  }

  logAlone(): void {
    this.#other?.sink.close();
    this.#other = null;
  }

  /** True when every line is out; to be called before an exit or execve. */
  flush(): boolean {
    const isOtherOut = this.#other?.sink.flush() ?? true;
    return this.#sink.flush() && isOtherOut;
  }

  #sinkTo(fd: number, ownsFd: boolean): LineSink {
    const { timers, write } = this.#options;
    return new LineSink({
      fd,
      ownsFd,
      timers,
      ...(write === undefined ? {} : { write }),
      droppedLine: (dropped) => {
        const text = `${dropped} lines of this log were dropped: it could not be written`;
        const event = {
          time: this.#now(),
          level: "warning",
          daemon: null,
          text,
          fields: { dropped },
        } as const;
        return formatLine(event, this.#format);
      },
    });
  }
}

/**
 * Colour only where a person looks: a terminal, no NO_COLOR (no-color.org: set and not empty), a terminal
 * that can.
 */
export function wantsColour(
  isTerminal: boolean,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return isTerminal && (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";
}

/** The logger of a program that starts: fd 2, text, as yet without a configuration. */
export function standardLogger(
  environment: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
  least: Level = "info",
): Logger {
  const fd = withoutBlocking(STANDARD_ERROR);
  return new Logger({
    fd,
    ownsFd: fd !== STANDARD_ERROR,
    format: { format: "text", date: null, prefix: null, colour: wantsColour(isTerminal, environment) },
    least,
    timers: IDLE_TIMERS,
    now: () => Date.now(),
  });
}
