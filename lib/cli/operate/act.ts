/** `reeve start`, `stop` and `restart`: asks for the change, and waits until it is done. */
import { EXIT } from "../shared/exit_code.ts";
import { printable } from "../shared/output.ts";
import type { Change } from "./show/change.ts";
import { type Connection, resultOf } from "./connection.ts";
import type { OperateDeps } from "./deps.ts";
import { failureText, followChange } from "./follow_change.ts";
import { CommandFailure, type OperateWords } from "./words.ts";

/** The flags that the instance is told of. */
const TOLD = ["with-dependents", "if-running", "persist"];
const PAST: Readonly<Record<string, string>> = { start: "started", stop: "stopped", restart: "restarted" };
/** More are counted. */
const MOST_NAMED = 8;

export async function act(words: OperateWords, connection: Connection, deps: OperateDeps): Promise<number> {
  const { command, names, isQuiet } = words;
  const told = TOLD.filter((flag) => words.has(flag)).map((flag) => [flag, true] as const);
  const answer = await connection.ask("POST", "/v1/services", {
    action: command,
    services: names,
    ...Object.fromEntries(told),
  });
  const { change: id } = resultOf(answer);
  if (id === null) {
    throw new CommandFailure(EXIT.failure, "cannot follow what was asked for: it has no number");
  }
  if (words.has("no-wait")) {
    if (!isQuiet) deps.outputs.out.line(`change ${printable(id)}`);
    return EXIT.ok;
  }
  const change = await followChange(id, words, connection, deps);
  if (change.error !== null) {
    throw new CommandFailure(EXIT.failure, await failureText(change, connection, deps));
  }
  if (!isQuiet) { for (const line of doneLines(command, change)) deps.outputs.out.line(line); }
  return EXIT.ok;
}

/** Pure. */
function doneLines(command: string, { tasks }: Change): string[] {
  const done = tasks.filter(({ isAboutDaemon }) => isAboutDaemon);
  const names = [...new Set(done.map(({ name }) => name))];
  const past = PAST[command] ?? command;
  const told = tasks.flatMap(({ log }) => log);
  if (names.length === 0) return [...told, "nothing was to be done"];
  return [
    ...told,
    names.length > MOST_NAMED ? `${past} ${names.length} daemons` : `${past} ${names.join(", ")}`,
  ];
}
