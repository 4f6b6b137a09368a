/**
 * The blocks of the configuration language: what a `for` repeats over, and whether an `if` holds. Knows the
 * questions; the system answers through ConfigDeps.
 */
import { decodeText } from "./format/decode.ts";
import type { Diagnostics } from "../diagnostic.ts";
import type { Entry } from "./entry.ts";
import { MOST_OPTIONS } from "../limits.ts";
import type { Origin } from "../origin.ts";
import { describeProblem, quote } from "../problem.ts";
import type { ConfigDeps } from "../system/config_deps.ts";
import { readNumber, wholeNumber } from "../values/values.ts";

/**
 * The lines that a line inside a block becomes: a copy for each of these, `%(_)` replaced; null: the line as
 * it is.
 */
export type Contexts = readonly (string | null)[];

export interface Block {
  readonly kind: "for" | "if" | "else";
  readonly option: string;
  readonly origin: Origin;
  /** Evaluated for every line anew: if-not-opt looks at what the lines before it have set. */
  contexts(): Contexts;
}

export interface LogicScope {
  readonly deps: ConfigDeps;
  readonly diagnostics: Diagnostics;
  variable(name: string): string | null;
  first(name: string): Entry | null;
}

const NONE: Contexts = [];
const AS_IT_IS: Contexts = [null];

/** Opens the block that an option begins; `option` is the canonical name. */
export function openBlock(option: string, argument: string, origin: Origin, scope: LogicScope): Block {
  if (option.startsWith("for")) {
    const words = wordsOf(option, argument, origin, scope);
    return { kind: "for", option, origin, contexts: () => words };
  }
  if (option === "if-not-opt") {
    return { kind: "if", option, origin, contexts: () => condition(option, argument, origin, scope) };
  }
  const contexts = condition(option, argument, origin, scope);
  return { kind: "if", option, origin, contexts: () => contexts };
}

/** The lines after an `else` count if those before it did not. */
export function openElse(block: Block, holds: boolean): Block {
  const contexts = holds ? NONE : AS_IT_IS;
  return { kind: "else", option: "else", origin: block.origin, contexts: () => contexts };
}

function wordsOf(option: string, argument: string, origin: Origin, scope: LogicScope): Contexts {
  switch (option) {
    case "for-glob": {
      // GLOB_MARK and GLOB_NOCHECK: directories get a "/", and a pattern without a match stands for itself.
      const paths = scope.deps.glob(argument).map((path) =>
        scope.deps.isDirectory(path) && !path.endsWith("/") ? `${path}/` : path
      );
      return paths.length === 0 ? [argument] : paths;
    }
    case "for-times":
      return numbersUpTo(argument, origin, scope.diagnostics);
    case "for-readline":
      return linesOfFile(argument, origin, scope);
    default:
      return argument.split(" ").filter((word) => word !== "");
  }
}

function numbersUpTo(argument: string, origin: Origin, diagnostics: Diagnostics): Contexts {
  const option = { name: "for-times", value: argument, origin };
  const times = readNumber(option, /^[+-]?[0-9]+/, wholeNumber, diagnostics);
  if (times === null) {
    diagnostics.error(`for-times takes a number, not ${quote(argument)}`, origin);
    return NONE;
  }
  if (times > MOST_OPTIONS) {
    diagnostics.error(`cannot repeat ${argument} times: ${MOST_OPTIONS} is the most`, origin);
    return NONE;
  }
  return Array.from({ length: Math.max(0, times) }, (_, index) => String(index + 1));
}

function linesOfFile(path: string, origin: Origin, scope: LogicScope): Contexts {
  try {
    const text = decodeText(scope.deps.readFile(path));
    if (text === "") return NONE;
    return text.replace(/\n$/, "").split("\n").map((line) => line.replace(/\r+$/, ""));
  } catch (problem) {
    scope.diagnostics.warning(
      `cannot read ${quote(path)}: ${describeProblem(problem)}: the lines of this block are left out`,
      origin,
    );
    return NONE;
  }
}

/** One context (what `%(_)` stands for) where the condition holds, none where it does not. */
function condition(option: string, argument: string, origin: Origin, scope: LogicScope): Contexts {
  const { deps } = scope;
  const given = (holds: boolean): Contexts => holds ? [argument] : NONE;
  switch (option) {
    case "if-env":
      return equals(argument, (name) => scope.variable(name));
    case "if-not-env":
      return differs(argument, (name) => scope.variable(name));
    case "if-opt":
      return equals(argument, (name) => scope.first(name)?.value ?? null);
    case "if-not-opt":
      return differs(argument, (name) => scope.first(name)?.value ?? null);
    case "if-exists":
      return given(deps.exists(argument));
    case "if-not-exists":
      return given(!deps.exists(argument));
    case "if-file":
      return given(deps.isFile(argument));
    case "if-not-file":
      return given(!deps.isFile(argument));
    case "if-dir":
      return given(deps.isDirectory(argument));
    case "if-not-dir":
      return given(!deps.isDirectory(argument));
    case "if-reload":
      return deps.isReload ? AS_IT_IS : NONE;
    case "if-not-reload":
      return deps.isReload ? NONE : AS_IT_IS;
    case "if-not-plugin":
      return given(true);
    case "if-hostname":
      return given(deps.hostname === argument);
    case "if-not-hostname":
      return given(deps.hostname !== argument);
    case "if-hostname-match":
      return given(matches(argument, origin, scope) === true);
    case "if-not-hostname-match":
      return given(matches(argument, origin, scope) === false);
    default:
      return NONE;
  }
}

function matches(pattern: string, origin: Origin, scope: LogicScope): boolean | null {
  try {
    return new RegExp(pattern, "s").test(scope.deps.hostname);
  } catch (problem) {
    scope.diagnostics.error(`cannot use the pattern ${quote(pattern)}: ${describeProblem(problem)}`, origin);
    return null;
  }
}

function splitCondition(argument: string): { name: string; wanted: string | null } {
  const at = argument.indexOf("=");
  return at < 0
    ? { name: argument, wanted: null }
    : { name: argument.slice(0, at), wanted: argument.slice(at + 1) };
}

function equals(argument: string, valueOf: (name: string) => string | null): Contexts {
  const { name, wanted } = splitCondition(argument);
  const value = valueOf(name);
  return value === null || (wanted !== null && wanted !== value) ? NONE : [value];
}

/** Where the name is not set at all there is nothing that `%(_)` could stand for. */
function differs(argument: string, valueOf: (name: string) => string | null): Contexts {
  const { name, wanted } = splitCondition(argument);
  const value = valueOf(name);
  if (value === null) return AS_IT_IS;
  return wanted !== null && wanted !== value ? [value] : NONE;
}
