/** Names of daemons and instances: what they may hold, and how one is made of any text. Pure. */
import type { Diagnostics } from "../diagnostic.ts";
import type { Origin } from "../origin.ts";
import { quote } from "../problem.ts";

/** In characters. */
const LONGEST = 64;
/** The longest name that is made up: two of them fit into a file name. */
const MOST_BYTES = 120;
/** The characters of a name, so that it serves as a file name and in a log line. */
const NAME = /^[\p{L}\p{N}_@][\p{L}\p{M}\p{N}_.@-]{0,63}$/u;

/** Whether it can be the name of a daemon or an instance. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

export function checkName(
  name: string,
  what: string,
  origin: Origin | null,
  diagnostics: Diagnostics,
): boolean {
  if (NAME.test(name)) return true;
  diagnostics.error(
    `cannot use ${quote(name)} as the ${what}: up to 64 letters, digits and _ . @ - are allowed, ` +
      `the first one no "." or "-"`,
    origin,
  );
  return false;
}

/** The text with everything that a name may not hold taken out; `otherwise` where nothing is left. */
export function nameFrom(text: string, otherwise: string): string {
  const name = text.normalize("NFC").replace(/[^\p{L}\p{M}\p{N}_.@-]+/gu, "_").replace(/^[\p{M}.-]+/u, "");
  return /[\p{L}\p{N}]/u.test(name) ? cut(name) : otherwise;
}

function cut(name: string): string {
  // Most names are a few bytes long, and there may be ten thousand of them.
  if (/^[ -~]{1,64}$/.test(name)) return name;
  let bytes = 0;
  let cut = "";
  for (const character of [...name].slice(0, LONGEST)) {
    bytes += new TextEncoder().encode(character).length;
    if (bytes > MOST_BYTES) break;
    cut += character;
  }
  return cut;
}
