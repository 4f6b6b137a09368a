/** The words behind `reeve enter`: which instance, where to, as whom. Words only; nothing is looked up. */
import type { FileArgument } from "../../config/language/load.ts";
import type { RawOption } from "../../config/origin.ts";
import type { CommandLine } from "../shared/argv.ts";

export interface EnterWords {
  /** The words that name the instance's configuration; null: the one instance that runs is meant. */
  readonly configuration: {
    readonly files: readonly FileArgument[];
    readonly options: readonly RawOption[];
  } | null;
  /** The daemon whose namespaces are meant; null: the instance's jail. */
  readonly daemon: string | null;
  readonly user: string | null;
}

/** It says what is wrong with the words. */
export class WrongWords extends Error {}

export function enterWords(
  { flags, operands, options }: Pick<CommandLine, "flags" | "operands" | "options">,
): EnterWords {
  const files = (flags.get("config") ?? []).map((name) => ({ name }));
  const [daemon = null] = operands;
  if (daemon !== null && flags.has("jail")) {
    throw new WrongWords(`enter takes --jail or the daemon "${daemon}", not both`);
  }
  return {
    configuration: files.length === 0 && options.length === 0 ? null : { files, options },
    daemon,
    user: flags.get("user")?.at(-1) ?? null,
  };
}
