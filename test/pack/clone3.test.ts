import { describe, expect, test } from "bun:test";
import { refuseClone3 } from "../../build/pack/clone3.ts";

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const hex = (content: Uint8Array): string => Buffer.from(content).toString("hex");

describe("the clone3 of a bundled libc", () => {
  test("on x86-64 becomes an answer of ENOSYS, and all else stays", () => {
    const libc = bytes("4989c8 b8b3010000 0f05 4885c0");
    expect(hex(refuseClone3(libc, "x64"))).toBe(hex(bytes("4989c8 48c7c0daffffff 4885c0")));
    expect(hex(libc)).toContain("0f05");
  });

  test("on arm64 likewise", () => {
    const libc = bytes("00000000 683680d2 010000d4 1f0000f1");
    expect(hex(refuseClone3(libc, "arm64"))).toBe(hex(bytes("00000000 683680d2 a0048092 1f0000f1")));
  });

  test("may be absent on arm64, where older glibcs have none", () => {
    expect(hex(refuseClone3(bytes("00000000"), "arm64"))).toBe("00000000");
  });

  test("is refused where it is not found on x86-64, or twice", () => {
    expect(() => refuseClone3(bytes("0f05"), "x64")).toThrow("not where it was");
    const call = "b8b3010000 0f05 ";
    expect(() => refuseClone3(bytes(call + call), "x64")).toThrow("more than one place");
  });
});
