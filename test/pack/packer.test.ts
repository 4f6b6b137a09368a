/** What the packer makes of an executable, and what it refuses to make anything of. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { refuseClone3 } from "../../build/pack/clone3.ts";
import { findGlibc, type Glibc, glibcVersion } from "../../build/pack/glibc.ts";
import { patchLoader } from "../../build/pack/loader.ts";
import { packExecutable } from "../../build/pack/packer.ts";
import { PF, PT, readElf } from "../../build/pack/program_headers.ts";
import { hasStubMagic, writeTable } from "../../build/pack/stub_head.ts";
import { compileStub, type NativeTarget } from "../../native/compile.ts";
import { bunProgram, type ProgramOptions } from "./programs.ts";

const scratch = mkdtempSync(join(tmpdir(), "reeve-pack-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const stubs = new Map<string, Uint8Array>();
/** Compiled once for each place. */
function stub(target: NativeTarget, address: number): Uint8Array {
  const key = `${target} ${address}`;
  const path = join(scratch, "stub");
  if (!stubs.has(key)) {
    compileStub(path, target, address);
    stubs.set(key, new Uint8Array(readFileSync(path)));
  }
  return (stubs.get(key) ?? new Uint8Array()).slice();
}

setDefaultTimeout(60_000); // for the compiler on a busy machine

const ARM_MISSING = existsSync("/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1")
  ? null
  : "needs glibc for arm64; apt-get install libc6-arm64-cross gcc-aarch64-linux-gnu";

/** A test for both architectures, where there is what it needs. */
function onBoth(name: string, body: (target: NativeTarget) => void): void {
  for (const target of ["x64", "arm64"] as const) {
    const missing = target === process.arch
      ? null
      : target === "arm64"
      ? ARM_MISSING
      : "needs glibc for x86-64";
    const label = `${name} (${target})`;
    if (missing === null) test(label, () => body(target));
    else if (process.env["MUST_WORK"] === "1") {
      test(label, () => {
        throw new Error(`cannot run this test: ${missing}`);
      });
    } else test.skip(`${label} [skipped: ${missing}]`, () => {});
  }
}

const glibcs = new Map<NativeTarget, Glibc>();
function glibc(target: NativeTarget): Glibc {
  const found = glibcs.get(target) ?? findGlibc(target, null);
  glibcs.set(target, found);
  return found;
}

const HOST = process.arch === "arm64" ? "arm64" : "x64";
const MACHINE: Readonly<Record<NativeTarget, number>> = { x64: 62, arm64: 183 };
const LOADER: Readonly<Record<NativeTarget, string>> = {
  x64: "ld-linux-x86-64.so.2",
  arm64: "ld-linux-aarch64.so.1",
};

function program(target: NativeTarget, options: ProgramOptions = {}): Uint8Array {
  return bunProgram({ machine: MACHINE[target], needed: ["libc.so.6", LOADER[target]], ...options });
}

function pack(bytes: Uint8Array, target: NativeTarget = HOST): Uint8Array {
  return packExecutable(bytes, glibc(target), stub);
}

describe("a packed executable", () => {
  onBoth("has the stub where the interpreter was, and after all that is loaded", (target) => {
    const plain = program(target);
    const before = readElf(plain);
    const after = readElf(pack(plain, target));
    expect(after.headers.length).toBe(before.headers.length);
    expect(after.headers.some((header) => header.type === PT.interp)).toBe(false);
    const loads = after.headers.filter((header) => header.type === PT.load);
    const added = loads.at(-1)!;
    expect(loads.length).toBe(4);
    expect(loads.map((load) => load.address)).toEqual(
      loads.map((load) => load.address).toSorted((a, b) => a - b),
    );
    expect(added.flags).toBe(PF.read | PF.execute);
    expect(added.fileSize).toBe(added.memorySize);
    for (const value of [added.offset, added.address, added.fileSize]) expect(value % added.align).toBe(0);
    expect(after.entry).toBeGreaterThan(added.address);
    expect(after.entry).toBeLessThan(added.address + added.memorySize);
  });

  onBoth("holds the program as it was, but for its headers", (target) => {
    const plain = program(target);
    const packed = pack(plain, target);
    const behindHeaders = 64 + 9 * 56;
    expect(Buffer.compare(packed.subarray(behindHeaders, plain.length), plain.subarray(behindHeaders))).toBe(
      0,
    );
  });

  onBoth("holds the C library as it is but for clone3, aligned for the largest page", (target) => {
    const packed = pack(program(target), target);
    for (const { name, bytes } of glibc(target).files.slice(1)) {
      const at = Buffer.from(packed.buffer).indexOf(
        name === "libc.so.6" ? refuseClone3(bytes, target) : bytes,
      );
      expect(at).toBeGreaterThan(0);
      expect(at % (target === "arm64" ? 65536 : 4096)).toBe(0);
    }
  });

  onBoth("is the same each time", (target) => {
    expect(Buffer.compare(pack(program(target), target), pack(program(target), target))).toBe(0);
  });

  test("has no sections, so that strip refuses it", () => {
    expect(readElf(pack(program(HOST))).sectionsEnd).toBe(0);
  });
});

