/**
 * The words of the command line: which command, which options, which files. Reads words only; what an option means is
 * decided by load.ts, what a command does by lib/cli.
 *
 * A command is the first word that is no option. A file that has a command's name is written with a path: `./status`.
 */
import { type CustomOption, parseCustomOption } from "../../config/language/custom_option.ts";
import { ConfigError, Diagnostics } from "../../config/diagnostic.ts";
import type { FileArgument } from "../../config/language/load.ts";
import {
  allOptionNames,
  argumentOf,
  findOption,
  isUwsgiOption,
  longName,
} from "../../config/options/option_table.ts";
import type { RawOption } from "../../config/origin.ts";
import { nearestName } from "../../config/nearest.ts";
import { quote } from "../../config/problem.ts";
import type { Argument } from "../../config/options/uwsgi_names.ts";

/** The commands that there are. */
export const COMMANDS = ["check", "plan", "enter", "legion", "doctor", "completion", "man", "help"] as const;
/** Words for what needs none: `reeve FILE` runs, `reeve --version` shows the version. */
export const SPOKEN_COMMANDS = ["run", "version"] as const;
/** Names kept for commands to come. */
export const RESERVED_COMMANDS = ("status start stop restart logs events apply upgrade top").split(" ");

export type CommandName = "run" | "version" | "stop-pidfile" | "reload-pidfile" | typeof COMMANDS[number];

export interface CommandLine {
  readonly command: CommandName;
  /** Their origin is the option as it was written: `--uid`, `-d`. */
  readonly options: readonly RawOption[];
  readonly files: readonly FileArgument[];
  /** Words after `--`: the command of the entrypoint form; null without `--`. */
  readonly entrypoint: readonly string[] | null;
  /** The command was said: `reeve run FILE`. */
  readonly isSaid: boolean;
  /** --json, after a command: output as JSON. */
  readonly json: boolean;
  /** help, enter, legion, doctor, completion, man: the words behind them. stop-pidfile, reload-pidfile: the file. */
  readonly operands: readonly string[];
}

/** Commands whose further words are not configuration files. */
const OWN_WORDS: ReadonlySet<CommandName> = new Set([
  "help",
  "enter",
  "legion",
  "doctor",
  "completion",
  "man",
]);

