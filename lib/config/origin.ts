/**
 * Where a piece of configuration came from. Every option, and every problem found with one, carries an
 * Origin; only `formatOrigin` turns it into text.
 */
export interface Origin {
  /**
   * As a person would name it: a path as given, "<stdin>", "environment", "--uid" for a word of the command
   * line.
   */
  readonly file: string;
  /** 1-based; 0 where the source has no lines: the command line, the environment. */
  readonly line: number;
}

/** One option of the flattened list: a name and a raw string, repeats kept in order. */
export interface RawOption {
  readonly name: string;
  readonly value: string;
  readonly origin: Origin;
}

/** `file:line`, or `file` alone where there is no line. */
export function formatOrigin(origin: Origin): string {
  return origin.line > 0 ? `${origin.file}:${origin.line}` : origin.file;
}
