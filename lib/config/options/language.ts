/**
 * Rows of the option table: what the configuration language itself understands. Data only; reader.ts acts on
 * them.
 */
import type { RowSource } from "./option_row.ts";

export const FILE_ROWS: readonly RowSource[] = [
  {
    name: "ini",
    type: "path",
    repeatable: true,
    help: 'FILE[:SECTION]: read an INI file here; ":SECTION" is in the file being read, "-" is stdin',
  },
  {
    name: "yaml",
    type: "path",
    aliases: ["yml"],
    short: "y",
    repeatable: true,
    help: "FILE[:KEY]: read a YAML file here",
  },
  {
    name: "json",
    type: "path",
    aliases: ["js"],
    short: "j",
    repeatable: true,
    help:
      "FILE[:KEY]: read a JSON file here; after a command other than running, --json asks for JSON output",
  },
  {
    name: "xml",
    type: "path",
    aliases: ["xmlconfig"],
    short: "x",
    repeatable: true,
    help: "FILE[:ID]: read an XML file here",
  },
  {
    name: "include",
    type: "path",
    aliases: ["config"],
    repeatable: true,
    help:
      "FILE[:SECTION]: read a file here, its type by its suffix (.ini .yaml .yml .json .js .xml, else INI)",
  },
  {
    name: "inherit",
    type: "path",
    repeatable: true,
    help: "FILE[:SECTION]: read a file after all others; nothing in it is expanded but magic variables",
  },
  {
    name: "inject-before",
    type: "path",
    repeatable: true,
    help: "put this text in front of each following file",
  },
  { name: "inject-after", type: "path", repeatable: true, help: "put this text behind each following file" },
  {
    name: "set",
    type: "string",
    short: "S",
    repeatable: true,
    help: "NAME=VALUE: set an option or a placeholder",
  },
  {
    name: "set-placeholder",
    type: "string",
    aliases: ["set-ph"],
    repeatable: true,
    help: "NAME=VALUE: set a placeholder; the value is not expanded",
  },
  {
    name: "declare-option",
    type: "string",
    repeatable: true,
    help: "NAME=OPTION=VALUE;OPTION=VALUE: make an option of options; $1, $2 ... are the words of its value",
  },
  {
    name: "declare-option2",
    type: "string",
    repeatable: true,
    help: "like declare-option, declared after everything was expanded",
  },
  {
    name: "resolve",
    type: "string",
    repeatable: true,
    served: "later",
    why: "name resolution",
    help: "NAME=HOST: set a placeholder to the address of a host",
  },
  { name: "strict", type: "bool", default: "false", help: "a name that is no option is an error" },
  {
    name: "blacklist",
    type: "string",
    repeatable: true,
    help: "names, separated by blanks, that are forbidden until end-blacklist",
  },
  { name: "end-blacklist", type: "bool", repeatable: true, help: "forget the blacklist" },
  {
    name: "whitelist",
    type: "string",
    repeatable: true,
    help: "names, separated by blanks, that alone are allowed until end-whitelist",
  },
  { name: "end-whitelist", type: "bool", repeatable: true, help: "forget the whitelist" },
];

const IF = "the lines up to else or end count if";

export const LOGIC_ROWS: readonly RowSource[] = [
  {
    name: "for",
    type: "string",
    repeatable: true,
    help: "repeat each line up to endfor for each word; %(_) is the word",
  },
  {
    name: "for-glob",
    type: "string",
    repeatable: true,
    help: "like for, over the paths that match a pattern",
  },
  { name: "for-times", type: "int", repeatable: true, help: "like for, over the numbers from 1 to this" },
  { name: "for-readline", type: "path", repeatable: true, help: "like for, over the lines of a file" },
  {
    name: "if-env",
    type: "string",
    aliases: ["ifenv"],
    repeatable: true,
    help: `NAME[=VALUE]: ${IF} this variable is set, or has this value; %(_) is its value`,
  },
  { name: "if-not-env", type: "string", repeatable: true, help: `NAME[=VALUE]: ${IF} if-env would not` },
  {
    name: "if-opt",
    type: "string",
    repeatable: true,
    help: `NAME[=VALUE]: ${IF} the first option of this name is set, or has this value; %(_) is its value`,
  },
  { name: "if-not-opt", type: "string", repeatable: true, help: `NAME[=VALUE]: ${IF} if-opt would not` },
  {
    name: "if-exists",
    type: "path",
    aliases: ["ifexists"],
    repeatable: true,
    help: `${IF} this path exists; %(_) is the path`,
  },
  { name: "if-not-exists", type: "path", repeatable: true, help: `${IF} this path does not exist` },
  {
    name: "if-file",
    type: "path",
    aliases: ["iffile"],
    repeatable: true,
    help: `${IF} this is a regular file`,
  },
  { name: "if-not-file", type: "path", repeatable: true, help: `${IF} this is no regular file` },
  {
    name: "if-dir",
    type: "path",
    aliases: ["ifdir", "if-directory"],
    repeatable: true,
    help: `${IF} this is a directory`,
  },
  { name: "if-not-dir", type: "path", repeatable: true, help: `${IF} this is no directory` },
  { name: "if-reload", type: "bool", repeatable: true, help: `${IF} this is a reload` },
  { name: "if-not-reload", type: "bool", repeatable: true, help: `${IF} this is no reload` },
  {
    name: "if-plugin",
    type: "string",
    aliases: ["ifplugin"],
    repeatable: true,
    help: `never: reeve has no plugins`,
  },
  { name: "if-not-plugin", type: "string", repeatable: true, help: "always: reeve has no plugins" },
  { name: "if-hostname", type: "string", repeatable: true, help: `${IF} this is the name of the host` },
  {
    name: "if-not-hostname",
    type: "string",
    repeatable: true,
    help: `${IF} this is not the name of the host`,
  },
  {
    name: "if-hostname-match",
    type: "string",
    repeatable: true,
    help: `${IF} this regular expression matches the name of the host`,
  },
  {
    name: "if-not-hostname-match",
    type: "string",
    repeatable: true,
    help: `${IF} this regular expression does not match the name of the host`,
  },
  {
    name: "else",
    type: "string",
    argument: "optional",
    repeatable: true,
    help: "the lines up to end count if those before did not",
  },
  {
    name: "end",
    type: "string",
    aliases: ["endif", "end-if", "endfor", "end-for"],
    argument: "optional",
    repeatable: true,
    help: "end of an if or for; any of the five ends either",
  },
];

export const INSPECTION_ROWS: readonly RowSource[] = [
  { name: "show-config", type: "bool", help: "print the flattened configuration as INI, and exit" },
  { name: "get", type: "string", repeatable: true, help: "print the first value of this option, and exit" },
  {
    name: "print",
    type: "string",
    repeatable: true,
    help: "print this text when the configuration has been read",
  },
  {
    name: "iprint",
    type: "string",
    repeatable: true,
    help: "print this text, as it stands, when it is read",
  },
  {
    name: "exit",
    type: "int",
    argument: "optional",
    help: "stop reading, and exit with this code (1 without one)",
  },
  {
    name: "no-server",
    type: "bool",
    served: "later",
    why: "a start that ends before its daemons",
    help: 'stop before anything runs; "reeve check" does that, and says what is wrong',
  },
  { name: "stop", type: "path", help: "stop the instance whose pid is in this file, and exit" },
  { name: "reload", type: "path", help: "reload the instance whose pid is in this file, and exit" },
  { name: "help", type: "bool", aliases: ["usage"], short: "h", help: "show the options, and exit" },
  { name: "version", type: "bool", help: "print the version, and exit" },
];
