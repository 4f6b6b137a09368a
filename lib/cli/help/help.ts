/** `reeve help [OPTION]`, `--help` and the usage text. Made of the tables of options and keys; at most 80 columns wide. */
import { COMMANDS, SPOKEN_COMMANDS } from "../shared/argv.ts";
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

export const USAGE = `usage: reeve FILE[:SECTION]...      supervise the daemons of a configuration
       reeve [OPTION]... -- COMMAND   run COMMAND as a container's entrypoint
       reeve check FILE               say what is wrong with a configuration
       reeve plan FILE [--json]       show what a configuration comes to
       reeve enter [-c FILE] [NAME]   run a shell in a jail, or with a daemon
       reeve legion FILE [--json]     show the legions of a running instance
       reeve --stop|--reload PIDFILE  signal a running reeve
       reeve doctor [--json]          show what this host offers to reeve
       reeve completion SHELL         print completions for bash, zsh or fish
       reeve man                      print the manual page
       reeve help [OPTION]            describe all options, or one
`;

export const COMMAND_HELP: Readonly<Record<(typeof COMMANDS)[number], string>> = {
  check:
    "usage: reeve check FILE[:SECTION]... [--json]\n\nSay what is wrong with a configuration. Nothing is run or changed.\n" +
    "Exit code 0: it can be started; 2: it has errors.\n",
  plan:
    "usage: reeve plan FILE[:SECTION]... [--json]\n\nShow every daemon with all its settings, and where each one comes from.\n" +
    "Secrets are hidden.\n",
  enter: "usage: reeve enter [-c FILE[:SECTION]] [--jail | DAEMON] [--user USER[:GROUP]]\n" +
    "                   [-- COMMAND...]\n\n" +
    "Run a shell, or COMMAND, inside the jail of the running instance of a\n" +
    "configuration, or in the namespaces of one of its daemons: as who the daemons\n" +
    "there are, with their rights and environment.\n\n" +
    "  -c, --config FILE  the configuration; without it the one instance that runs\n" +
    "                     here is meant\n" +
    "  --jail             the instance's jail; without a DAEMON it is meant anyway\n" +
    "  -u, --user USER    somebody else: a name of the jail's own passwd, or a number\n" +
    "  --NAME=VALUE       an option that the instance was started with\n\n" +
    "Exit code: that of what ran inside, 128 + N where signal N ended it;\n" +
    "1: it could not be entered; 126, 127: COMMAND cannot be executed, or does not\n" +
    "exist.\n",
  legion: "usage: reeve legion FILE[:SECTION] [--json]\n\n" +
    "Show the legions of the running instance of this configuration: who is the\n" +
    "lord, which nodes there are, whom each votes for. It is asked through the\n" +
    "address of its option stats.\n" +
    "Exit code 0: it answered; 1: it did not; 2: there is no such option, or no such\n" +
    "file.\n",
  doctor:
    "usage: reeve doctor [--json]\n\nShow what this host offers, and what reeve will do without.\nExit code 0: reeve works here; 1: it cannot.\n",
  completion:
    "usage: reeve completion bash|zsh|fish\n\nPrint the completion of the command line for a shell:\n\n" +
    "  bash  source <(reeve completion bash)\n" +
    "  zsh   source <(reeve completion zsh)\n" +
    "  fish  reeve completion fish | source\n",
  man: "usage: reeve man\n\nPrint the manual page: reeve man | man -l -\n",
  help:
    "usage: reeve help [OPTION|KEY|COMMAND]\n\nDescribe all options, or one option, one key of attach-daemon2, or one command.\n",
};

const SPOKEN_HELP: Readonly<Record<(typeof SPOKEN_COMMANDS)[number], string>> = {
  run:
    "usage: reeve run FILE[:SECTION]...\n\nThe same as reeve FILE: supervise the daemons of a configuration.\n",
  version: "usage: reeve version\n\nThe same as reeve --version.\n",
};

/** 0; 2 for a word that is no option, no key of a daemon and no command. */
export function help(words: readonly string[], outputs: Outputs): number {
  const [word] = words;
  if (word === undefined) {
    outputs.out.write(fullHelp());
    return EXIT.ok;
  }
  const command = COMMANDS.find((known) => known === word);
  if (command !== undefined) {
    outputs.out.write(COMMAND_HELP[command]);
    return EXIT.ok;
  }
  const spoken = SPOKEN_COMMANDS.find((known) => known === word);
  if (spoken !== undefined) {
    outputs.out.write(SPOKEN_HELP[spoken]);
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
  const near = nearestName(name, [...names, ...Object.keys(KEY_NAMES), ...COMMANDS]);
  outputs.err.line(
    `unknown option or command "${name}"${near === null ? "" : `: did you mean "${near}"?`}`,
  );
  return EXIT.usage;
}

function fullHelp(): string {
  const parts = [
    `reeve ${VERSION}: a supervisor of external daemons that reads uWSGI's configuration\n\n${USAGE}\n`,
    `${
      wrap(
        "In a file an option is a line NAME = VALUE, on the command line --NAME VALUE or --NAME=VALUE.",
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
  const lines = [`${row.key}=VALUE, a key of attach-daemon2`, "", wrap(sentence(row.help), 2, 2), ""];
  const add = (label: string, value: string): void =>
    void lines.push(wrap(`${label.padEnd(12)} ${value}`, 2, 15));
  if (row.aliases !== undefined) add("also", row.aliases.join(" "));
  add("value", row.type);
  add("default", row.default);
  return `${lines.join("\n")}\n`;
}

/** The help of an option as a sentence; what begins with a name in capitals or a quote stays as it is. */
export function sentence(text: string): string {
  return /^[a-z]+[ ,]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/** Lines of at most 80 columns; the first one indented by `first`, the others by `rest`. A long word stands alone. */
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
