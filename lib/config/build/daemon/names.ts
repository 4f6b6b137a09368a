/** Names of daemons: given, or made of the program's base name, each only once. Pure. */
import { programOfShellLine } from "../../values/command_words.ts";
import type { Diagnostics } from "../../diagnostic.ts";
import { checkName, isName, nameFrom } from "../../values/name.ts";
import { formatOrigin, type Origin } from "../../origin.ts";
import type { Command } from "../../plan/daemon_plan.ts";

export interface NameRequest {
  readonly command: Command;
  /** As configured; null: to be made up. */
  readonly name: string | null;
  readonly origin: Origin;
}

/**
 * One name for each request, in order. A name that was given is kept; those that were made up make way with
 * -2, -3.
 */
export function nameDaemons(requests: readonly NameRequest[], diagnostics: Diagnostics): readonly string[] {
  const taken = new Map<string, Origin>();
  for (const { name, origin } of requests) {
    if (name === null || !checkName(name, "name of a daemon", origin, diagnostics)) continue;
    const other = taken.get(name);
    if (other === undefined) taken.set(name, origin);
    else {
      const where = `another has it at ${formatOrigin(other)}`;
      diagnostics.error(`name "${name}" is given to more than one daemon: ${where}`, origin);
    }
  }
  const counts = new Map<string, number>();
  return requests.map(({ name, command, origin }) => {
    if (name !== null && isName(name)) return name;
    const base = defaultName(command);
    let count = counts.get(base) ?? 0;
    let unique: string;
    do unique = ++count === 1 ? base : `${base}-${count}`; while (taken.has(unique));
    counts.set(base, count);
    taken.set(unique, origin);
    return unique;
  });
}

function defaultName(command: Command): string {
  const program = command.kind === "words" ? command.words[0] ?? "" : programOfShellLine(command.text);
  return nameFrom(program.slice(program.lastIndexOf("/") + 1), "daemon");
}
