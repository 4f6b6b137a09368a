/** What the writer writes the parser reads, wherever it is cut; what ends too early is no answer. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { ResponseParser } from "../../../lib/control/http/response_parser.ts";
import { chunk, CONTINUE, LAST_CHUNK, responseHead } from "../../../lib/control/http/response_writer.ts";

function read(
  bytes: Uint8Array,
  step: number,
): { status: number | undefined; body: string; isComplete: boolean } {
  const parser = new ResponseParser();
  const parts: Uint8Array[] = [];
  const take = (): void => {
    for (let part = parser.read(); part !== null; part = parser.read()) parts.push(part);
  };
  for (let at = 0; at < bytes.length; at += step) {
    parser.push(bytes.subarray(at, at + step));
    take();
  }
  parser.end();
  take();
  return {
    status: parser.head()?.status,
    body: Buffer.concat(parts).toString(),
    isComplete: parser.isComplete,
  };
}

const head = (length: number | null, takesChunks = true): Uint8Array =>
  responseHead({ status: 200, type: "application/json", length, takesChunks, keepsAlive: true });

test("an answer of a known length, in chunks, or until the end is read as it was written", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 30 }),
      (texts, step) => {
        const parts = texts.map((text) => Buffer.from(text));
        const whole = Buffer.concat(parts);
        const wanted = { status: 200, body: whole.toString(), isComplete: true };
        expect(read(Buffer.concat([CONTINUE, head(whole.length), whole]), step)).toEqual(wanted);
        expect(read(Buffer.concat([head(null), ...parts.map(chunk), LAST_CHUNK]), step)).toEqual(wanted);
        expect(read(Buffer.concat([head(null, false), whole]), step)).toEqual(wanted);
      },
    ),
  );
});

test("an answer that ends before its end is none", () => {
  expect(() => read(Buffer.concat([head(5), Buffer.from("abc")]), 4)).toThrow("in the middle of the answer");
  expect(() => read(Buffer.concat([head(null), chunk(Buffer.from("abc"))]), 4)).toThrow("in the middle");
  expect(() => read(Buffer.from("HTTP/1.1 200 OK\r\n"), 4)).toThrow("before the answer");
  expect(() => read(Buffer.from("SSH-2.0-dropbear\r\n\r\n"), 4)).toThrow("no HTTP/1.1");
  expect(() => read(Buffer.alloc(70_000, 97), 1000)).toThrow("too long");
});
