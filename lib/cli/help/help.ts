/**
 * `reeve help [OPTION]`, `--help` and the usage text. Made of the tables of options and keys; at most 80
 * columns wide.
 */
import { type Command, COMMANDS, findCommand, LISTED_COMMANDS, OTHER_USES } from "../shared/commands.ts";
import { nearestName } from "../../config/nearest.ts";
import { GROUP_TITLES, type OptionGroup, type OptionRow } from "../../config/options/option_row.ts";
import { type DaemonKey, findKey, KEY_NAMES } from "../../config/options/daemon_keys.ts";
import { findOption, optionRows } from "../../config/options/option_table.ts";
import { uwsgiNames } from "../../config/options/uwsgi_names.ts";
import { EXIT } from "../shared/exit_code.ts";
import type { Outputs } from "../shared/output.ts";
import { VERSION } from "../shared/version.ts";

const WIDTH = 80;
const HELP_COLUMN = 28;
const USAGE_WIDTH = 24;

/** One line a use. */
export function usage(): string {
  const uses = [
    ...OTHER_USES,
    ...LISTED_COMMANDS.map(({ name, brief, summary }) => [`${name} ${brief}`.trimEnd(), summary] as const),
  ];
  const lines = uses.map(([words, summary], index) =>
    `${index === 0 ? "usage:" : "      "} reeve ${words.padEnd(USAGE_WIDTH)} ${summary}\n`
  );
  return lines.join("");
}

/** Its usage, what it does, its flags and its exit codes. */
export function commandHelp(command: Command): string {
  const terms = termsOf(command);
  const width = Math.max(...terms.map(([term]) => term.length)) + 4;
  const list = terms.map(([term, text]) =>
    `${`  ${term}`.padEnd(width)}${wrap(text, width, width).trimStart()}`
  );
  const parts = [
    wrap(
      `usage: reeve ${command.name} ${command.usage}`.trimEnd(),
      0,
      `usage: reeve ${command.name} `.length,
    ),
    wrap(command.help, 0, 0),
    ...(list.length === 0 ? [] : [list.join("\n")]),
  ];
  if (command.exits === undefined) return `${parts.join("\n\n")}\n`;
  const exits = wrap(command.exits, 0, 0);
  return `${parts.join("\n\n")}${list.length === 0 ? "\n" : "\n\n"}${exits}\n`;
}

/** The flags that say more than their name, and further words. */
export function termsOf({ flags = [], list = [] }: Command): readonly (readonly [string, string])[] {
  const described = flags.filter(({ long }) => long !== "json").map(({ long, short, value, help }) => {
    const dashed = short === undefined ? `--${long}` : `-${short}, --${long}`;
    return [value === undefined ? dashed : `${dashed} ${value.name}`, help] as const;
  });
  return [...described, ...list];
}

/** 0; 2 for a word that is no option, no key of a daemon and no command. */
export function help(words: readonly string[], outputs: Outputs): number {
  const [word] = words;
  if (word === undefined) {
    outputs.out.write(fullHelp());
    return EXIT.ok;
  }
  const command = findCommand(word);
  if (command !== null) {
    outputs.out.write(commandHelp(command));
    return EXIT.ok;
  }
  const name = word.replace(/^--?/, "");
  const [row, key] = [findOption(name), findKey(name)];
  if (row !== null || key !== null) {
    const parts = [...(row === null ? [] : [optionHelp(row)]), ...(key === null ? [] : [keyHelp(key)])];
    outputs.out.write(parts.join("\n"));
    return EXIT.ok;
  }
  if (uwsgiNames().has(name)) {
    outputs.out.line(
      wrap(`"${name}" is an option of uWSGI's application server: reeve skips it, and says so.`, 0, 0),
    );
    return EXIT.ok;
  }
  const names = optionRows().flatMap((known) => [known.name, ...known.aliases]);
  const near = nearestName(name, [
    ...names,
    ...KEY_NAMES,
    ...COMMANDS.map((command) => command.name),
  ]);
  outputs.err.line(
    `unknown option or command "${name}"${near === null ? "" : `: did you mean "${near}"?`}`,
  );
  return EXIT.usage;
}

