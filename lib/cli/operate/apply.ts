/**
 * `reeve apply`: lets an instance take a changed configuration over, where only what differs is touched, and
 * ends with what became of it. A configuration that is refused is shown with its diagnostics.
 */
import { resolve } from "node:path";
import { EXIT } from "../shared/exit_code.ts";
import { appliedLines, hasDifferences } from "./show/applied.ts";
import { type Connection, resultOf } from "./connection.ts";
import type { OperateDeps } from "./deps.ts";
import { failureText, followChange } from "./follow_change.ts";
import { CommandFailure, type OperateWords } from "./words.ts";

/** The flags that the instance is told of. */
const TOLD = ["dry-run", "keep-removed", "restart-smart"];

export async function apply(words: OperateWords, connection: Connection, deps: OperateDeps): Promise<number> {
  const { outputs: { out } } = deps;
  const [file] = words.names;
  const told = TOLD.filter((flag) => words.has(flag)).map((flag) => [flag, true] as const);
  const named = file === undefined ? {} : { file: resolve(file) };
  const answer = await connection.ask("POST", "/v1/apply", { ...Object.fromEntries(told), ...named });
  const { result, change: id } = resultOf(answer);
  if (words.isJson) out.line(JSON.stringify(result, null, 2));
  else if (!words.isQuiet) { for (const line of appliedLines(result)) out.line(line); }
  if (id === null) return hasDifferences(result) ? EXIT.notUp : EXIT.ok;
  if (words.has("no-wait")) return EXIT.ok;
  const change = await followChange(id, words, connection, deps);
  if (change.error !== null) {
    throw new CommandFailure(EXIT.failure, await failureText(change, connection, deps));
  }
  return EXIT.ok;
}