/** Reads argv without the program's name; throws ConfigError, with everything that is wrong. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  return new Words(argv).parse();
}

class Words {
  readonly #argv: readonly string[];
  readonly #diagnostics = new Diagnostics();
  readonly #options: RawOption[] = [];
  readonly #files: FileArgument[] = [];
  readonly #operands: string[] = [];
  readonly #custom = new Map<string, CustomOption>();
  #command: CommandName = "run";
  #isSaid = false;
  #asked: CommandName | null = null;
  #json = false;
  #at = 0;

  constructor(argv: readonly string[]) {
    this.#argv = argv;
  }

  parse(): CommandLine {
    let entrypoint: readonly string[] | null = null;
    while (this.#at < this.#argv.length) {
      const word = this.#argv[this.#at++] ?? "";
      if (word === "--") {
        entrypoint = this.#argv.slice(this.#at);
        break;
      }
      if (this.#command === "enter") {
        // It has options of its own, which are beginnings of others' names.
        this.#operands.push(word);
        continue;
      }
      if (word.includes("\0")) {
        this.#error(`cannot use ${quote(word)}: it contains a NUL byte`);
      } else if (word.startsWith("--")) this.#long(word.slice(2));
      else if (word.startsWith("-") && word !== "-") this.#short(word.slice(1));
      else this.#word(word);
    }
    if (entrypoint?.length === 0) {
      this.#error('"--" must be followed by a command');
    }
    if (this.#diagnostics.hasErrors) throw new ConfigError(this.#diagnostics.list);
    return {
      command: this.#asked ?? this.#command,
      options: this.#options,
      files: this.#files,
      entrypoint,
      isSaid: this.#isSaid,
      json: this.#json,
      operands: this.#operands,
    };
  }

  /** Each names the word that is wrong, so that it needs no origin. */
  #error(text: string): void {
    this.#diagnostics.error(text, null);
  }

  #word(word: string): void {
    const first = !this.#isSaid && this.#files.length === 0;
    const command = [...COMMANDS, ...SPOKEN_COMMANDS].find((known) => known === word);
    if (first && command !== undefined) {
      this.#command = command;
      this.#isSaid = true;
    } else if (first && RESERVED_COMMANDS.includes(word)) {
      const file = quote(`./${word}`);
      this.#error(
        `command ${quote(word)} is not there in this version; to read a file of that name write ${file}`,
      );
    } else if (OWN_WORDS.has(this.#command)) {
      this.#operands.push(word);
    } else {
      this.#files.push({ name: word });
    }
  }

  #long(text: string): void {
    const equals = text.indexOf("=");
    const written = equals < 0 ? text : text.slice(0, equals);
    const attached = equals < 0 ? null : text.slice(equals + 1);
    if (written === "json" && attached === null && this.#command !== "run") {
      this.#json = true;
      return;
    }
    const name = this.#fullName(written);
    if (name !== null) this.#add(name, `--${name}`, attached);
  }

  /** Letters in one word, as getopt has them: `-Mh`, `-Sname=value`, `-S name=value`. */
  #short(letters: string): void {
    for (let at = 0; at < letters.length; at++) {
      const letter = letters.charAt(at);
      if (this.#isUsual(letter, letters.slice(at + 1))) return;
      const name = longName(letter);
      if (name === null) {
        this.#error(`unknown option "-${letter}"`);
        return;
      }
      const rest = letters.slice(at + 1);
      const argument = this.#argumentOf(name);
      this.#add(name, `-${letter}`, argument === "none" || rest === "" ? null : rest);
      if (argument !== "none") return;
    }
  }

  /**
   * Letters that people know from other programs: -? the help, -V the version, -c the file that is to be read.
   * -v is an option with a number in uWSGI, and the version where it stands alone.
   */
  #isUsual(letter: string, rest: string): boolean {
    if (letter === "?") this.#asked = "help";
    else if (letter === "V" || letter === "v" && rest === "" && this.#argv.length === 1) {
      this.#asked = "version";
    } else if (letter === "v" && !/^[0-9]/.test(rest || (this.#argv[this.#at] ?? ""))) {
      this.#error('cannot use "-v": the log says everything already; for the version write "--version"');
    } else if (letter === "c") {
      const name = rest || this.#argv[this.#at++];
      if (name === undefined) this.#error('option "-c" needs a value: the configuration file');
      else if (OWN_WORDS.has(this.#command)) this.#operands.push(name);
      else this.#files.push({ name });
    } else return false;
    return true;
  }

  #add(name: string, shown: string, attached: string | null): void {
    let value = attached;
    if (value === null && this.#argumentOf(name) === "required") {
      value = this.#argv[this.#at] ?? null;
      if (value === null) {
        this.#error(`option ${quote(shown)} needs a value`);
        return;
      }
      this.#at++;
      if (value.includes("\0")) {
        this.#error(`cannot use the value of ${quote(shown)}: it contains a NUL byte`);
        return;
      }
    }
    switch (findOption(name)?.name) {
      case "help":
      case "version":
        this.#asked = findOption(name)?.name === "help" ? "help" : "version";
        return;
      case "stop":
      case "reload":
        this.#asked = name === "stop" ? "stop-pidfile" : "reload-pidfile";
        this.#operands.push(value ?? "");
        return;
      case "declare-option": {
        const custom = parseCustomOption(value ?? "")?.option;
        if (custom !== undefined) this.#custom.set(custom.name, custom);
      }
    }
    // uWSGI shows "true" for an option without a value, and takes it for one that is on.
    this.#options.push({ name, value: value ?? "true", origin: { file: shown, line: 0 } });
  }

  #argumentOf(name: string): Argument {
    const custom = this.#custom.get(name);
    if (custom !== undefined) return custom.takesArgument ? "required" : "none";
    return argumentOf(name) ?? "required";
  }

  /**
   * getopt_long: the name itself, or the only one that begins so; several names of one option count as one. An option of
   * reeve alone makes no beginning ambiguous that uWSGI understands.
   */
  #fullName(written: string): string | null {
    if (argumentOf(written) !== null || this.#custom.has(written)) return written;
    const names = [...allOptionNames(), ...this.#custom.keys()];
    const all = written === "" ? [] : names.filter((name) => name.startsWith(written));
    const theirs = all.filter(isUwsgiOption);
    const matches = theirs.length > 0 ? theirs : all;
    const [only] = matches;
    if (only !== undefined && new Set(matches.map((name) => findOption(name)?.name ?? name)).size === 1) {
      return only;
    }
    if (matches.length > 0) {
      const some = matches.slice(0, 8).map((name) => quote(`--${name}`)).join(", ");
      const more = matches.length > 8 ? ` and ${matches.length - 8} more` : "";
      this.#error(`option ${quote(`--${written}`)} is ambiguous: it may be ${some}${more}`);
      return null;
    }
    const near = nearestName(written, names);
    const hint = near === null ? "" : `: did you mean ${quote(`--${near}`)}?`;
    this.#error(`unknown option ${quote(`--${written}`)}${hint}`);
    return null;
  }
}
