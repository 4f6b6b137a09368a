import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeBytes, encodeText, isByteText } from "../../lib/sys/byte_text.ts";

test("any bytes come back from the string that they were made", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const text = decodeBytes(bytes);
      expect(isByteText(text)).toBe(true);
      expect(encodeText(text)).toEqual(new Uint8Array(bytes));
    }),
    { numRuns: 2_000 },
  );
});

test("any well-formed string is its UTF-8 and nothing else", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const bytes = new TextEncoder().encode(text);
      expect(encodeText(text)).toEqual(bytes);
      expect(decodeBytes(bytes)).toBe(text);
    }),
    { numRuns: 1_000 },
  );
});

const cases: [string, number[], string][] = [
  ["latin-1 in the middle", [0x61, 0xe9, 0x62], "a\udce9b"],
  ["a cut character at the end", [0xe2, 0x82], "\udce2\udc82"],
  ["an overlong slash", [0xc0, 0xaf], "\udcc0\udcaf"],
  ["a surrogate as UTF-8", [0xed, 0xa0, 0x80], "\udced\udca0\udc80"],
  ["a byte order mark", [0xef, 0xbb, 0xbf, 0x61], "\ufeffa"],
  ["valid text around a bad byte", [0xc3, 0xa9, 0xff, 0xf0, 0x9f, 0x98, 0x80], "é\udcff😀"],
];
for (const [what, bytes, text] of cases) {
  test(`${what} is kept`, () => {
    expect(decodeBytes(Uint8Array.from(bytes))).toBe(text);
    expect([...encodeText(text)]).toEqual(bytes);
  });
}

test("surrogates that stand for no byte are refused", () => {
  for (const wrong of ["\ud800", "a\udbffb", "\udc7f", "\udd00", "\udfff"]) {
    expect(isByteText(wrong)).toBe(false);
    expect(() => encodeText(wrong)).toThrow(RangeError);
  }
  expect(isByteText("😀")).toBe(true);
});

test("a process recovers the bytes of its environment and arguments, and hands them on", async () => {
  const lib = `${import.meta.dir}/../../lib/sys`;
  const script = `
    import { recoverArguments, recoverEnvironment } from "${lib}/process/own_bytes.ts";
    import { spawnChild } from "${lib}/child/spawn.ts";
    import { reap } from "${lib}/process/reap.ts";
    import { PLAIN } from "${import.meta.dir}/child/plain.ts";
    recoverEnvironment(process.env);
    const [argument] = recoverArguments(process.argv.slice(-1));
    const environment = ["LATIN=" + process.env.LATIN, "PLAIN=" + process.env.PLAIN];
    const child = spawnChild({ ...PLAIN, args: ["sh", "-c", 'env | grep -a LATIN; echo "$PLAIN $0"', argument], environment,
      file: { path: "/bin/sh", searchPath: null }, fds: new Map([[0, "null"], [1, 1], [2, 2]]) });
    const timer = setInterval(() => { if (reap(child.pid)) clearInterval(timer); }, 1);
  `;
  const wrapper = `LATIN="$(printf 'a\\351b')" PLAIN=é exec "$1" -e "$2" "$(printf 'x\\377y')"`;
  const run = Bun.spawn(["sh", "-c", wrapper, "sh", process.execPath, script], { stderr: "inherit" });
  const out = new Uint8Array(await new Response(run.stdout).arrayBuffer());
  expect(Buffer.from(out).toString("latin1")).toBe("LATIN=a\xe9b\n\xc3\xa9 x\xffy\n");
});
