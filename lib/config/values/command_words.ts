/**
 * Decides how a command line is started: its words directly, or the line by a shell. Minimal hosts have no
 * shell, and a shell in between hides the daemon's pid, so a line that no shell would change is split here.
 * Pure; it must never judge a line plain whose words /bin/sh (dash, bash or busybox) would see differently.
 */
import type { Command } from "../plan/daemon_plan.ts";

/** Characters that a shell acts on wherever they stand unquoted. */
const ACTIVE = new Set("|&;<>()$`*?[\n");
/**
 * Characters below this are blanks, newlines or controls; only space and tab separate words in every shell.
 */
const FIRST_PRINTABLE = 0x20;

const RESERVED =
  "! { } case coproc do done elif else esac fi for function if in select then time until while [[ ]]";
const BUILTINS =
  ". : [ alias bg bind break builtin caller cd chdir command compgen complete continue declare dirs disown echo enable " +
  "eval exec exit export fc fg getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd " +
  "read readarray readonly return set shift shopt source suspend test times trap type typeset ulimit umask unalias " +
  "unset wait";
const FIRST_WORDS_OF_A_SHELL = new Set(`${RESERVED} ${BUILTINS}`.split(" "));

export type Split =
  | { readonly kind: "plain"; readonly words: readonly string[] }
  /** `because`: what in the line needs a shell, for people. */
  | { readonly kind: "shell"; readonly because: string };

/** The Command for a line as configured; `shell` is the program that runs it if it needs one. */
export function planCommand(text: string, shell: string): Command {
  const split = splitCommand(text);
  return split.kind === "plain"
    ? { kind: "words", text, words: split.words }
    : { kind: "shell", text, shell };
}

/**
 * The words of a line without shell syntax. Quotes that hold nothing a shell would expand, and a backslash
 * before a character, are undone here. A leading `exec` before plain words is dropped: it only asks for what
 * happens anyway.
 */
export function splitCommand(text: string): Split {
  const tokens = tokenize(text);
  if (typeof tokens === "string") return { kind: "shell", because: tokens };
  const [first, second] = tokens;
  if (first === undefined) return { kind: "shell", because: "nothing to run" };
  const isExec = first.raw === "exec" && second !== undefined;
  const program = isExec ? second : first;
  if (isExec && program.raw.startsWith("-")) return { kind: "shell", because: "an option of exec" };
  if (program.value === "") return { kind: "shell", because: "an empty first word" };
  if (program.hasEquals) return { kind: "shell", because: "a variable before the command" };
  if (program.raw.startsWith("%")) return { kind: "shell", because: `"${program.raw}"` };
  if (FIRST_WORDS_OF_A_SHELL.has(program.value)) return { kind: "shell", because: `"${program.value}"` };
  if (/^[{}]/.test(program.raw)) return { kind: "shell", because: `"${program.raw}"` };
  const words = (isExec ? tokens.slice(1) : tokens).map((token) => token.value);
  return { kind: "plain", words };
}

interface Token {
  readonly value: string;
  /** As written. */
  readonly raw: string;
  /** An unquoted `=`: in a first word it makes an assignment of it. */
  readonly hasEquals: boolean;
}

/** The words of the line, or what in it needs a shell. */
function tokenize(text: string): readonly Token[] | string {
  const tokens: Token[] = [];
  let index = 0;
  while (true) {
    while (text[index] === " " || text[index] === "\t") index++;
    if (index >= text.length) return tokens;
    const word = readWord(text, index);
    if (typeof word === "string") return word;
    tokens.push({ value: word.value, raw: text.slice(index, word.end), hasEquals: word.hasEquals });
    index = word.end;
  }
}

function readWord(text: string, start: number): { value: string; end: number; hasEquals: boolean } | string {
  let value = "";
  let hasEquals = false;
  let hasBrace = false;
  let index = start;
  for (; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === " " || character === "\t") break;
    if (character === "'" || character === '"') {
      const close = text.indexOf(character, index + 1);
      if (close < 0) return "a quote that is not closed";
      const inner = text.slice(index + 1, close);
      if (character === '"' && /[$`\\]/.test(inner)) return "an expansion or backslash in double quotes";
      if (hasControl(inner)) return "a control character";
      value += inner;
      index = close;
      continue;
    }
    if (character === "\\") {
      const next = text.charAt(index + 1);
      if (next === "" || hasControl(next)) return "a backslash at the end of the line";
      value += next;
      index++;
      continue;
    }
    const problem = activeHere(text, index, start);
    if (problem) return `"${character}"`;
    if (hasControl(character)) return "a control character";
    hasEquals ||= character === "=";
    hasBrace ||= character === "{";
    // Brace expansion is bash's alone, but /bin/sh may be bash.
    if (hasBrace && (character === "," || (character === "." && text[index + 1] === "."))) return '"{"';
    value += character;
  }
  return { value, end: index, hasEquals };
}

/** Whether a shell acts on the unquoted character at this place of a word. */
function activeHere(text: string, index: number, start: number): boolean {
  const character = text.charAt(index);
  if (ACTIVE.has(character)) return true;
  if (character === "#") return index === start;
  if (character === "~") return index === start || text[index - 1] === "=" || text[index - 1] === ":";
  return false;
}

function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if ((code < FIRST_PRINTABLE && code !== 9) || code === 0x7f) return true;
  }
  return false;
}

/** Whether a shell takes this word for its own when it comes first: a built-in command or a reserved word. */
export function isShellWord(word: string): boolean {
  return FIRST_WORDS_OF_A_SHELL.has(word);
}

/**
 * The program that a shell line is about: the first word of its first command that is not the shell's own, so
 * that `cd /srv && A=1 exec ./app` is "./app". For names and messages only; "" where nothing looks like one.
 */
export function programOfShellLine(text: string): string {
  let first = "";
  for (const command of text.split(/[;&|(){}\n]+/)) {
    const word = command.trim().split(/[\s<>]+/).find((part) =>
      !/^(?:exec|!|[A-Za-z_][A-Za-z0-9_]*=.*)?$/.test(part)
    );
    const program = (word ?? "").replace(/["'\\]/g, "");
    if (program !== "" && !isShellWord(program)) return program;
    first ||= program;
  }
  return first;
}
