/** show-config: the flattened configuration in the words of uWSGI, so that both can be compared line by line. Pure. */
import { HIDDEN, maskOption, secretOf } from "./mask.ts";
import type { RawOption } from "./origin.ts";

/**
 * uWSGI prints "true" for an option without a value on the command line, which is what its value is here. It shows the secrets
 * of legions; here they are hidden, in placeholders too, for the text may go to a log.
 */
export function showConfiguration(shown: readonly RawOption[]): string {
  const secrets = new Set(shown.flatMap(({ name, value }) => secretsOf(name, value)));
  const lines = shown.map(({ name, value }) => `${name} = ${hide(maskOption(name, value), secrets)}\n`);
  return `\n;uWSGI instance configuration\n[uwsgi]\n${lines.join("")};end of configuration\n\n`;
}

/** The secret, and without the IV behind it. */
function secretsOf(name: string, value: string): readonly string[] {
  const secret = secretOf(name, value);
  return secret === null ? [] : [secret, secret.split(" ", 1)[0] ?? ""];
}

/** `VALUE` and `NAME=VALUE`, which a line of a legion refers to as %(NAME). */
function hide(value: string, secrets: ReadonlySet<string>): string {
  if (secrets.size === 0) return value;
  if (secrets.has(value)) return HIDDEN;
  const equals = value.indexOf("=");
  return equals > 0 && secrets.has(value.slice(equals + 1)) ? value.slice(0, equals + 1) + HIDDEN : value;
}
