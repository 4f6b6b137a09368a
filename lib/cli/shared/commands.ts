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
   * The words that can be offered for an operand: these, what help explains, names of the daemons of a
   * running instance, or these behind a signal. Absent: nothing of its own.
   */
  readonly offers?: readonly string[] | "subjects" | "daemons" | "signals";
  readonly flags?: readonly Flag[];
  /** Its work, in sentences. */
  readonly help: string;
  /** Further words and what they mean. */
  readonly list?: readonly (readonly [term: string, text: string])[];
  readonly exits?: string;
  /** The exit code for wrong words, where it is not 2. */
  readonly wrongWords?: number;
}

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

const JSON_FLAG: Flag = { long: "json", help: "print JSON" };
const CONFIGURATION = { kind: "configuration" } as const;
const NAMES = { kind: "own", most: Infinity } as const;

/** Which instance is asked. */
const INSTANCE_FLAGS: readonly Flag[] = [
  {
    long: "config",
    short: "c",
    value: { name: "FILE", offers: "files" },
    help: "the instance of this configuration, FILE or FILE:SECTION",
  },
  { long: "instance", value: { name: "NAME", offers: "free" }, help: "the instance of this name" },
  { long: "socket", value: { name: "PATH", offers: "files" }, help: "the instance of this control socket" },
];
const TIMEOUT: Flag = {
  long: "timeout",
  value: { name: "TIME", offers: "free" },
  help: "how long it waits, such as 30s or 2m; then it ends with 124, and what was asked for goes on",
};
const QUIET: Flag = { long: "quiet", short: "q", help: "say nothing but errors" };
/** The commands that change something have these in common. */
const CHANGE_FLAGS: readonly Flag[] = [
  { ...TIMEOUT, help: `${TIMEOUT.help}; 90s without it` },
  { long: "no-wait", help: "do not wait until it is done" },
  QUIET,
  ...INSTANCE_FLAGS,
];
const NAMES_HELP = 'A NAME is that of a daemon, a glob ("web-*"), @TAG, or all.';
const CHANGE_EXITS =
  "Exit code 0: done; 1: it failed; 2: wrong words, or several instances run; 4: not allowed; 5: no such name; 7: no " +
  "instance runs; 124: time-out.";

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
    name: "status",
    usage: "[NAME...] [--long] [--json] [--watch]",
    brief: "[NAME...]",
    summary: "show the daemons of a running instance",
    words: NAMES,
    offers: "daemons",
    flags: [
      { long: "long", short: "l", help: "all that is known of each daemon; a single NAME has that anyway" },
      JSON_FLAG,
      { long: "watch", short: "w", help: "go on, and show what changes" },
      ...INSTANCE_FLAGS,
    ],
    help:
      `Show the daemons of a running instance: states, and why each is as it is. ${NAMES_HELP} With --json ` +
      "--watch each change is one line.",
    exits:
      "Exit code 0: all of them run and are ready; 1: it failed; 2: wrong words, or several instances run; 3: one is " +
      "not up; 4: no such name, or not allowed; 7: no instance runs.",
  },
  {
    name: "start",
    usage: "NAME... [--timeout=90s] [--no-wait] [--quiet]",
    brief: "NAME...",
    summary: "start daemons, also after a stop by hand",
    words: NAMES,
    offers: "daemons",
    flags: CHANGE_FLAGS,
    help: "Start daemons, and wait until they run and are ready. What was stopped by hand is no " +
      `longer held. ${NAMES_HELP}`,
    exits: CHANGE_EXITS,
  },
  {
    name: "stop",
    usage: "NAME... [--with-dependents] [--timeout=90s] [--no-wait] [--quiet] [--persist]",
    brief: "NAME...",
    summary: "stop daemons, and keep them stopped",
    words: NAMES,
    offers: "daemons",
    flags: [
      {
        long: "with-dependents",
        help: "also a control daemon, with whose end the instance ends: else that is refused",
      },
      {
        long: "persist",
        help: "also over a stop and start of the instance, which needs the option state-dir",
      },
      ...CHANGE_FLAGS,
    ],
    help:
      `Stop daemons and wait until nothing of them runs. They stay stopped until they are started by hand. ${NAMES_HELP}`,
    exits: CHANGE_EXITS,
  },
  {
    name: "restart",
    usage: "NAME... [--if-running] [--timeout=90s] [--no-wait] [--quiet]",
    brief: "NAME...",
    summary: "stop daemons and start them again",
    words: NAMES,
    offers: "daemons",
    flags: [{ long: "if-running", help: "leave alone what does not run" }, ...CHANGE_FLAGS],
    help:
      "Stop daemons, start them again, and wait until they run and are ready. The configuration is not read anew. " +
      NAMES_HELP,
    exits: CHANGE_EXITS,
  },
  {
    name: "signal",
    usage: "SIGNAL NAME... [--all-processes] | --list",
    brief: "SIGNAL NAME...",
    summary: "send a signal to daemons",
    words: NAMES,
    offers: "signals",
    flags: [
      { long: "all-processes", help: "to all processes of the daemon, not to the main one alone" },
      { long: "list", help: "print the signals that there are" },
      ...INSTANCE_FLAGS,
    ],
    help: `Send a signal, by name or number, to daemons that run. ${NAMES_HELP}`,
    exits: CHANGE_EXITS,
  },
  {
    name: "wait",
    usage: "NAME... [--ready|--up|--down|--gone] [--any] [--timeout=TIME]",
    brief: "NAME...",
    summary: "wait until daemons are ready, or down",
    words: NAMES,
    offers: "daemons",
    flags: [
      { long: "ready", help: "until they run and are ready; this is meant without a word" },
      { long: "up", help: "until they run" },
      { long: "down", help: "until nothing of them runs" },
      { long: "gone", help: "until the instance has no such daemons any more" },
      { long: "any", help: "until it is so of one of them" },
      {
        ...TIMEOUT,
        help: "how long it waits, such as 30s or 2m; then it ends with 124. For ever without it",
      },
      QUIET,
      ...INSTANCE_FLAGS,
    ],
    help:
      `Wait until daemons are ready, run, or are down. Nothing is asked again and again: the instance tells. ${NAMES_HELP}`,
    exits: CHANGE_EXITS.replace("it failed", "one of them was given up meanwhile, or stopped"),
  },
  {
    name: "events",
    usage: "[NAME...] [--follow] [--since=NUMBER] [--json]",
    brief: "[-f] [NAME...]",
    summary: "show what has happened to daemons",
    words: NAMES,
    offers: "daemons",
    flags: [
      { long: "follow", short: "f", help: "go on, and show what happens" },
      {
        long: "since",
        value: { name: "SINCE", offers: "free" },
        help: "those after this number of an event, or of the time before now, such as 10m",
      },
      { long: "json", help: "print JSON, one object a line" },
      ...INSTANCE_FLAGS,
    ],
    help:
      `Show what has happened to the daemons of a running instance: the last 1,000 events at most. ${NAMES_HELP}`,
    exits:
      "Exit code 0; 1: it failed; 2: wrong words, or several instances run; 4: not allowed; 5: no such name; 7: no " +
      "instance runs.",
  },
  {
    name: "reload",
    usage: "[--timeout=90s] [--no-wait] [--quiet]",
    brief: "",
    summary: "let an instance read its files anew",
    words: { kind: "own", most: 0 },
    flags: CHANGE_FLAGS,
    help:
      "Let a running instance read its configuration anew, as SIGHUP does, and wait until it is known what became of " +
      "it. A bad configuration changes nothing, and is shown.",
    exits: CHANGE_EXITS.replace("2: wrong words, ", "2: the configuration is bad, wrong words, "),
  },
  {
    name: "apply",
    usage:
      "[FILE[:SECTION]] [--dry-run] [--keep-removed] [--restart-smart] [--json] [--timeout=90s] [--no-wait] [--quiet]",
    brief: "[--dry-run]",
    summary: "take over what has changed, and no more",
    words: { kind: "own", most: 1 },
    flags: [
      { long: "dry-run", help: "say what would be done, and do nothing" },
      { long: "keep-removed", help: "leave smart daemons running that are no longer configured" },
      { long: "restart-smart", help: "restart smart daemons as well; else they run on as they were started" },
      JSON_FLAG,
      ...CHANGE_FLAGS,
    ],
    help:
      "Let a running instance read its configuration anew and compare it with what runs. Daemons that are new are " +
      "started, those that are gone stopped, those that are to be started otherwise restarted; a setting that needs no " +
      "restart is taken over while the daemon runs, and all others are left alone. What is no daemon's is named. A bad " +
      "configuration changes nothing, and is shown. FILE is read in place of the instance's own, and only root and the " +
      "instance's user may name one.",
    exits: CHANGE_EXITS.replace("2: wrong words, ", "2: the configuration is bad, wrong words, ").replace(
      "4: not allowed;",
      "3: with --dry-run, something differs; 4: not allowed;",
    ),
  },
  {
    name: "healthcheck",
    usage: "[NAME...] [--level=ready|alive]",
    brief: "[NAME...]",
    summary: "for HEALTHCHECK: a line, exit code 0 or 1",
    words: NAMES,
    offers: "daemons",
    flags: [
      {
        long: "level",
        value: { name: "LEVEL", offers: "free" },
        help: "ready: all run and are ready, which is meant without it; alive: none has failed",
      },
      ...INSTANCE_FLAGS,
    ],
    help: "Say in one line whether an instance is healthy. It takes 5 seconds at most.",
    exits: "Exit code 0: healthy; 1: not, or it cannot be said. There is no other.",
    wrongWords: 1,
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
    name: "names",
    usage: "[WORD...]",
    summary: "print what completion offers for a NAME",
    words: { kind: "subjects" },
    help:
      "Print the names of the daemons of a running instance, and its tags, one a line: completion asks for them. The " +
      "words are those of a command line, and say which instance is meant. It takes 200 ms at most and never fails.",
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
  "logs upgrade top dashboard metrics graph scale trigger import".split(" ");

export function findCommand(word: string): (typeof COMMANDS)[number] | null {
  return COMMANDS.find(({ name }) => name === word) ?? null;
}

/** A flag of the command by its long or its short name. */
export function findFlag({ flags = [] }: Command, name: string): Flag | null {
  return flags.find(({ long, short }) => name === long || name === short) ?? null;
}
