/** The words behind `reeve enter`: which instance, where to, as whom. Words only; nothing is looked up. */

export interface EnterWords {
  /** Words of a command line that reads the instance's configuration; null: the one instance that runs is meant. */
  readonly configuration: readonly string[] | null;
  /** The daemon whose namespaces are meant; null: the instance's jail. */
  readonly daemon: string | null;
  readonly user: string | null;
  readonly isHelp: boolean;
}

/** It says what is wrong with the words. */
export class WrongWords extends Error {}

export function parseEnterWords(words: readonly string[]): EnterWords {
  const configuration: string[] = [];
  const names: string[] = [];
  let user: string | null = null;
  let isJail = false;
  let isHelp = false;
  let at = 0;
  const valueOf = (option: string): string => {
    const value = words[at++];
    if (value === undefined || value === "") throw new WrongWords(`option "${option}" needs a value`);
    return value;
  };
  while (at < words.length) {
    const word = words[at++] ?? "";
    if (word === "-h" || word === "--help") isHelp = true;
    else if (word === "-c" || word === "--config") configuration.push(valueOf(word));
    else if (word.startsWith("--config=")) configuration.push(word.slice("--config=".length));
    else if (word === "-u" || word === "--user") user = valueOf(word);
    else if (word.startsWith("--user=")) user = word.slice("--user=".length);
    else if (word === "--jail") isJail = true;
    else if (word.startsWith("--") && word.includes("=")) configuration.push(word);
    else if (word.startsWith("-")) {
      throw new WrongWords(
        `enter does not take "${word}": options of the configuration are written --NAME=VALUE, a command stands behind "--"`,
      );
    } else names.push(word);
  }
  const [daemon = null, stray] = names;
  if (stray !== undefined) {
    throw new WrongWords(`enter takes one daemon, not also "${stray}": a command stands behind "--"`);
  }
  if (daemon !== null && isJail) {
    throw new WrongWords(`enter takes --jail or the daemon "${daemon}", not both`);
  }
  return { configuration: configuration.length === 0 ? null : configuration, daemon, user, isHelp };
}
