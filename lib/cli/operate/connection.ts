/**
 * What the commands need of a running instance: questions, and streams of lines. Must never decide what an
 * answer means for a command; errors are told apart here, by what the instance says of them.
 */
import type { ClientAnswer } from "../../control/client.ts";
import { EXIT } from "../shared/exit_code.ts";
import { printable } from "../shared/output.ts";
import { type Fields, fieldsOf, textOf } from "./show/fields.ts";
import { CommandFailure } from "./words.ts";

export interface Connection {
  /** Rejects with ConnectionLost where the instance went away before it answered. */
  ask(method: "GET" | "POST", path: string, body?: unknown): Promise<ClientAnswer>;
  /**
   * The lines of a stream that has begun: all that happens from now on is in it. It ends when the instance
   * ends it. Rejects with CommandFailure, or ConnectionLost.
   */
  follow(path: string): Promise<AsyncIterable<string>>;
  close(): void;
}

const CODES: Readonly<Record<string, number>> = {
  "bad-request": EXIT.usage,
  "permission-denied": EXIT.denied,
  "not-found": EXIT.unknownName,
  timeout: EXIT.timeout,
};

/** The result of an answer, and its change where it has one; throws CommandFailure for a refusal. */
export function resultOf(
  { status, body }: ClientAnswer,
): { readonly result: unknown; readonly change: string | null } {
  const envelope = fieldsOf(body);
  if (status >= 400) throw refusalOf(status, envelope);
  return { result: envelope["result"], change: textOf(envelope["change"]) };
}

function refusalOf(status: number, envelope: Fields): CommandFailure {
  const result = fieldsOf(envelope["result"]);
  const kind = textOf(result["kind"]) ?? "";
  const message = textOf(result["message"]) ?? `the instance answered with status ${status}`;
  return new CommandFailure(CODES[kind] ?? EXIT.failure, printable(message));
}

/** `/v1/x?names=a,b`: a path with those fields of a query that are not null. */
export function pathWith(path: string, query: Readonly<Record<string, string | null>>): string {
  const fields = Object.entries(query).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${encodeURIComponent(value)}`]
  );
  return fields.length === 0 ? path : `${path}?${fields.join("&")}`;
}

/** The value of a field `names`; null: all. */
export function namesField(names: readonly string[]): string | null {
  return names.length === 0 ? null : names.join(",");
}
