/** Header fields, as strictly as RFC 9110 allows: nothing is folded, guessed or repaired. Pure. */
import { HttpFault } from "./fault.ts";

/** Names in lower case. */
export type Fields = Map<string, string>;

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const FORBIDDEN_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
/** Two of these could be read in two ways. */
const SINGLE: ReadonlySet<string> = new Set([
  "content-length",
  "transfer-encoding",
  "host",
  "content-type",
  "expect",
]);
/** More digits than any limit has. */
const LENGTH = /^[0-9]{1,15}$/;

/** Throws HttpFault. */
export function addField(fields: Fields, line: string): void {
  const colon = line.indexOf(":");
  const rawName = line.slice(0, Math.max(colon, 0));
  if (!NAME.test(rawName) || FORBIDDEN_IN_VALUE.test(line.slice(colon + 1))) {
    throw new HttpFault(400, "a header line is malformed");
  }
  const name = rawName.toLowerCase();
  const value = line.slice(colon + 1).trim();
  const before = fields.get(name);
  if (before !== undefined && SINGLE.has(name)) {
    throw new HttpFault(400, `header "${name}" is there twice`);
  }
  fields.set(name, before === undefined ? value : `${before}, ${value}`);
}

/** How the end of a body is known; null: neither header says. Throws HttpFault. */
export function framing(fields: Fields): { readonly length: number } | "chunked" | null {
  const length = fields.get("content-length");
  const coding = fields.get("transfer-encoding");
  if (coding !== undefined) {
    if (length !== undefined) {
      throw new HttpFault(400, "content-length and transfer-encoding exclude each other");
    }
    if (coding.toLowerCase() !== "chunked") throw new HttpFault(501, "the only transfer-encoding is chunked");
    return "chunked";
  }
  if (length === undefined) return null;
  if (!LENGTH.test(length)) throw new HttpFault(400, "content-length is no number");
  return { length: Number(length) };
}

/** Whether a list such as that of "connection" has the word. */
export function hasWord(value: string | undefined, word: string): boolean {
  return value?.toLowerCase().split(",").some((one) => one.trim() === word) ?? false;
}
