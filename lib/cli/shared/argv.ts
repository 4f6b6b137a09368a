/**
 * The words of the command line: which command, which options, which files. Reads words only; what an option
 * means is decided by load.ts, what a command does by lib/cli.
 *
 * A command is the first word that is no option. A file that has a command's name is written with a path:
 * `./status`.
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
import {
  type Command,
  type CommandName,
  findCommand,
  findFlag,
  RESERVED_COMMANDS,
  type WordCommand,
} from "./commands.ts";
import { type InitFlags, readInitFlags } from "./init_flags.ts";

export interface CommandLine {
  readonly command: CommandName;
  /** Their origin is the option as it was written: `--uid`, `-d`. */
  readonly options: readonly RawOption[];
  readonly files: readonly FileArgument[];
  /** Words after `--`: the command of the entrypoint form; null without `--`. */
  readonly entrypoint: readonly string[] | null;
  /** All words before `--` are flags of tini or dumb-init; else null. */
  readonly initFlags: InitFlags | null;
  /** The command was said: `reeve run FILE`. */
  readonly isSaid: boolean;
  /** Flags of the command by their long names, each with its values in order; without a value: "". */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  /** Words of a command that takes no configuration. stop-pidfile, reload-pidfile: the file. */
  readonly operands: readonly string[];
}

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
  readonly #flags = new Map<string, string[]>();
  /** As it was said; null: none was, and reeve runs. */
  #command: (Command & { readonly name: WordCommand }) | null = null;
  #asked: CommandName | null = null;
  #at = 0;

  constructor(argv: readonly string[]) {
    this.#argv = argv;
  }

  parse(): CommandLine {
    let entrypoint: readonly string[] | null = null;
    const dashes = this.#argv.indexOf("--");
    const initFlags = dashes > 0 ? readInitFlags(this.#argv.slice(0, dashes)) : null;
    if (initFlags !== null) this.#at = dashes;
    while (this.#at < this.#argv.length) {
      const word = this.#argv[this.#at++] ?? "";
      if (word === "--") {
        entrypoint = this.#argv.slice(this.#at);
        break;
      }
      if (word.includes("\0")) {
        this.#error(`cannot use ${quote(word)}: it contains a NUL byte`);
      } else if (this.#command?.words.kind === "subjects") this.#operands.push(word);
      else if (word.startsWith("-") && word !== "-") this.#dashed(word);
      else this.#word(word);
    }
    if (entrypoint?.length === 0) {
      this.#error('"--" must be followed by a command');
    }
    if (this.#diagnostics.hasErrors) throw new ConfigError(this.#diagnostics.list);
    return {
      command: this.#asked ?? this.#command?.name ?? "run",
      options: this.#options,
      files: this.#files,
      entrypoint,
      initFlags,
      isSaid: this.#command !== null,
      flags: this.#flags,
      // Behind a command --help is about that command.
      operands: this.#asked === "help" && this.#command !== null ? [this.#command.name] : this.#operands,
    };
  }

  /** Each names the word that is wrong, so that it needs no origin. */
  #error(text: string): void {
    this.#diagnostics.error(text, null);
  }

  #word(word: string): void {
    const first = this.#command === null && this.#files.length === 0;
    const command = first ? findCommand(word) : null;
    if (command !== null) this.#command = command;
    else if (first && RESERVED_COMMANDS.includes(word)) {
      const file = quote(`./${word}`);
      this.#error(
        `command ${quote(word)} is not there in this version; to read a file of that name write ${file}`,
      );
    } else if (this.#command?.words.kind === "own") this.#operand(word, this.#command.words.most);
    else this.#files.push({ name: word });
  }

  #operand(word: string, most: number): void {
    this.#operands.push(word);
    if (this.#operands.length > most) this.#refuse(word);
  }

  #refuse(word: string): void {
    const name = this.#command?.name ?? "reeve";
    this.#error(`${name} does not take ${quote(word)}: see reeve help ${name}`);
  }

  #dashed(word: string): void {
    const equals = word.indexOf("=");
    const isLong = word.startsWith("--");
    const written = isLong ? word.slice(2, equals < 0 ? undefined : equals) : word.slice(1, 2);
    const attached = !isLong ? word.slice(2) || null : equals < 0 ? null : word.slice(equals + 1);
    if (this.#ownFlag(isLong ? `--${written}` : `-${written}`, written, attached)) return;
    const words = this.#command?.words;
    if (words?.kind !== "own" || isHelp(word)) {
      if (isLong) this.#long(word.slice(2));
      else this.#short(word.slice(1));
    } else if (words.options === undefined) this.#refuse(word);
    else if (isLong && equals >= 0) this.#long(word.slice(2));
    else {
      this.#error(
        `${this.#command?.name} does not take ${
          quote(word)
        }: options of the configuration are written --NAME=VALUE, ` +
          `a command stands behind "--"`,
      );
    }
  }

  /** Whether it is a flag of the command, which comes before an option of that name. */
  #ownFlag(shown: string, name: string, attached: string | null): boolean {
    const flag = this.#command === null ? null : findFlag(this.#command, name);
    if (flag === null || flag.value === undefined && attached !== null) return false;
    let value = attached ?? "";
    if (flag.value !== undefined) {
      value = attached ?? this.#next() ?? "";
      if (value === "") this.#error(`option ${quote(shown)} needs a value`);
    }
    this.#flags.set(flag.long, [...this.#flags.get(flag.long) ?? [], value]);
    return true;
  }

  #long(text: string): void {
    const equals = text.indexOf("=");
    const written = equals < 0 ? text : text.slice(0, equals);
    const attached = equals < 0 ? null : text.slice(equals + 1);
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
   * Letters that people know from other programs: -? the help, -V the version, -c the file that is to be
   * read. -v is an option with a number in uWSGI, and the version where it stands alone.
   */
  #isUsual(letter: string, rest: string): boolean {
    if (letter === "?") this.#asked = "help";
    else if (letter === "V" || letter === "v" && rest === "" && this.#argv.length === 1) {
      this.#asked = "version";
    } else if (letter === "v" && !/^[0-9]/.test(rest || (this.#argv[this.#at] ?? ""))) {
      this.#error('cannot use "-v": the log says everything already; for the version write "--version"');
    } else if (letter === "c") {
      const name = rest || this.#next();
      if (name === null) this.#error('option "-c" needs a value: the configuration file');
      else this.#files.push({ name });
    } else return false;
    return true;
  }

  /** The next word, as the value of an option; null where there is none: "--" is never one. */
  #next(): string | null {
    const value = this.#argv[this.#at];
    if (value === undefined || value === "--") return null;
    this.#at++;
    return value;
  }

  #add(name: string, shown: string, attached: string | null): void {
    let value = attached;
    if (value === null && this.#argumentOf(name) === "required") {
      value = this.#next();
      if (value === null) {
        this.#error(`option ${quote(shown)} needs a value`);
        return;
      }
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
   * getopt_long: the name itself, or the only one of uWSGI's that begins so; several names of one option
   * count as one. A name of reeve alone is written out, for the next version may have more of them.
   */
  #fullName(written: string): string | null {
    if (argumentOf(written) !== null || this.#custom.has(written)) return written;
    const names = [...allOptionNames(), ...this.#custom.keys()];
    const all = written === "" ? [] : names.filter((name) => name.startsWith(written));
    const matches = all.filter((name) => isUwsgiOption(name) || this.#custom.has(name));
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

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h" || word === "-?";
}
