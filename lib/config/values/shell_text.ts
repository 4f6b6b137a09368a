/**
 * How a shell reads a command line's quotes, brackets and end, as far as it is the same in dash, bash and
 * busybox. Pure. It gives no answer where they differ, or where the text goes on in a here-document or a
 * case.
 */

import { quote } from "../problem.ts";

/**
 * unclosed: no shell can read it. unfinished: it ends where more must come. background: the shell ends at
 * once.
 */
export type ShellProblem =
  | { readonly kind: "unclosed"; readonly mark: string }
  | { readonly kind: "unexpected"; readonly mark: string }
  | { readonly kind: "unfinished"; readonly mark: string }
  | { readonly kind: "background" };

export interface ShellText {
  readonly problem: ShellProblem | null;
  /** The text that the shell leaves out as a comment, from its "#" on. */
  readonly comment: string | null;
}

export function readShellText(text: string): ShellText {
  try {
    const scan = new Scan(text);
    scan.commands(0, null);
    return { problem: scan.problem(), comment: scan.comment };
  } catch (found) {
    if (found instanceof Unclosed) {
      return { problem: { kind: "unclosed", mark: found.message }, comment: null };
    }
    if (found instanceof Unknown) return { problem: null, comment: null };
    throw found;
  }
}

/** Whether a program is a shell of the family whose grammar this is. */
export function isUsualShell(program: string): boolean {
  return /(?:^|\/)(?:sh|ash|dash|bash|rbash|ksh|mksh|zsh|busybox)$/.test(program);
}

/**
 * The sentence about a problem; null: there is none, or one that does not matter to what is not supervised.
 */
export function shellTextError(text: string, isSupervised: boolean): string | null {
  const { problem } = readShellText(text);
  switch (problem?.kind) {
    case undefined:
      return null;
    case "unclosed":
      return `${
        problem.mark === '"' ? `'"'` : quote(problem.mark)
      } is opened in it and never closed: no shell can read it`;
    case "unexpected":
      return `${quote(problem.mark)} is where no shell can read it: put what belongs together in quotes`;
    case "unfinished":
      return problem.mark === "\\"
        ? 'it ends with "\\", and a line is not continued: write all of it in one line'
        : `it ends with ${quote(problem.mark)}, which wants a command behind it`;
    case "background":
      if (!isSupervised) return null;
      return 'it ends with "&", so that the shell ends at once and nothing is left to supervise: leave the "&" out';
  }
}

class Unclosed extends Error {}
class Unknown extends Error {}

class Scan {
  comment: string | null = null;
  readonly #text: string;
  /** The text with blanks in the place of what is quoted and of comments. */
  #plain = "";
  #unexpected: string | null = null;

  constructor(text: string) {
    this.#text = text;
    if (/<<|\bcase\b|\$'/.test(text)) throw new Unknown();
  }

  /** From `at` to behind `end`; null: to the end of the text. */
  commands(at: number, end: ")" | null): number {
    const text = this.#text;
    let depth = 0;
    while (at < text.length) {
      const character = text.charAt(at);
      if (character === "#" && (at === 0 || /[\s;|&()]/.test(text.charAt(at - 1)))) {
        const line = text.indexOf("\n", at);
        const stop = line < 0 ? text.length : line;
        if (end === null) this.comment ??= text.slice(at, stop);
        at = stop;
        continue;
      }
      const next = this.#quoted(at, false);
      if (next !== null) {
        if (end === null) this.#plain += "q".repeat(next - at);
        at = next;
        continue;
      }
      if (character === "(") {
        if (end === null && depth === 0) this.#checkBracket(at);
        depth++;
      } else if (character === ")") {
        if (depth === 0 && end === ")") return at + 1;
        if (depth === 0) this.#unexpected ??= ")";
        depth--;
      }
      if (end === null) this.#plain += character;
      at++;
    }
    if (end !== null || depth > 0) throw new Unclosed("(");
    return at;
  }

  problem(): ShellProblem | null {
    if (this.#unexpected !== null) return { kind: "unexpected", mark: this.#unexpected };
    const [mark] = /(?:&&|\|\|?|&|\\)$/.exec(this.#plain.trimEnd()) ?? [];
    if (mark === "&") return { kind: "background" };
    return mark === undefined ? null : { kind: "unfinished", mark };
  }

  /** Behind what begins at `at` and is quoted or expanded; null: nothing such begins there. */
  #quoted(at: number, inDouble: boolean): number | null {
    const text = this.#text;
    const character = text.charAt(at);
    if (character === "\\") return at + 1 < text.length ? at + 2 : inDouble ? at + 1 : null;
    if (character === "'" && !inDouble) return this.#closing(at + 1, "'") + 1;
    if (character === '"' && !inDouble) return this.#double(at + 1);
    if (character === "`") return this.#backquoted(at + 1);
    if (text.startsWith("$(", at)) return this.commands(at + 2, ")");
    if (text.startsWith("${", at)) return this.#parameter(at + 2, inDouble);
    return null;
  }

  #closing(from: number, mark: string): number {
    const at = this.#text.indexOf(mark, from);
    if (at < 0) throw new Unclosed(mark);
    return at;
  }

  #double(at: number): number {
    while (at < this.#text.length) {
      if (this.#text.charAt(at) === '"') return at + 1;
      at = this.#quoted(at, true) ?? at + 1;
    }
    throw new Unclosed('"');
  }

  #backquoted(at: number): number {
    for (; at < this.#text.length; at++) {
      const character = this.#text.charAt(at);
      if (character === "`") return at + 1;
      if (character === "\\") at++;
      // Its text is read by a shell of its own, and shells differ in when.
      else if (/["'#]/.test(character)) throw new Unknown();
    }
    throw new Unclosed("`");
  }

  #parameter(at: number, inDouble: boolean): number {
    // Shells find out at different times that this is none.
    if (!/^[A-Za-z_][A-Za-z0-9_]*(?:[}:+=?#%-]|$)/.test(this.#text.slice(at))) throw new Unknown();
    while (at < this.#text.length) {
      const character = this.#text.charAt(at);
      if (character === "}") return at + 1;
      if (inDouble && /["']/.test(character)) throw new Unknown();
      at = this.#quoted(at, inDouble) ?? at + 1;
    }
    throw new Unclosed("{");
  }

  /** A bracket right behind a word begins nothing but a function, an array, or a pattern of bash. */
  #checkBracket(at: number): void {
    const before = this.#text.charAt(at - 1);
    const isFunction = /^\(\s*\)/.test(this.#text.slice(at));
    if (/[A-Za-z0-9_.%\/:,-]/.test(before) && !isFunction) this.#unexpected ??= "(";
  }
}
