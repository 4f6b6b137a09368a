/**
 * The table that the completions of all shells have in common: the commands, and what each option's value may
 * be. Pure.
 */
import { DAEMON_KEYS } from "../../config/options/daemon_keys.ts";
import { type Command, LISTED_COMMANDS, type ValueKind } from "../shared/commands.ts";
import type { OptionRow } from "../../config/options/option_row.ts";
import { optionRows } from "../../config/options/option_table.ts";

/** Those that people send to daemons. */
const SIGNALS = "HUP INT QUIT KILL USR1 USR2 TERM CONT STOP WINCH".split(" ");

export interface CompletedOption {
  /** Without dashes; aliases are options of their own here. */
  readonly name: string;
  readonly short: string | null;
  readonly value: ValueKind;
  /** `--name=value` alone has a value. */
  readonly optional: boolean;
  readonly repeatable: boolean;
  /** One line. */
  readonly help: string;
}

/** Commands whose words are no configuration: each offers its own. */
export const OWN_COMMANDS = LISTED_COMMANDS.filter(({ words }) => words.kind !== "configuration");

/** The words that may stand behind a command that has its own: its operands, and names that help explains. */
export function offersOf({ offers = [] }: Command): readonly string[] {
  if (offers === "daemons") return [];
  if (offers === "signals") return SIGNALS;
  if (offers !== "subjects") return offers;
  const keys = DAEMON_KEYS.map(({ key }) => key);
  const names = [...completedOptions(), ...LISTED_COMMANDS].map(({ name }) => name);
  return [...new Set([...names, ...keys])];
}

/** The names of the daemons of a running instance may stand behind it. */
export function offersDaemons({ offers }: Command): boolean {
  return offers === "daemons" || offers === "signals";
}

/** Every option that does something here, or that a configuration of uWSGI's may well have. */
export function completedOptions(): readonly CompletedOption[] {
  return optionRows().filter((row) => row.served === "yes" || row.served === "accepted").flatMap((row) =>
    [row.name, ...row.aliases].map((name) => ({
      name,
      short: name === row.name ? row.short : null,
      value: valueKind(row),
      optional: row.argument === "optional",
      repeatable: row.repeatable,
      help: row.help,
    }))
  );
}

function valueKind(row: OptionRow): ValueKind {
  if (row.argument === "none") return "none";
  switch (row.type) {
    case "path":
    case "list":
      return "files";
    case "user":
      return "users";
    case "group":
      return "groups";
    default:
      return "free";
  }
}
