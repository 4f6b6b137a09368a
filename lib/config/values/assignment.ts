/**
 * NAME=VALUE, as env, set and their like take it. Pure. uWSGI takes what stands before the `=` for the name,
 * blanks and all, and a variable "A " is one that nobody finds.
 */

export interface Assignment {
  readonly name: string;
  /** null: there is no `=`. */
  readonly value: string | null;
  /** The sentence for the person who wrote it; null: it is as it should be. */
  readonly warning: string | null;
}

/**
 * Blanks around the name go; where one stands before the `=`, the one behind it does as well: `A = b` is
 * `A=b`.
 */
export function parseAssignment(text: string): Assignment {
  const equals = text.indexOf("=");
  const written = equals < 0 ? text : text.slice(0, equals);
  const rest = equals < 0 ? null : text.slice(equals + 1);
  const name = written.trim();
  if (name === written) return { name, value: rest, warning: null };
  const value = rest !== null && written.trimEnd() !== written ? rest.trimStart() : rest;
  const warning = `${JSON.stringify(written)} is taken for the name ${JSON.stringify(name)}: write ${name}` +
    (rest === null ? "" : "=VALUE, without blanks around the name");
  return { name, value, warning };
}
