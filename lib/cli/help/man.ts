/**
 * `reeve man`: the manual page, in the language of man(7), made of the option table and of the help of the
 * commands. Must print the same wherever and whenever it is made: docs/reeve.1 is this page.
 */
import { type Command, LISTED_COMMANDS } from "../shared/commands.ts";
import { GROUP_TITLES, type OptionRow } from "../../config/options/option_row.ts";
import { optionRows } from "../../config/options/option_table.ts";
import { EXIT } from "../shared/exit_code.ts";
import { sentence, termsOf } from "./help.ts";
import type { Outputs } from "../shared/output.ts";
import { VERSION } from "../shared/version.ts";

export function man(outputs: Outputs): number {
  outputs.out.write(manPage());
  return EXIT.ok;
}

export function manPage(): string {
  return [
    `.TH REEVE 1 "" "reeve ${VERSION}" "User Commands"`,
    ".nh", // names of options stay whole
    ".ad l",
    ".SH NAME",
    "reeve \\- supervise external daemons that are configured as for uWSGI",
    ".SH SYNOPSIS",
    ...SYNOPSIS.flatMap((words) => [".br", words]).slice(1),
    ".SH DESCRIPTION",
    ...paragraphs(DESCRIPTION),
    ".SH COMMANDS",
    ...LISTED_COMMANDS.flatMap(commandEntry),
    ".SH OPTIONS",
    ...paragraphs(OPTIONS),
    ...optionSections(),
    ".SH SIGNALS",
    ...SIGNALS.flatMap(([names, text]) => [".TP", `.BR ${names.join(' ", " ')}`, escape(text)]),
    ".SH EXIT STATUS",
    ...EXIT_CODES.flatMap(([code, text]) => [".TP", `.B ${code}`, escape(text)]),
    ".SH ENVIRONMENT",
    ...ENVIRONMENT.flatMap(([name, text]) => [".TP", `.B ${name}`, escape(text)]),
    ".SH FILES",
    ...FILES.flatMap(([path, text]) => [".TP", `.I ${escape(path)}`, escape(text)]),
    ".SH SEE ALSO",
    ".BR uwsgi (1),",
    ".BR capabilities (7),",
    ".BR signal (7)",
    "",
  ].join("\n");
}

const SYNOPSIS: readonly string[] = [
  '.B reeve\n.RI [ OPTION ]... " FILE" [: SECTION ]...',
  '.B reeve\n.RI [ OPTION "]... [" FILE "]... \\-\\- " COMMAND " [" ARGUMENT ]...',
  ".B reeve \\-\\-stop\n.IR PIDFILE\n|\n.B \\-\\-reload\n.I PIDFILE",
  ".B reeve\n.I COMMAND\n.RI [ ARGUMENT ]...",
];

const DESCRIPTION: readonly string[] = [
  "reeve runs the external daemons of a uWSGI configuration without the application server: it starts them, starts them again when they end, adopts those that survived it, and stops all of them at once.",
  'FILE is an INI, YAML, JSON or XML file that uWSGI would read; "-" is the standard input. The instance runs in the foreground. As PID 1 of a container reeve puts a small init in front of itself, which reaps, forwards signals and starts reeve again when it crashes.',
  'With "--", COMMAND is the entrypoint of a container: its exit code is that of reeve. Alone, without options, reeve is nothing but its init, and takes the flags of tini and dumb-init before "--": -s, -g, -c (--single-child), -e CODE, -r FROM:TO (--rewrite), -p SIGNAL, -v (--verbose), -w.',
];

const OPTIONS: readonly string[] = [
  'In a file an option is a line NAME = VALUE, on the command line --NAME VALUE or --NAME=VALUE, in the environment UWSGI_NAME=VALUE in upper case with "_" for "-". A FILE counts after the options beside it, in whatever order, as in uWSGI; --ini FILE counts where it stands. Any beginning of a name that is no other\'s will do.',
  "Times are seconds, or have a unit: 500ms, 10s, 5m, 2h, 1d. Sizes are bytes, or have a unit: 64K, 10M, 1G. Users, groups and signals are names or numbers.",
  "Options of the application server are known by name and skipped, with one line that lists them.",
];

