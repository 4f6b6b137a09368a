import { describe, expect, test } from "bun:test";
import { Output, printable } from "../../../lib/cli/shared/output.ts";
import { wrap } from "../../../lib/cli/help/help.ts";

function fake(isTerminal: boolean, environment: Record<string, string> = {}) {
  const pieces: string[] = [];
  const errors: string[] = [];
  const target = {
    isTerminal: () => isTerminal,
    write(bytes: Uint8Array): number {
      const code = errors.shift();
      if (code !== undefined) throw Object.assign(new Error(code), { code });
      const part = bytes.subarray(0, 4);
      pieces.push(new TextDecoder().decode(part));
      return part.length;
    },
  };
  return { output: new Output(target, environment), errors, text: () => pieces.join("") };
}

describe("output", () => {
  test("is written whole, whatever a write takes, and again after EAGAIN", () => {
    const { output, errors, text } = fake(false);
    errors.push("EAGAIN", "EINTR");
    output.line("hello, world");
    expect(text()).toBe("hello, world\n");
  });

  test("a reader that went away is no error, and nothing more is written", () => {
    const { output, errors, text } = fake(false);
    errors.push("EPIPE");
    output.line("one");
    output.line("two");
    expect(text()).toBe("");
    expect(output.takeFailure()).toBeNull();
  });

  test("any other failure is kept until it is asked for, and nothing more is written", () => {
    const { output, errors, text } = fake(false);
    errors.push("EAGAIN", "ENOSPC");
    output.line("one");
    output.line("two");
    expect(text()).toBe("");
    expect(output.takeFailure()).toBe("no space left on device");
    expect(output.takeFailure()).toBeNull();
  });

  test("has colours on a terminal only, and none with NO_COLOR or a dumb terminal", () => {
    const paint = (isTerminal: boolean, environment = {}) =>
      fake(isTerminal, environment).output.paint("x", "red");
    expect(paint(true)).toBe("\x1b[31mx\x1b[0m");
    expect(paint(true, { NO_COLOR: "" })).toBe("\x1b[31mx\x1b[0m");
    expect(paint(true, { NO_COLOR: "1" })).toBe("x");
    expect(paint(true, { TERM: "dumb" })).toBe("x");
    expect(paint(false)).toBe("x");
  });

  test("shows control characters of a configuration as escapes", () => {
    expect(printable("a\nb\x1b[31mc\td\u0085\x7f")).toBe("a\\nb\\e[31mc\\td\\x85\\x7f");
  });

  test("text is wrapped at 80 columns", () => {
    const text = wrap("word ".repeat(60).trim(), 2, 6);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect(text.replace(/\s+/g, " ").trim()).toBe("word ".repeat(60).trim());
  });
});
