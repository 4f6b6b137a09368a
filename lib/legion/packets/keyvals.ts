/**
 * uWSGI's list of keys and values, as it stands in the plaintext of a legion's packet: for each a 16-bit
 * length, the key, a 16-bit length, the value, all little-endian. Pure. Must never read outside the bytes
 * that it was given.
 */

const LENGTH_SIZE = 2;
const LONGEST = 0xffff;

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");

export interface KeyValue {
  /** ASCII in all packets that mean something; other bytes come as Latin-1. */
  readonly key: string;
  readonly value: Uint8Array;
  /** Where the key's length stands: all that came before it. */
  readonly offset: number;
}

/** Throws RangeError when a key or value is longer than its 16-bit length can say. */
export function writeKeyValues(pairs: Iterable<readonly [key: string, value: Uint8Array]>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [key, value] of pairs) {
    const name = encoder.encode(key);
    parts.push(lengthOf(name, key), name, lengthOf(value, key), value);
  }
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function lengthOf({ length }: Uint8Array, key: string): Uint8Array {
  if (length > LONGEST) throw new RangeError(`cannot encode "${key}": ${length} bytes, ${LONGEST} at most`);
  return Uint8Array.of(length & 0xff, length >> 8);
}

/**
 * All pairs in their order, repeats included; the values are views of `bytes`. null when a length leads
 * beyond the end, or a key is empty: uWSGI refuses the whole packet then.
 */
export function readKeyValues(bytes: Uint8Array): KeyValue[] | null {
  const pairs: KeyValue[] = [];
  for (let at = 0; at < bytes.length;) {
    const offset = at;
    const key = take(bytes, at);
    if (key === null || key.length === 0) return null;
    at += LENGTH_SIZE + key.length;
    const value = take(bytes, at);
    if (value === null) return null;
    at += LENGTH_SIZE + value.length;
    pairs.push({ key: latin1.decode(key), value, offset });
  }
  return pairs;
}

function take(bytes: Uint8Array, at: number): Uint8Array | null {
  if (at + LENGTH_SIZE > bytes.length) return null;
  const start = at + LENGTH_SIZE;
  const end = start + (bytes[at]! | (bytes[at + 1]! << 8));
  return end > bytes.length ? null : bytes.subarray(start, end);
}
