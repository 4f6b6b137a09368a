/** Requests come out the same however they are cut, and nothing beyond a limit or of two meanings does. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HttpFault } from "../../../lib/control/http/fault.ts";
import { MOST_BODY_BYTES, MOST_HEAD_BYTES, RequestParser } from "../../../lib/control/http/request_parser.ts";
import { anyRequest, encodeRequest, parseInPieces } from "./requests.ts";

const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

test("several requests in a row come out whole wherever the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(anyRequest, { minLength: 1, maxLength: 4 }), pieces, (wanted, lengths) => {
      const found = parseInPieces(Buffer.concat(wanted.map(encodeRequest)), lengths);
      expect(found.map(({ method, path, query, body }) => ({ method, path, query, body: Buffer.from(body) })))
        .toEqual(wanted.map(({ method, target, body }) => ({
          method,
          path: target.split("?")[0]!,
          query: target.split("?").slice(1).join("?"),
          body: Buffer.from(body),
        })));
      for (const [index, { fields }] of wanted.entries()) {
        for (const [name, value] of fields) expect(found[index]?.fields.get(name)).toBe(value);
      }
    }),
  );
});

test("any bytes give requests or one fault, and the same ones wherever they are cut", () => {
  const noise = fc.array(
    fc.oneof(
      anyRequest.map(encodeRequest),
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom("\r\n", "\n", ":", " ", "0\r\n", "GET / HTTP/1.1\r\n", "Content-Length: 5\r\n")
        .map((text) => Buffer.from(text)),
    ),
    { maxLength: 8 },
  ).map((parts) => Buffer.concat(parts));
  const outcome = (bytes: Uint8Array, lengths: readonly number[]): unknown => {
    try {
      return parseInPieces(bytes, lengths).length;
    } catch (error) {
      if (error instanceof HttpFault) return error.message;
      throw error;
    }
  };
  fc.assert(
    fc.property(noise, pieces, (bytes, lengths) => {
      expect(outcome(bytes, lengths)).toEqual(outcome(bytes, [1]));
    }),
    { numRuns: 500 },
  );
});

function faultOf(text: string | Uint8Array, step = 7): HttpFault | null {
  try {
    parseInPieces(typeof text === "string" ? Buffer.from(text, "latin1") : text, [step]);
    return null;
  } catch (error) {
    if (error instanceof HttpFault) return error;
    throw error;
  }
}

const HEAD = "POST /v1/services HTTP/1.1\r\n";

describe("refused is", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ["a line that ends without CR", "GET / HTTP/1.1\n\n", 400],
    ["a word of a method that is none", "get / HTTP/1.1\r\n\r\n", 400],
    ["a target without a slash", "GET http://localhost/ HTTP/1.1\r\n\r\n", 400],
    ["a space too many", "GET  / HTTP/1.1\r\n\r\n", 400],
    ["HTTP/2", "PRI / HTTP/2.0\r\n\r\n", 505],
    ["a folded header", `${HEAD}A: b\r\n c\r\n\r\n`, 400],
    ["a space before a colon", `${HEAD}Content-Length : 3\r\n\r\nabc`, 400],
    ["a NUL in a header", `${HEAD}A: b\0c\r\n\r\n`, 400],
    ["two lengths", `${HEAD}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, 400],
    ["a negative length", `${HEAD}Content-Length: -3\r\n\r\n`, 400],
    ["a length with a sign", `${HEAD}Content-Length: +3\r\n\r\nabc`, 400],
    ["a length in hexadecimal", `${HEAD}Content-Length: 0x3\r\n\r\nabc`, 400],
    ["an empty length", `${HEAD}Content-Length:\r\n\r\n`, 400],
    ["a list of lengths", `${HEAD}Content-Length: 3, 3\r\n\r\nabc`, 400],
    ["a length of many digits", `${HEAD}Content-Length: ${"9".repeat(40)}\r\n\r\n`, 400],
    ["a length beyond the limit", `${HEAD}Content-Length: ${MOST_BODY_BYTES + 1}\r\n\r\n`, 413],
    ["a length and chunks", `${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
    ["gzip", `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n`, 501],
    ["chunks of HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400],
    ["two hosts", "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400],
    ["a chunk longer than its size", `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n`, 400],
    ["a chunk of no size", `${HEAD}Transfer-Encoding: chunked\r\n\r\n\r\n`, 400],
    ["a chunk of many digits", `${HEAD}Transfer-Encoding: chunked\r\n\r\n${"f".repeat(9)}\r\n`, 400],
    ["a chunk's endless size", `${HEAD}Transfer-Encoding: chunked\r\n\r\n1;${"x".repeat(900)}`, 400],
    ["a trailer", `${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n`, 400],
    ["an expectation that nobody knows", `${HEAD}Expect: wonders\r\n\r\n`, 417],
  ];
  for (const [name, text, status] of cases) {
    test(name, () => {
      expect(faultOf(text)?.status).toBe(status);
      expect(faultOf(text, 1)?.status).toBe(status);
      expect(faultOf(text, text.length)?.status).toBe(status);
    });
  }
});

test("a head of 64 KB is refused as soon as it is over the limit", () => {
  const parser = new RequestParser();
  const line = Buffer.from(`A: ${"b".repeat(1000)}\r\n`);
  parser.push(Buffer.from("GET / HTTP/1.1\r\n"));
  let sent = 0;
  expect(() => {
    for (; sent < 65_536; sent += line.length) {
      parser.push(line);
      parser.next();
    }
  }).toThrow(`longer than ${MOST_HEAD_BYTES} bytes`);
  expect(sent).toBeLessThan(MOST_HEAD_BYTES + line.length);
  expect(() => parser.next()).toThrow(HttpFault);
});

test("a line without an end is refused at the same limit", () => {
  expect(faultOf(`GET /${"a".repeat(65_536)}`, 1000)?.status).toBe(431);
});

test("a body in chunks is refused when it is over the limit, whatever each chunk has", () => {
  const chunk = Buffer.from(`10000\r\n${"x".repeat(0x10000)}\r\n`);
  const head = Buffer.from(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
  const end = Buffer.from("0\r\n\r\n");
  const whole = Buffer.concat([head, ...Array<Buffer>(16).fill(chunk), end]);
  expect(parseInPieces(whole, [5000])[0]?.body.length).toBe(MOST_BODY_BYTES);
  expect(faultOf(Buffer.concat([head, ...Array<Buffer>(17).fill(chunk), end]), 5000)?.status).toBe(413);
});

test("a client that waits for 100 Continue is told so once, and not when its body has come", () => {
  const parser = new RequestParser();
  parser.push(Buffer.from(`${HEAD}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n`));
  expect(parser.next()).toBeNull();
  expect(parser.takeContinue()).toBe(true);
  expect(parser.takeContinue()).toBe(false);
  parser.push(Buffer.from(`abc${HEAD}Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc`));
  expect(parser.next()?.body).toEqual(Buffer.from("abc"));
  expect(parser.next()?.body).toEqual(Buffer.from("abc"));
  expect(parser.takeContinue()).toBe(false);
});

test("the connection is kept as the version and the header say", () => {
  const keeps = (text: string): boolean | undefined => parseInPieces(Buffer.from(text), [100])[0]?.keepsAlive;
  expect(keeps("GET / HTTP/1.1\r\n\r\n")).toBe(true);
  expect(keeps("GET / HTTP/1.1\r\nConnection: a, Close\r\n\r\n")).toBe(false);
  expect(keeps("GET / HTTP/1.0\r\n\r\n")).toBe(false);
  expect(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")).toBe(true);
});
