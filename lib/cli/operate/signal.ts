/** `reeve signal SIGNAL NAME...`: a signal to daemons, which the instance sends. */
import { parseSignal, signalName } from "../../sys/signal_names.ts";
import { quote } from "../../config/problem.ts";
import { EXIT } from "../shared/exit_code.ts";
import type { Output } from "../shared/output.ts";
import { type Connection, resultOf } from "./connection.ts";
import { type OperateWords, wrong } from "./words.ts";

const LAST_NAMED = 31;

export async function signal(words: OperateWords, connection: Connection): Promise<number> {
  const [word = "", ...names] = words.names;
  const number = signalOf(word, names);
  resultOf(
    await connection.ask("POST", "/v1/signals", {
      signal: `SIG${signalName(number)}`,
      services: names,
      ...words.has("all-processes") ? { "all-processes": true } : {},
    }),
  );
  return EXIT.ok;
}

/** Throws CommandFailure before anything is asked. Pure. */
export function signalOf(word: string, names: readonly string[]): number {
  const number = parseSignal(word);
  if (number === null) {
    const hint = 'wanted a name or a number such as HUP, SIGUSR1 or 15; "reeve signal --list" shows them';
    throw wrong(word === "" ? `signal needs a signal: ${hint}` : `unknown signal ${quote(word)}: ${hint}`);
  }
  if (names.length === 0) {
    throw wrong(`signal needs the name of a daemon: reeve signal ${word} NAME..., or "all"`);
  }
  return number;
}

/** A line each: number and name. */
export function listSignals(out: Output): number {
  for (let number = 1; number <= LAST_NAMED; number++) {
    out.line(`${String(number).padStart(2)} ${signalName(number)}`);
  }
  out.line("34 RTMIN, to 64 RTMAX: RTMIN+1, RTMAX-1");
  return EXIT.ok;
}
