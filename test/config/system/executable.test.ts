import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type ExecutableVerdict, judgeExecutable } from "../../../lib/config/system/executable.ts";

const X86_64 = 62;
const ARM64 = 183;
const HERE = ["/bin/sh", "/usr/bin/env", "python3", "/lib64/ld-linux-x86-64.so.2"];

function judge(
  start: string | Uint8Array | null,
  machines: readonly number[] | undefined = [X86_64, 3],
): string {
  const bytes = typeof start === "string" ? new TextEncoder().encode(start) : start;
  const verdict: ExecutableVerdict = judgeExecutable("/x", bytes, {
    hasProgram: (program) => HERE.includes(program),
    machines,
  });
  return verdict.kind === "fails" ? verdict.why : verdict.kind;
}

/** A 64-bit program with one program header, that of its loader. */
function elf(machine: number, loader: string | null = null): Uint8Array {
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  view.setUint16(18, machine, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  if (loader === null) return bytes;
  view.setUint16(56, 1, true);
  view.setUint32(64, 3, true);
  view.setBigUint64(64 + 8, 128n, true);
  view.setBigUint64(64 + 32, BigInt(loader.length + 1), true);
  bytes.set(new TextEncoder().encode(loader), 128);
  return bytes;
}

describe("a script", () => {
  test.each([
    ["#!/bin/sh\nx", "runs"],
    ["#! /usr/bin/env python3\n", "runs"],
    ["#!/usr/bin/env -S python3 -u\n", "runs"],
    ["echo hi\n", "shell"],
    ["#!\n", "shell"],
    [
      "#!/bin/sh\r\nx",
      'its first line ends with a carriage return, which the kernel takes for a part of it ("\\r"): ' +
      "sed -i 's/\\r$//' /x",
    ],
    [
      "#!/usr/bin/nosuchpy\n",
      "the interpreter of its first line is not there: /usr/bin/nosuchpy: install it, or mend that line",
    ],
    [
      "#!/usr/bin/env nosuchpy\n",
      "the interpreter of its first line is not in PATH: nosuchpy: install it, or mend that line",
    ],
  ])("%j", (text, verdict) => {
    expect(judge(text)).toBe(verdict);
  });
});

describe("a program", () => {
  test("for this machine runs, with its loader or static; what cannot be read is not judged", () => {
    expect(judge(elf(X86_64))).toBe("runs");
    expect(judge(elf(X86_64, "/lib64/ld-linux-x86-64.so.2"))).toBe("runs");
    expect(judge(null)).toBe("runs");
  });

  test("for another machine fails, but where an emulator may run it", () => {
    expect(judge(elf(ARM64))).toBe(
      "it is a program for arm64, and this machine is x86-64: take the build for x86-64",
    );
    expect(judge(elf(ARM64), undefined)).toContain("");
    expect(judgeExecutable("/x", elf(ARM64), { hasProgram: () => true, machines: undefined }).kind).toBe(
      "runs",
    );
  });

  test("whose loader is not there fails, and says for which C library it is", () => {
    expect(judge(elf(X86_64, "/lib/ld-musl-x86_64.so.1"))).toBe(
      "its loader is not there: /lib/ld-musl-x86_64.so.1: install musl, or take a static build",
    );
  });

  test("that is none, empty or cut off fails", () => {
    expect(judge("")).toBe("it is empty");
    expect(judge("\x7fELF")).toBe("it is cut off: it has no whole ELF header");
    expect(judge(new Uint8Array([0, 1, 2]))).toBe('it is neither a program nor a script with "#!"');
  });

  test("of this host has a loader that is found", () => {
    const wanted: string[] = [];
    judgeExecutable("/bin/sh", readFileSync("/bin/sh").subarray(0, 4096), {
      machines: undefined,
      hasProgram: (program) => wanted.push(program) > 0,
    });
    expect(wanted.filter((program) => !/^\/lib.*ld-/.test(program))).toEqual([]);
  });
});