describe("the packer refuses", () => {
  const refused: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
    ["what is no ELF file", () => new Uint8Array(4096), /it is no ELF file/],
    ["an empty file", () => new Uint8Array(0), /it is no ELF file/],
    [
      "a file cut short within its segments",
      () => program(HOST).slice(0, 0x2100),
      /it is truncated: a segment/,
    ],
    [
      "a file cut short within its headers",
      () => program(HOST).slice(0, 300),
      /it is truncated: its program headers/,
    ],
    [
      "a file cut short within its section headers",
      () => {
        const bytes = program(HOST);
        new DataView(bytes.buffer).setUint16(60, 60_000, true);
        return bytes;
      },
      /it is truncated: its section headers/,
    ],
    ["a PIE", () => program(HOST, { type: 3 }), /position-independent \(PIE\)/],
    ["an object file", () => program(HOST, { type: 1 }), /it is no executable/],
    ["another processor's", () => program(HOST, { machine: 8 }), /it is for machine 8/],
    [
      "another layout of Bun's",
      () => program(HOST, { layout: [PT.phdr, PT.interp, PT.load, PT.load, PT.tls, PT.dynamic] }),
      /its program headers are 0x6 0x3 0x1 0x1 0x7 0x2: this version of Bun differs/,
    ],
    ["a stripped file", () => program(HOST, { sections: ["", ".text", ".bun"] }), /it is stripped/],
    ["what Bun did not compile", () => program(HOST, { sections: ["", ".symtab"] }), /no section ".bun"/],
    [
      "Bun's build for musl",
      () => program(HOST, { needed: ["libstdc++.so.6", "libc.musl-x86_64.so.1"] }),
      /it needs libstdc\+\+\.so\.6, libc\.musl-x86_64\.so\.1.*musl/,
    ],
    ["what is packed already", () => pack(program(HOST)), /it is packed already/],
  ];
  for (const [name, make, wanted] of refused) {
    test(name, () => expect(() => pack(make())).toThrow(wanted));
  }

  test("a glibc older than 2.34, and what is no glibc", () => {
    const libc = (text: string) => new TextEncoder().encode(`\0${text}\0`);
    expect(glibcVersion(libc("GNU C Library (Debian GLIBC 2.41-12) stable release version 2.41."))).toBe(
      "2.41",
    );
    expect(() => glibcVersion(libc("GNU C Library (Debian GLIBC 2.31-13) stable release version 2.31.")))
      .toThrow(
        /cannot bundle glibc 2\.31: wanted 2\.34 or newer/,
      );
    expect(() => glibcVersion(libc("musl libc"))).toThrow(/it is no glibc/);
  });

  test("a directory without a glibc", () => {
    expect(() => findGlibc("x64", scratch)).toThrow(/cannot find glibc for x64: not all of .*libc\.so\.6/);
  });
});

describe("the dynamic loader", () => {
  const hooks = { pointer: 0x6d30008, shortPointer: 0x6d30010, hook: 0x6d30500 };
  const original = (target: NativeTarget) => glibc(target).files[0]!.bytes;

  onBoth("has all four calls redirected, and nothing else changed", (target) => {
    const loader = patchLoader(original(target), target, hooks);
    const count = Object.values(loader.calls).reduce((sum, calls) => sum + calls, 0);
    let changed = 0;
    loader.bytes.forEach((byte, at) => changed += byte === original(target)[at] ? 0 : 1);
    expect(Object.keys(loader.calls)).toEqual(["openat", "mmap", "pread64", "fstat"]);
    expect(Math.min(...Object.values(loader.calls))).toBeGreaterThan(0);
    // 8 bytes a call; on arm64 a branch, a trampoline of 28 bytes, and two sizes in a program header.
    expect(changed).toBeLessThanOrEqual(target === "x64" ? count * 8 : count * 32 + 16);
  });

  onBoth("is not patched twice", (target) => {
    const { bytes } = patchLoader(original(target), target, hooks);
    expect(() => patchLoader(bytes, target, hooks)).toThrow(/its call of openat is not where it was/);
  });

  onBoth("is refused when a call is not found", (target) => {
    const bytes = original(target).slice();
    const view = new DataView(bytes.buffer);
    // `mov $17, %eax` or `mov x8, #67`: pread64.
    const [wanted, other] = target === "x64" ? [0x11b8, 0x12b8] : [0xd2800868, 0xd2800888];
    for (let at = 0; at + 5 <= bytes.length; at++) {
      if (target === "x64" && view.getUint32(at, true) === wanted && bytes[at + 4] === 0) {
        view.setUint32(at, other, true);
      }
      if (target === "arm64" && view.getUint32(at, true) === wanted) view.setUint32(at, other, true);
    }
    expect(() => patchLoader(bytes, target, hooks)).toThrow(/its call of pread64 is not where it was/);
  });

  test("of another processor is refused", () => {
    const other = HOST === "x64" ? "arm64" : "x64";
    expect(() => patchLoader(original(HOST), other, hooks)).toThrow(`it is for ${HOST}, wanted ${other}`);
  });

  test("is refused when it is a library", () => {
    const libm = glibc(HOST).files.find((file) => file.name === "libm.so.6")!;
    expect(() => patchLoader(libm.bytes, HOST, hooks)).toThrow(/its call of openat is not where it was/);
  });
});

test("a file that is no stub has no magic", () => {
  expect(hasStubMagic(new TextEncoder().encode("REEVE"))).toBe(false);
});

test("variables that do not fit into the stub are refused", () => {
  const empty = { programEntry: 0, loaderEntry: 0, loaderSpan: 0, segments: [], files: [], headers: [] };
  const table = (environment: readonly string[]) => () =>
    writeTable(new TextEncoder().encode(`REEVE\0S1${"\0".repeat(4088)}`), {
      ...empty,
      environment,
      heldSignals: 0n,
    });
  expect(table(["A=1", "A=2", `B=${"x".repeat(480)}`])).not.toThrow();
  expect(table([`B=${"x".repeat(510)}`])).toThrow(/variables of 513 bytes/);
  expect(table(Array.from({ length: 32 }, (_, index) => `V${index}=`))).toThrow(/there are 32 variables/);
});
