/**
 * Makes untrusted text safe inside one log line: no line can be forged, no terminal commanded. Never changes
 * text that is already safe, so that commands and paths stay as people typed them.
 */

/**
 * C0 and C1 controls and DEL (terminal commands), the two Unicode line ends, the bidirectional overrides
 * (they make a terminal show another text than is there) and halves of surrogate pairs (they cannot be
 * written as UTF-8).
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const UNSAFE_ONCE = new RegExp(UNSAFE.source);

const SHORT: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\x1b": "\\x1b",
};

function escapeCharacter(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** The text with every unsafe character written as an escape: "\n", "\x1b", "\u202e". */
export function escapeControls(text: string): string {
  return UNSAFE_ONCE.test(text) ? text.replace(UNSAFE, escapeCharacter) : text;
}

/**
 * A field's value for `key=value`: bare where it is one plain word, else in double quotes with \ and "
 * escaped.
 */
export function quoteValue(value: string): string {
  if (value !== "" && !/[\s"=\\]/.test(value)) return escapeControls(value);
  return `"${escapeControls(value.replace(/[\\"]/g, "\\$&"))}"`;
}

/** JSON on one line, with those characters escaped too that JSON itself would let through to a terminal. */
export function safeJson(value: unknown): string {
  const json = JSON.stringify(value);
  return UNSAFE_ONCE.test(json)
    ? json.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
    : json;
}
