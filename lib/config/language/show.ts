/**
 * show-config: the flattened configuration in the words of uWSGI, so that both can be compared line by line.
 * Pure.
 */
import { HIDDEN, maskOption, secretOf } from "../plan/mask.ts";
import type { RawOption } from "../origin.ts";

/**
 * uWSGI prints "true" for an option without a value on the command line, which is what its value is here. It
 * shows the secrets of legions; here they are hidden, in placeholders too, for the text may go to a log.
 */
export function showConfiguration(shown: readonly RawOption[]): string {
  const values = new Map(shown.map(({ name, value }) => [name, value]));
  const secrets = new Set(shown.flatMap(({ name, value }) => secretsOf(name, value, values)));
  const lines = shown.map(({ name, value }) => `${name} = ${hide(maskOption(name, value), secrets)}\n`);
  return `\n;uWSGI instance configuration\n[uwsgi]\n${lines.join("")};end of configuration\n\n`;
}

/** The secret, its words, and the placeholders in it: where `exit` ends the reading they are not expanded. */
function secretsOf(name: string, value: string, values: ReadonlyMap<string, string>): readonly string[] {
  const secret = secretOf(name, value);
  if (secret === null) return [];
  const named = [...secret.matchAll(/%\(([^()]+)\)/g)].map((reference) =>
    values.get(reference[1] ?? "") ?? ""
  );
  return [secret, ...secret.split(" "), ...named].filter((text) => text !== "");
}

/** Shorter ones are part of many words that are no secret. */
const SHORTEST_FOUND_ANYWHERE = 6;

/**
 * In placeholders, which a line of a legion refers to as %(NAME), in `set`, in the templates of
 * declare-option.
 */
function hide(value: string, secrets: ReadonlySet<string>): string {
  let shown = value.replace(
    /(^|[=;])(legion|legion-mcast|legion-auth)=([^;]*)/g,
    (_, before: string, name: string, text: string) => `${before}${name}=${maskOption(name, text)}`,
  );
  for (const secret of secrets) {
    if (shown === secret) return HIDDEN;
    if (shown.endsWith(`=${secret}`)) shown = shown.slice(0, -secret.length) + HIDDEN;
    if (secret.length >= SHORTEST_FOUND_ANYWHERE) shown = shown.replaceAll(secret, HIDDEN);
  }
  return shown;
}
