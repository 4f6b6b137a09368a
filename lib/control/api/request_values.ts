/**
 * Reads what a request says, from its query and its body, and refuses what has the wrong form with the name
 * of what is wrong. Pure; nothing of a request is believed that has not passed here.
 */
import { parseSignal } from "../../sys/signal_names.ts";
import { findNamed, type Nameable, unknownText } from "../names.ts";
import type { Request } from "../request.ts";
import { Refusal } from "./deps.ts";

const LONGEST_MS = 24 * 3600 * 1000;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Fields of a body, which has to be an object; none: there is no body. */
export function bodyOf(
  { body }: Pick<Request, "body">,
  known: readonly string[],
): ReadonlyMap<string, unknown> {
  if (body === null || body === undefined) return new Map();
  if (typeof body !== "object" || Array.isArray(body)) throw bad("the body must be a JSON object");
  const fields = new Map(Object.entries(body));
  for (const name of fields.keys()) {
    if (!known.includes(name)) throw bad(`unknown field "${name}": known are ${known.join(", ")}`);
  }
  return fields;
}

export function flagOf(body: ReadonlyMap<string, unknown>, name: string): boolean {
  const value = body.get(name) ?? false;
  if (typeof value !== "boolean") throw bad(`"${name}" must be true or false`);
  return value;
}

export function textOf(body: ReadonlyMap<string, unknown>, name: string): string {
  const value = body.get(name);
  if (typeof value !== "string" || value === "") throw bad(`"${name}" must be a text`);
  return value;
}

export function textsOf(body: ReadonlyMap<string, unknown>, name: string): readonly string[] {
  const value = body.get(name) ?? [];
  if (!Array.isArray(value)) throw bad(`"${name}" must be a list of texts`);
  return value.map((one: unknown) => {
    if (typeof one !== "string") throw bad(`"${name}" must be a list of texts`);
    return one;
  });
}

/** A duration like pebble's (Go's): `10s`, `1m30s`, `4.000s`. Milliseconds; null: none was given. */
export function durationOf(written: unknown, name: string): number | null {
  if (written === null || written === undefined || written === "") return null;
  if (typeof written !== "string" || !/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(written)) {
    throw bad(`"${name}" must be a duration such as "10s"`);
  }
  let total = 0;
  for (const [, count, unit] of written.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    total += Number(count) * (UNITS[unit ?? ""] ?? 0);
  }
  return Math.min(total, LONGEST_MS);
}

/** `true`, `false`, or nothing. */
export function isAsked({ query }: Pick<Request, "query">, name: string): boolean {
  const value = query.get(name) ?? "false";
  if (value !== "true" && value !== "false") throw bad(`"${name}" must be true or false`);
  return value === "true";
}

/** The words of a list joined by commas, given once or more often. */
export function listOf({ query }: Pick<Request, "query">, name: string): readonly string[] {
  return query.getAll(name).flatMap((value) => value.split(",")).filter((word) => word !== "");
}

export function signalOf(body: ReadonlyMap<string, unknown>): number {
  const written = textOf(body, "signal");
  const number = parseSignal(written);
  if (number === null) throw bad(`"${written}" is no signal`);
  return number;
}

/** The daemons that these words name, or a refusal that says which of them name none. */
export function named(words: readonly string[], daemons: readonly Nameable[]): readonly string[] {
  const found = findNamed(words, daemons);
  if (found.known) return found.names;
  const value = found.unknown.map(({ word }) => word);
  throw new Refusal(404, "not-found", unknownText(found.unknown), value);
}

export function bad(message: string): Refusal {
  return new Refusal(400, "bad-request", message);
}
