/** Names of daemons: given, or made of the program's base name, each only once. Pure. */
import { programOfShellLine } from "../../values/command_words.ts";
import type { Diagnostics } from "../../diagnostic.ts";
import type { Origin } from "../../origin.ts";
import type { Command } from "../../plan/daemon_plan.ts";
import { quote } from "../../problem.ts";

export interface NameRequest {
  readonly command: Command;
  /** As configured; null: to be made up. */
  readonly name: string | null;
  readonly origin: Origin;
}

/** In characters. */
const LONGEST = 64;
/** The longest name that is made up: two of them fit into a file name. */
const MOST_BYTES = 120;
/** The characters of a name, so that it serves as a file name and in a log line. */
const NAME = /^[\p{L}\p{N}_@][\p{L}\p{M}\p{N}_.@-]{0,63}$/u;

/**
 * One name for each request, in order. A name that was given is kept; those that were made up make way with
 * -2, -3.
 */
export function nameDaemons(requests: readonly NameRequest[], diagnostics: Diagnostics): readonly string[] {
  const taken = new Set<string>();
  for (const { name, origin } of requests) {
    if (name === null || !checkName(name, "name of a daemon", origin, diagnostics)) continue;
    if (taken.has(name)) diagnostics.error(`name "${name}" is given to more than one daemon`, origin);
    taken.add(name);
  }
  const counts = new Map<string, number>();
  return requests.map(({ name, command }) => {
    if (name !== null && NAME.test(name)) return name;
    const base = defaultName(command);
    let count = counts.get(base) ?? 0;
    let unique: string;
    do unique = ++count === 1 ? base : `${base}-${count}`; while (taken.has(unique));
    counts.set(base, count);
    taken.add(unique);
    return unique;
  });
}

export function checkName(
  name: string,
  what: string,
  origin: Origin | null,
  diagnostics: Diagnostics,
): boolean {
  if (NAME.test(name)) return true;
  diagnostics.error(
    `cannot use ${quote(name)} as the ${what}: up to 64 letters, digits and _ . @ - are allowed, ` +
      `the first one no "." or "-"`,
    origin,
  );
  return false;
}

/** The text with everything that a name may not hold taken out; `otherwise` where nothing is left. */
export function nameFrom(text: string, otherwise: string): string {
  const name = text.normalize("NFC").replace(/[^\p{L}\p{M}\p{N}_.@-]+/gu, "_").replace(/^[\p{M}.-]+/u, "");
  return /[\p{L}\p{N}]/u.test(name) ? cut(name) : otherwise;
}

function cut(name: string): string {
  let bytes = 0;
  let cut = "";
  for (const character of [...name].slice(0, LONGEST)) {
    bytes += new TextEncoder().encode(character).length;
    if (bytes > MOST_BYTES) break;
    cut += character;
  }
  return cut;
}

function defaultName(command: Command): string {
  const program = command.kind === "words" ? command.words[0] ?? "" : programOfShellLine(command.text);
  return nameFrom(program.slice(program.lastIndexOf("/") + 1), "daemon");
}
