import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { Elf } from "../../build/elf.ts";
import { HIDDEN_VARIABLES, hideVariables } from "../../build/hide_variables.ts";
import { keepFileLimit } from "../../build/keep_file_limit.ts";

// The runtime itself: what the build compiles reeve into is this with a program behind it.
const RUNTIME = new Uint8Array(readFileSync(process.execPath));

/** A copy with one symbol's entry changed: `names` has the string-table index of "setrlimit". */
function withSymbol(
  name: string,
  change: (entry: DataView, names: { readonly setrlimit: number }) => void,
): Uint8Array {
  const bytes = RUNTIME.slice();
  const symbols = new Elf(bytes).dynamicSymbols();
  const entryOf = (text: string): DataView => {
    const found = symbols.find((symbol) => symbol.text === text);
    if (found === undefined) throw new Error(`the runtime has no symbol "${text}"`);
    return new DataView(bytes.buffer, found.entryOffset, 24);
  };
  change(entryOf(name), { setrlimit: entryOf("setrlimit").getUint32(0, true) });
  return bytes;
}

function differences(bytes: Uint8Array): number[] {
  const found: number[] = [];
  if (Buffer.compare(bytes, RUNTIME) === 0) return found;
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== RUNTIME[at]) found.push(at);
  return found;
}

describe("the limit of open files", () => {
  test("is kept by a change of one byte, of an s to a g", () => {
    const bytes = RUNTIME.slice();
    const at = keepFileLimit(bytes);
    expect(differences(bytes)).toEqual([at]);
    expect(String.fromCharCode(RUNTIME[at]!, bytes[at]!)).toBe("sg");
    expect(new TextDecoder().decode(bytes.subarray(at, at + 10))).toBe("getrlimit\0");
  });

  test("cannot be kept twice", () => {
    const bytes = RUNTIME.slice();
    keepFileLimit(bytes);
    expect(() => keepFileLimit(bytes)).toThrow(/it has 0 symbols "setrlimit"/);
  });

  test("is not kept where another name shares the bytes", () => {
    const bytes = withSymbol("getpid", (entry, names) => entry.setUint32(0, names.setrlimit + 3, true));
    const before = bytes.slice();
    expect(() => keepFileLimit(bytes)).toThrow(/the name "rlimit" lies within "setrlimit"/);
    expect(Buffer.compare(bytes, before)).toBe(0);
  });

  test("is not kept where the executable defines the function itself", () => {
    const bytes = withSymbol("setrlimit", (entry) => entry.setUint16(6, 1, true));
    expect(() => keepFileLimit(bytes)).toThrow(/it defines "setrlimit" itself/);
  });

  test("is not kept in what is no executable", () => {
    for (const wrong of [new Uint8Array(0), new Uint8Array(100), RUNTIME.slice(0, 70)]) {
      expect(() => keepFileLimit(wrong)).toThrow(/cannot keep the limit of open files/);
    }
  });
});

describe("the runtime's variables", () => {
  test("are hidden by a change of one byte each", () => {
    const bytes = RUNTIME.slice();
    hideVariables(bytes);
    expect(differences(bytes).length).toBe(HIDDEN_VARIABLES.length);
  });

  test("cannot be hidden twice, and nothing changes then", () => {
    const bytes = RUNTIME.slice();
    hideVariables(bytes);
    const before = bytes.slice();
    expect(() => hideVariables(bytes)).toThrow(/"BUN_BE_BUN".*it is 0 times/);
    expect(Buffer.compare(bytes, before)).toBe(0);
  });
});

const REEVE = join(import.meta.dir, "../../dist/reeve");
test.skipIf(!existsSync(REEVE))(
  "the built executable keeps a low limit and does not see the variables",
  () => {
    const variables = Object.fromEntries(HIDDEN_VARIABLES.map((name) => [name, "1"]));
    const run = Bun.spawnSync(["sh", "-c", 'ulimit -Sn 77; "$0" --version; ulimit -Sn', REEVE], {
      env: { ...process.env, ...variables },
    });
    expect(run.stdout.toString()).toMatch(/^reeve \d+\.\d+\.\d+\n77\n$/);
  },
);
