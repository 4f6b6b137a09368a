/**
 * Strings that stand for bytes which need not be UTF-8: environment variables, arguments and file names on
 * Linux are bytes, and those of reeve's users must reach a daemon as they came. A byte that is no part of
 * valid UTF-8 is the lone surrogate U+DC80 to U+DCFF (0xDC00 + byte), as Python has it (PEP 383). Pure. Must
 * never change what is valid.
 */

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// With the flag u, a class matches a surrogate only where it stands alone.
const NOT_A_BYTE = /[\ud800-\udc7f\udd00-\udfff]/u;
const BYTE = /[\udc80-\udcff]/u;

/** Whether `value` has bytes: whether it is well-formed, but for surrogates that stand for single ones. */
export function isByteText(value: string): boolean {
  return value.isWellFormed() || !NOT_A_BYTE.test(value);
}

/** The bytes of `value`. Throws RangeError where `isByteText` says no. */
export function encodeText(value: string): Uint8Array<ArrayBuffer> {
  if (value.isWellFormed()) return encoder.encode(value);
  const bytes: number[] = [];
  for (const character of value) {
    const code = character.codePointAt(0) ?? 0;
    if (BYTE.test(character)) bytes.push(code - 0xdc00);
    else if (NOT_A_BYTE.test(character)) throw new RangeError("text is not well-formed Unicode");
    else bytes.push(...encoder.encode(character));
  }
  return Uint8Array.from(bytes);
}

/** Any bytes as a string, which `encodeText` turns into the same bytes again. */
export function decodeBytes(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    // Not UTF-8 throughout: piece by piece.
  }
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes[at]!);
    const character = length === 0 ? null : decodeOne(bytes.subarray(at, at + length), length);
    text += character ?? String.fromCharCode(0xdc00 + bytes[at]!);
    at += character === null ? 1 : length;
  }
  return text;
}

/** How long the character is that begins with this byte; 0: none does. */
function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

function decodeOne(bytes: Uint8Array, length: number): string | null {
  if (bytes.length < length) return null;
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}
