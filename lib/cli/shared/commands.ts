/**
 * The one table of the commands. The parsing of argv, the usage, `reeve help COMMAND`, the manual page and
 * the completions of all shells are made of it; lib/cli/run.ts says what carries each one out. Data only.
 */

/** The words that a shell can offer for a value; "free": none. */
export type ValueKind = "none" | "files" | "users" | "groups" | "free";

export interface Flag {
  /** Without dashes. */
  readonly long: string;
  readonly short?: string;
  /** The value's name, and the words that may be offered for it; absent: the flag has none. */
  readonly value?: { readonly name: string; readonly offers: ValueKind };
  readonly help: string;
}

/**
 * The words behind a command. configuration: files, and options as in a file. own: operands and the command's
 * flags; `options` says that `--NAME=VALUE` is an option of a configuration all the same. subjects: whatever
 * it is, it is asked about.
 */
export type CommandWords =
  | { readonly kind: "configuration" }
  | { readonly kind: "own"; readonly most: number; readonly options?: true }
  | { readonly kind: "subjects" };

export interface Command {
  readonly name: string;
  /** The words behind the name. */
  readonly usage: string;
  /** The same in the list of all commands; absent: it stands there with another form. */
  readonly brief?: string;
  /** One line. */
  readonly summary: string;
  readonly words: CommandWords;
  /** The one thing that it cannot do without; absent: nothing. */
  readonly needs?: string;
  /**
   * The words that can be offered for an operand: these, or what help explains. Absent: nothing of its own.
   */
  readonly offers?: readonly string[] | "subjects";
  readonly flags?: readonly Flag[];
  /** Its work, in sentences. */
  readonly help: string;
  /** Further words and what they mean. */
  readonly list?: readonly (readonly [term: string, text: string])[];
  readonly exits?: string;
}

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

const JSON_FLAG: Flag = { long: "json", help: "print JSON" };
const CONFIGURATION = { kind: "configuration" } as const;

