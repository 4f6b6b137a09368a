/**
 * `reeve reload`: as SIGHUP, and ends with what became of it. A configuration that is refused is shown with
 * its diagnostics, as `reeve check` shows them.
 */
import { EXIT } from "../shared/exit_code.ts";
import { printable } from "../shared/output.ts";
import type { Change } from "./show/change.ts";
import { type Connection, resultOf } from "./connection.ts";
import type { OperateDeps } from "./deps.ts";
import { followChange } from "./follow_change.ts";
import { CommandFailure, type OperateWords } from "./words.ts";

export async function reload(
  words: OperateWords,
  connection: Connection,
  deps: OperateDeps,
): Promise<number> {
  const { change: id } = resultOf(await connection.ask("POST", "/v1/reload", {}));
  if (id === null) throw new CommandFailure(EXIT.failure, "cannot follow the reload: it has no number");
  const say = (text: string): void => void (words.isQuiet || deps.outputs.out.line(text));
  if (words.has("no-wait")) say(`change ${printable(id)}`);
  else {
    const change = await followChange(id, words, connection, deps);
    if (change.error !== null) throw failureOf(change, change.error);
    say("reloaded");
  }
  return EXIT.ok;
}

/** Faults of the configuration stand before the reason; where there are none the reload failed otherwise. */
function failureOf({ tasks }: Change, error: string): CommandFailure {
  const found = tasks.flatMap(({ log }) => log).slice(0, -1);
  const text = [...found, printable(error)].join("\n");
  return new CommandFailure(found.length > 0 ? EXIT.usage : EXIT.failure, text);
}
