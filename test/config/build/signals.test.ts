import { describe, expect, test } from "bun:test";
import { parseSignal, signalName } from "../../../lib/sys/signal_names.ts";

describe("signals", () => {
  test("names, with SIG and without, in any case, and numbers", () => {
    for (const text of ["TERM", "SIGTERM", "sigterm", "15", " 15 "]) expect(parseSignal(text)).toBe(15);
    expect(parseSignal("QUIT")).toBe(3);
    expect(parseSignal("USR2")).toBe(12);
    expect(parseSignal("WINCH")).toBe(28);
    expect(parseSignal("SYS")).toBe(31);
  });

  test("real-time signals count from 34 to 64", () => {
    expect(parseSignal("RTMIN")).toBe(34);
    expect(parseSignal("SIGRTMIN+1")).toBe(35);
    expect(parseSignal("RTMAX-1")).toBe(63);
    for (const text of ["RTMIN-1", "RTMAX+1", "RTMIN+31"]) expect(parseSignal(text)).toBeNull();
  });

  test("what is neither a name nor a number is null, and so is 0", () => {
    for (const text of ["", "0", "65", "-1", "FOO", "TERM2", "constructor", "15x"]) {
      expect(parseSignal(text)).toBeNull();
    }
  });

  test("every number has a name that means it", () => {
    for (let number = 1; number <= 64; number++) {
      if (number === 32 || number === 33) continue;
      expect(parseSignal(signalName(number))).toBe(number);
    }
  });
});