/** In the order in which people read them. */
const TABLE = [
  {
    name: "check",
    usage: "FILE[:SECTION]... [--json]",
    brief: "FILE",
    summary: "say what is wrong with a configuration",
    words: CONFIGURATION,
    needs: "a configuration file",
    flags: [JSON_FLAG],
    help: "Say what is wrong with a configuration. Nothing is run or changed.",
    exits:
      "Exit code 0: it can be started; 1: it can, without some of its daemons; 2: it has\nerrors, and a start refuses it.",
  },
  {
    name: "plan",
    usage: "FILE[:SECTION]... [--json | --as=sections|lines]",
    brief: "FILE [--json]",
    summary: "show what a configuration comes to",
    words: CONFIGURATION,
    needs: "a configuration file",
    flags: [
      JSON_FLAG,
      {
        long: "as",
        value: { name: "FORM", offers: "free" },
        help:
          "print a configuration that comes to the same: sections, every daemon as [daemon:NAME], or lines, " +
          "every daemon in one line as uWSGI has it; its secrets are in it",
      },
    ],
    help: "Show every daemon with all its settings, and where each one comes from. Secrets are hidden.",
    exits: "Exit code 0; 1: it cannot be said in that form; 2: the configuration has errors.",
  },
  {
    name: "enter",
    usage: "[-c FILE[:SECTION]] [--jail | DAEMON] [--user USER[:GROUP]] [-- COMMAND...]",
    brief: "[-c FILE] [NAME]",
    summary: "run a shell in a jail, or with a daemon",
    words: { kind: "own", most: 1, options: true },
    flags: [
      {
        long: "config",
        short: "c",
        value: { name: "FILE", offers: "files" },
        help: "the configuration; without it the one instance that runs here is meant",
      },
      { long: "jail", help: "the instance's jail; without a DAEMON it is meant anyway" },
      {
        long: "user",
        short: "u",
        value: { name: "USER", offers: "free" },
        help: "somebody else: a name of the jail's own passwd, or a number",
      },
    ],
    list: [["--NAME=VALUE", "an option that the instance was started with"]],
    help:
      "Run a shell, or COMMAND, inside the jail of the running instance of a configuration, or in the namespaces of " +
      "one of its daemons: as who the daemons there are, with their rights and environment.",
    exits:
      "Exit code: that of what ran inside, 128 + N where signal N ended it; 1: it could not be entered; 126, 127: " +
      "COMMAND cannot be executed, or does not exist.",
  },
  {
    name: "legion",
    usage: "FILE[:SECTION] [--json]",
    brief: "FILE [--json]",
    summary: "show the legions of a running instance",
    words: CONFIGURATION,
    needs: "the configuration file of a running instance",
    flags: [JSON_FLAG],
    help:
      "Show the legions of the running instance of this configuration: who is the lord, which nodes there are, whom each " +
      "votes for. It is asked through the address of its option stats.",
    exits: "Exit code 0: it answered; 1: it did not; 2: there is no such option, or no such file.",
  },
  {
    name: "doctor",
    usage: "[--json]",
    brief: "[--json]",
    summary: "show what this host offers to reeve",
    words: { kind: "own", most: 0 },
    flags: [JSON_FLAG],
    help: "Show what this host offers, and what reeve will do without.",
    exits: "Exit code 0: reeve works here; 1: it cannot.",
  },
  {
    name: "schema",
    usage: "",
    brief: "",
    summary: "print the JSON schema of a configuration",
    words: { kind: "own", most: 0 },
    help:
      "Print the JSON schema of a configuration in YAML or JSON. An editor that is given it completes options and keys, " +
      "shows what each is for, and marks what is wrong.",
  },
  {
    name: "completion",
    usage: "bash|zsh|fish",
    brief: "SHELL",
    summary: "print completions for bash, zsh or fish",
    words: { kind: "own", most: 1 },
    offers: SHELLS,
    help: "Print the completion of the command line for a shell:",
    list: [
      ["bash", "source <(reeve completion bash)"],
      ["zsh", "source <(reeve completion zsh)"],
      ["fish", "reeve completion fish | source"],
    ],
  },
  {
    name: "man",
    usage: "",
    brief: "",
    summary: "print the manual page",
    words: { kind: "own", most: 0 },
    help: "Print the manual page: reeve man | man -l -",
  },
  {
    name: "help",
    usage: "[OPTION|KEY|COMMAND]",
    brief: "[OPTION]",
    summary: "describe all options, or one",
    words: { kind: "subjects" },
    offers: "subjects",
    help: "Describe all options, or one option, one key of attach-daemon2, or one command.",
  },
  // Words for what needs none.
  {
    name: "run",
    usage: "FILE[:SECTION]...",
    summary: "supervise the daemons of a configuration",
    words: CONFIGURATION,
    needs: "a configuration file",
    help: "The same as reeve FILE: supervise the daemons of a configuration.",
  },
  {
    name: "version",
    usage: "",
    summary: "print the version",
    words: { kind: "own", most: 0 },
    help: "The same as reeve --version.",
  },
] as const satisfies readonly Command[];

export type WordCommand = (typeof TABLE)[number]["name"];
/** With those that an option asks for. */
export type CommandName = WordCommand | "stop-pidfile" | "reload-pidfile";

export const COMMANDS: readonly (Command & { readonly name: WordCommand })[] = TABLE;
/** Those that people are shown: the others have a usual form without the word. */
export const LISTED_COMMANDS = COMMANDS.filter(({ brief }) => brief !== undefined);

/** The usage lines of what needs no word. */
export const OTHER_USES: readonly (readonly [usage: string, summary: string])[] = [
  ["FILE[:SECTION]...", "supervise the daemons of a configuration"],
  ["[OPTION]... -- COMMAND", "run COMMAND as a container's entrypoint"],
  ["--stop|--reload PIDFILE", "signal a running reeve"],
];

/** Names kept for commands to come. */
export const RESERVED_COMMANDS: readonly string[] =
  ("status start stop restart signal wait logs events reload apply upgrade healthcheck top dashboard metrics graph " +
    "scale trigger import").split(" ");

export function findCommand(word: string): (typeof COMMANDS)[number] | null {
  return COMMANDS.find(({ name }) => name === word) ?? null;
}

/** A flag of the command by its long or its short name. */
export function findFlag({ flags = [] }: Command, name: string): Flag | null {
  return flags.find(({ long, short }) => name === long || name === short) ?? null;
}
