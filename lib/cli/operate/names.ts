/**
 * `reeve names`: what completion offers for the name of a daemon. It is asked while somebody types: after
 * 200 ms it gives up, and it never says why it found nothing.
 */
import { EXIT } from "../shared/exit_code.ts";
import { printable } from "../shared/output.ts";
import type { OperateDeps } from "./deps.ts";
import { textOf, textsOf } from "./show/fields.ts";
import { askServices } from "./services.ts";
import type { InstanceWords } from "./words.ts";

const PATIENCE_MS = 200;

/** `words`: those of the command line that is typed. */
export async function names(words: readonly string[], deps: OperateDeps): Promise<number> {
  const found = await Promise.race([
    findNames(instanceIn(words), deps).catch(() => []),
    deps.sleep(PATIENCE_MS).then(() => []),
  ]);
  for (const name of found) deps.outputs.out.line(name);
  return EXIT.ok;
}

async function findNames(instance: InstanceWords, deps: OperateDeps): Promise<readonly string[]> {
  const connection = await deps.connect(instance);
  const services = await askServices(connection, []);
  const tags = services.flatMap((fields) => textsOf(fields["tags"]).map((tag) => `@${tag}`));
  const all = [...services.flatMap((fields) => textOf(fields["name"]) ?? []), ...new Set(tags)];
  return all.filter((name) => name === printable(name));
}

/** The words that say which instance is meant; others are let be. Pure. */
export function instanceIn(words: readonly string[]): InstanceWords {
  const value = (...flags: readonly string[]): string | null => {
    for (const [at, word] of words.entries()) {
      if (flags.includes(word)) return words[at + 1] ?? null;
      const flag = flags.find((one) => one.startsWith("--") && word.startsWith(`${one}=`));
      if (flag !== undefined) return word.slice(flag.length + 1);
    }
    return null;
  };
  return { config: value("-c", "--config"), name: value("--instance"), socket: value("--socket") };
}