function fullHelp(): string {
  const parts = [
    `reeve ${VERSION}: a supervisor of external daemons that reads uWSGI's configuration\n\n${usage()}\n`,
    `${
      wrap(
        "In a file an option is a line NAME = VALUE, on the command line --NAME VALUE or --NAME=VALUE. " +
          "A FILE counts after the options beside it, in whatever order; --ini FILE counts where it stands.",
        0,
        0,
      )
    }\n`,
  ];
  let group: OptionGroup | null = null;
  for (const row of optionRows()) {
    if (row.group !== group) {
      const isBuilt = row.served !== "later" && row.served !== "missing";
      parts.push(`\n${GROUP_TITLES[row.group]}${isBuilt ? "" : " (not in this version)"}:\n`);
    }
    group = row.group;
    parts.push(`${listed(row)}\n`);
  }
  return parts.join("");
}

function listed(row: OptionRow): string {
  const short = row.short === null ? "" : `-${row.short}, `;
  const term = `  ${short}--${row.name}`;
  const start = term.length < HELP_COLUMN ? term.padEnd(HELP_COLUMN) : `${term}\n${" ".repeat(HELP_COLUMN)}`;
  return start + wrap(row.help, HELP_COLUMN, HELP_COLUMN).trimStart();
}

function optionHelp(row: OptionRow): string {
  const lines = [
    `--${row.name}${row.argument === "none" ? "" : row.argument === "optional" ? "[=VALUE]" : " VALUE"}`,
    "",
  ];
  lines.push(wrap(sentence(row.help), 2, 2), "");
  const add = (label: string, value: string): void =>
    void lines.push(wrap(`${label.padEnd(12)} ${value}`, 2, 15));
  if (row.aliases.length > 0) add("also", row.aliases.map((name) => `--${name}`).join(" "));
  if (row.short !== null) add("short", `-${row.short}`);
  add("value", row.type);
  if (row.default !== null) add("default", row.default);
  if (row.repeatable) add("repeatable", "yes");
  add("since", row.since);
  if (row.served === "always") add("effect", `so it is in any case: ${row.why}`);
  if (row.served === "accepted") add("effect", `none: ${row.why ?? "it is not needed here"}`);
  if (row.served === "missing") add("effect", `none in this version: ${row.why}`);
  if (row.served === "later") {
    add("effect", `refused: it needs ${row.why ?? "more"}, which this version does not have`);
  }
  return `${lines.join("\n")}\n`;
}

export function keyHelp(row: DaemonKey): string {
  const lines = [
    `${row.key}=VALUE, a key of [daemon:NAME] and attach-daemon2`,
    "",
    wrap(sentence(row.help), 2, 2),
    "",
  ];
  const add = (label: string, value: string): void =>
    void lines.push(wrap(`${label.padEnd(12)} ${value}`, 2, 15));
  if (row.aliases !== undefined) add("also", row.aliases.join(" "));
  add("value", row.words === undefined ? row.type : `${row.type}: ${row.words.join(" or ")}`);
  add("default", row.default);
  if (row.repeats !== undefined) add("repeatable", "yes");
  add("example", `${row.key} = ${row.example}`);
  return `${lines.join("\n")}\n`;
}

/** The help of an option as a sentence; what begins with a name in capitals or a quote stays as it is. */
export function sentence(text: string): string {
  return /^[a-z]+[ ,]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/**
 * Lines of at most 80 columns; the first one indented by `first`, the others by `rest`. A long word stands
 * alone.
 */
export function wrap(text: string, first: number, rest: number): string {
  const lines: string[] = [];
  let line = " ".repeat(first);
  let isEmpty = true;
  for (const word of text.split(/(?<=[^ ]) (?=[^ ])|(?<=,)(?=[^ ]{20})/)) {
    const joint = isEmpty || line.endsWith(",") && !text.includes(", " + word) ? "" : " ";
    if (!isEmpty && line.length + joint.length + word.length > WIDTH) {
      lines.push(line);
      line = " ".repeat(rest) + word;
    } else line += joint + word;
    isEmpty = false;
  }
  lines.push(line);
  return lines.join("\n");
}
