/** Random requests, and what a parser makes of bytes that are cut at given places. */
import fc from "fast-check";
import { type HttpRequest, RequestParser } from "../../../lib/control/http/request_parser.ts";

const encoder = new TextEncoder();

export interface Wanted {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  /** The sizes of its chunks; null: it has a length. */
  readonly chunks: readonly number[] | null;
}

const name = fc.stringMatching(/^x-[a-z0-9-]{1,12}$/);
const value = fc.stringMatching(/^(?:[!-~](?:[ -~]{0,20}[!-~])?)?$/);

export const anyRequest: fc.Arbitrary<Wanted> = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "HEAD"),
  target: fc.stringMatching(/^\/[a-z0-9\/%.~-]{0,30}(?:\?[a-z0-9=&%*,]{0,30})?$/),
  fields: fc.uniqueArray(fc.tuple(name, value), { selector: ([one]) => one, maxLength: 6 }),
  body: fc.uint8Array({ maxLength: 300 }),
  chunks: fc.option(fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 6 })),
});

/** As it goes over the wire. */
export function encodeRequest({ method, target, fields, body, chunks }: Wanted): Uint8Array {
  const framing = chunks !== null
    ? "Transfer-Encoding: chunked\r\n"
    : body.length > 0
    ? `Content-Length: ${body.length}\r\n`
    : "";
  const lines = fields.map(([one, text]) => `${one}: ${text}\r\n`).join("");
  const head = encoder.encode(`${method} ${target} HTTP/1.1\r\n${framing}${lines}\r\n`);
  return Buffer.concat([head, ...chunks === null ? [body] : encodeChunks(body, chunks)]);
}

function encodeChunks(body: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const size of [...sizes, body.length]) {
    const part = body.subarray(at, at + size);
    at += part.length;
    if (part.length === 0) continue;
    parts.push(encoder.encode(`${part.length.toString(16)};note\r\n`), part, encoder.encode("\r\n"));
  }
  return [...parts, encoder.encode("0\r\n\r\n")];
}

/** Everything that comes out, with the bytes cut into pieces of these lengths, over and over. */
export function parseInPieces(bytes: Uint8Array, lengths: readonly number[]): HttpRequest[] {
  const parser = new RequestParser();
  const found: HttpRequest[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length] ?? 1;
    parser.push(bytes.subarray(at, at + length));
    at += length;
    for (let next = parser.next(); next !== null; next = parser.next()) found.push(next);
  }
  return found;
}
