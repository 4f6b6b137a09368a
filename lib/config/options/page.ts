/**
 * The reference page of the options and of the keys of a daemon, made from their tables alone. Run as a
 * program it writes docs/options.md; a test checks that the page is current.
 */
import { DAEMON_KEYS } from "./daemon_keys.ts";
import { GROUP_TITLES, type OptionRow } from "./option_row.ts";
import { optionRows } from "./option_table.ts";

const INTRODUCTION = `# Options

This page is generated from the tables of options and keys: \`bun run lib/config/options/page.ts\` writes it.

Every option is a line \`name = value\` of a configuration file, \`--name value\` or \`--name=value\` on the command line,
and \`UWSGI_NAME=value\` in the environment (upper case, \`_\` for \`-\`). Where an option may be given once, the last one
counts; where it may be repeated, all count, in order. A boolean is off for \`false\`, \`off\`, \`no\` and \`0\`, and on for
everything else, also for no value at all.

Times are seconds, or have a unit: \`500ms\`, \`10s\`, \`5m\`, \`2h\`, \`1d\`. Sizes are bytes, or have a unit: \`64K\`, \`10M\`,
\`1G\`. Users and groups are names or numbers.

All other options of uWSGI, those of the application server, are known by name and skipped with one note that lists
them.
`;

const KEYS = `
### Keys of a daemon

\`[daemon:NAME]\` has them a line each, \`attach-daemon2 = KEY=VALUE,KEY=VALUE\` in one line, where a comma inside a value
is written \`\\,\`. [daemons.md](daemons.md#every-key) has an example of each. In \`attach-daemon2\` a switch is on for any
value, \`0\` as well, as in uWSGI; everywhere else it means what it says, as a bool does. Signals, users and groups are
names or numbers.

`;

export function optionsPage(): string {
  const sections = Object.entries(GROUP_TITLES).map(([group, title]) => {
    const rows = optionRows().filter((row) => row.group === group);
    const keys = group === "daemons" ? KEYS + keyTable() : "";
    return `\n## ${title}\n\n${introduce(rows)}${table(rows)}${keys}`;
  });
  return INTRODUCTION + sections.join("");
}

function introduce(rows: readonly OptionRow[]): string {
  if (rows.every((row) => row.served === "later")) {
    return "Not served yet: a configuration that sets one of these is refused.\n\n";
  }
  return rows.every((row) => row.served === "missing") ? "Not served yet: a warning says so.\n\n" : "";
}

function table(rows: readonly OptionRow[]): string {
  const lines = rows.map((row) => {
    const cells = [
      names(row),
      argument(row),
      row.default === null ? "" : code(row.default),
      help(row),
      row.since,
    ];
    return `| ${cells.map(escapeCell).join(" | ")} |\n`;
  });
  return `| option | value | default | what it does | since |\n| --- | --- | --- | --- | --- |\n${
    lines.join("")
  }`;
}

function keyTable(): string {
  const lines = DAEMON_KEYS.map(({ key, aliases = [], type, default: usual, help }) =>
    `| ${[[key, ...aliases].map(code).join(", "), type, usual, help].map(escapeCell).join(" | ")} |\n`
  );
  return `| key | value | default | what it does |\n| --- | --- | --- | --- |\n${lines.join("")}`;
}

function names(row: OptionRow): string {
  const short = row.short === null ? [] : [code(`-${row.short}`)];
  return [code(row.name), ...row.aliases.map(code), ...short].join(", ");
}

function argument(row: OptionRow): string {
  const type = row.argument === "optional" && row.type !== "bool" ? `${row.type}, optional` : row.type;
  return row.repeatable && row.type !== "list" ? `${type}, repeatable` : type;
}

function help(row: OptionRow): string {
  if (row.served === "always") return `${row.help}; so it is in any case: ${row.why}`;
  if (row.served === "accepted") return `${row.help}; no effect here: ${row.why}`;
  if (row.served === "missing") return `${row.help} (not in this version)`;
  return row.served === "later" ? `${row.help} (not in this version: it needs ${row.why})` : row.help;
}

function code(text: string): string {
  return `\`${text}\``;
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|");
}

if (import.meta.main) {
  await Bun.write(new URL("../../../docs/options.md", import.meta.url), optionsPage());
}
