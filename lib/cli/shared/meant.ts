/**
 * Finds out what was probably meant where the first word is neither a command nor a configuration: a program
 * to be run as an entrypoint, or a mistyped command. It looks for files and changes nothing.
 */
import { existsSync } from "node:fs";
import process from "node:process";
import { nearestName } from "../../config/nearest.ts";
import { ProgramFinder } from "../../config/system/programs.ts";
import type { SystemLook } from "../../config/system/plan_deps.ts";
import { RealPlanDeps } from "../system/real_deps.ts";
import { findCommand, LISTED_COMMANDS, RESERVED_COMMANDS } from "./commands.ts";

const CONFIGURATION = /\.(?:ini|conf|cfg|ya?ml|json|xml)$/;

export interface MeantDeps {
  readonly exists: (path: string) => boolean;
  readonly system: SystemLook;
}

/** `words`: the whole command line. null: there is nothing to guess. */
export function meantCommand(
  words: readonly string[],
  { exists, system }: MeantDeps = { exists: existsSync, system: new RealPlanDeps() },
): string | null {
  const [first = ""] = words;
  if (first === "" || first.startsWith("-")) return null;
  if (exists(first)) return meantForFile(words, exists, system);
  const known = [...LISTED_COMMANDS.map(({ name }) => name), ...RESERVED_COMMANDS];
  if (known.includes(first)) return null;
  const found = new ProgramFinder(system, system.path ?? "").find(first, process.cwd());
  if (found !== null && system.canExecute(found)) {
    return `cannot read "${first}": no such file; it is a program: did you mean reeve -- ${
      shellWords(words)
    }`;
  }
  const near = /^[a-z]+$/.test(first) ? nearestName(first, known) : null;
  if (near === null) return null;
  return `unknown command "${first}": did you mean "${near}"? (there is no file of that name)`;
}

function meantForFile(
  words: readonly string[],
  exists: (path: string) => boolean,
  system: SystemLook,
): string | null {
  const [first = "", second = ""] = words;
  if (system.canExecute(first) && isProgram(system.readStart(first)) && !CONFIGURATION.test(first)) {
    const path = first.includes("/") ? first : `./${first}`;
    return `cannot read "${first}" as a configuration: it is a program: ` +
      `did you mean reeve -- ${shellWords([path, ...words.slice(1)])}`;
  }
  if (findCommand(second)?.brief === undefined || exists(second)) return null;
  return `cannot read "${second}": no such file: did you mean reeve ${
    shellWords([second, first, ...words.slice(2)])
  }`;
}

/** ELF, or a script with an interpreter: a configuration may have reeve for its own. */
function isProgram(start: Uint8Array | null): boolean {
  const [line = ""] = new TextDecoder("latin1").decode(start ?? new Uint8Array()).split("\n");
  return line.startsWith("\x7fELF") || line.startsWith("#!") && !/reeve|uwsgi/.test(line);
}

function shellWords(words: readonly string[]): string {
  return words.map((word) =>
    /^[A-Za-z0-9_\/.:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
  )
    .join(" ");
}
