/** The words behind a command to a running instance, checked. Words only: nothing is asked. */
import type { CommandLine } from "../shared/argv.ts";
import { EXIT } from "../shared/exit_code.ts";
import { quote } from "../../config/problem.ts";
import { readDuration } from "./show/quantity.ts";

/** Ends a command: its text is for people, its code for scripts. */
export class CommandFailure extends Error {
  readonly code: number;

  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }
}

/** Which instance is meant; all null: the one that runs. */
export interface InstanceWords {
  /** FILE or FILE:SECTION. */
  readonly config: string | null;
  readonly name: string | null;
  readonly socket: string | null;
}

export interface OperateWords {
  readonly command: string;
  readonly names: readonly string[];
  readonly instance: InstanceWords;
  /** Seconds; null: none was said. */
  readonly timeout: number | null;
  readonly isQuiet: boolean;
  readonly isJson: boolean;
  /** A flag without a value was given. */
  has(flag: string): boolean;
  /** The last value of a flag; null: it was not given. */
  value(flag: string): string | null;
}

/** Throws CommandFailure. */
export function operateWords(
  { command, operands, flags }: Pick<CommandLine, "command" | "operands" | "flags">,
) {
  const value = (flag: string): string | null => flags.get(flag)?.at(-1) ?? null;
  const has = (flag: string): boolean => flags.has(flag);
  const [config, name, socket] = [value("config"), value("instance"), value("socket")];
  const said = [config, name, socket].filter((one) => one !== null);
  if (said.length > 1) throw wrong(`${command} takes one of --config, --instance and --socket`);
  const words: OperateWords = {
    command,
    names: operands,
    instance: { config, name, socket },
    timeout: timeoutOf(value("timeout")),
    isQuiet: has("quiet"),
    isJson: has("json"),
    has,
    value,
  };
  return words;
}

/** Throws CommandFailure where no name was given. */
export function needNames({ command, names }: OperateWords): void {
  if (names.length > 0) return;
  throw wrong(
    `${command} needs the name of a daemon: reeve ${command} NAME..., or "all"; "reeve status" shows them`,
  );
}

export function wrong(text: string): CommandFailure {
  return new CommandFailure(EXIT.usage, text);
}

function timeoutOf(text: string | null): number | null {
  if (text === null) return null;
  const seconds = readDuration(text);
  if (seconds !== null && seconds > 0 && seconds <= 1e9) return seconds;
  throw wrong(`cannot use --timeout=${quote(text)}: wanted a time such as 30s, 2m or 500ms`);
}