const SIGNALS: readonly (readonly [readonly string[], string])[] = [
  [
    ["TERM", "INT"],
    "Stop: every daemon at once, each with its own grace; a second one kills what is left. With sigterm-reloads, TERM reloads.",
  ],
  [["HUP"], "Read the configuration again and reload; a bad one is reported and changes nothing."],
  [["QUIT"], "Stop at once, with KILL."],
  [["USR1"], "Log the state of every daemon."],
  [["USR2"], "Open the log files again."],
];

const EXIT_CODES: readonly (readonly [string, string])[] = [
  ["0", "Stopped as asked, or the command did what it is for."],
  [
    "1",
    "A failure while running, a hook that must not fail, an output that cannot be written, or the instance runs already.",
  ],
  ["2", "Wrong words on the command line, or a wrong configuration; nothing was started."],
  ["3", "Of a command to a running instance: a daemon is not up."],
  ["4", "Of such a command: not allowed; of status also: no such name."],
  ["5", "Of such a command: no such name."],
  ["7", "Of such a command: no instance runs."],
  ["124", "Of such a command: time-out; what was asked for goes on."],
  ["126, 127", "COMMAND, or a control daemon, cannot be executed, or does not exist."],
  ["other", "That of the control daemon which ended; 128 + N where signal N ended it."],
];

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ["NOTIFY_SOCKET", "Where READY=1, RELOADING=1, STOPPING=1 and STATUS= are sent, as sd_notify(3) does."],
  ["XDG_RUNTIME_DIR", "Where the run directory is made without root."],
  ["REEVE_SOCKET", "The control socket of the instance that commands ask, where no other is said."],
  ["NO_COLOR", "Not empty: no colours. Where the output is no terminal there are none either."],
];

const FILES: readonly (readonly [string, string])[] = [
  ["/run/reeve/NAME", "The run directory of the instance NAME as root: its lock and its journal."],
  ["$XDG_RUNTIME_DIR/reeve/NAME", "The same without root."],
];

function paragraphs(texts: readonly string[]): string[] {
  return texts.flatMap((text) => [".PP", escape(text)]);
}

function commandEntry(command: Command): string[] {
  const terms = termsOf(command).flatMap(([term, text]) => [".br", escape(`${term}: ${text}`)]);
  return [
    ".TP",
    `.B ${escape(`reeve ${command.name} ${command.usage}`.trimEnd())}`,
    escape(command.help),
    ...terms,
    ...(command.exits === undefined ? [] : [...(terms.length === 0 ? [] : [".br"]), escape(command.exits)]),
  ];
}

function optionSections(): string[] {
  const lines: string[] = [];
  let group: string | null = null;
  for (const row of optionRows()) {
    if (row.served === "later" || row.served === "missing") continue;
    if (row.group !== group) lines.push(`.SS ${escape(GROUP_TITLES[row.group])}`);
    group = row.group;
    lines.push(".TP", optionTerm(row), escape(optionText(row)));
  }
  return lines;
}

function optionTerm(row: OptionRow): string {
  const names = [
    ...(row.short === null ? [] : [`-${row.short}`]),
    ...[row.name, ...row.aliases].map((name) => `--${name}`),
  ];
  const value = row.argument === "none"
    ? ""
    : row.argument === "optional"
    ? `[=\\fI${row.type}\\fR]`
    : ` \\fI${row.type}\\fR`;
  return names.map((name) => `\\fB${escape(name)}\\fR`).join(", ") + value;
}

function optionText(row: OptionRow): string {
  const parts = [sentence(row.help)];
  if (row.served === "accepted") parts.push(`No effect here: ${row.why ?? "it is not needed"}`);
  if (row.default !== null) parts.push(`Default: ${row.default}`);
  if (row.repeatable) parts.push("May be given several times");
  return `${parts.join(". ")}.`;
}

/** Text as it stands: a backslash, a hyphen that must not become a dash, a line that would be a request. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll(/,(?=\S)/g, ",\\:").replaceAll(
    "^",
    "\\(ha",
  ).replaceAll("~", "\\(ti")
    .replaceAll("`", "\\(ga").replace(/^([.'])/gm, "\\&$1");
}

if (import.meta.main) {
  await Bun.write(new URL("../../../docs/reeve.1", import.meta.url), manPage());
}
