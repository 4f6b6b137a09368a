/** What the completions of all shells have in common: the commands, and what each option's value may be. Pure. */
import { COMMANDS } from "../shared/argv.ts";
import type { OptionRow } from "../../config/options/option_row.ts";
import { optionRows } from "../../config/options/option_table.ts";

/** What can be offered for a value; "free": nothing. */
export type ValueKind = "none" | "files" | "users" | "groups" | "free";

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

export const COMPLETED_COMMANDS: Readonly<Record<string, string>> = {
  check: "say what is wrong with a configuration",
  plan: "show what a configuration comes to",
  enter: "run a shell or a command inside a jail",
  legion: "show the legions of a running instance",
  doctor: "show what this host offers",
  completion: "print the completion for a shell",
  man: "print the manual page",
  help: "describe all options, or one",
} satisfies Partial<Record<(typeof COMMANDS)[number], string>>;

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

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
