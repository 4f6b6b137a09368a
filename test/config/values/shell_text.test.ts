import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readShellText, shellTextError } from "../../../lib/config/values/shell_text.ts";
import { build } from "../build/fake_system.ts";

function kind(text: string): string | null {
  const { problem } = readShellText(text);
  return problem === null ? null : "mark" in problem ? `${problem.kind} ${problem.mark}` : problem.kind;
}

describe("a shell's line", () => {
  test.each([
    ['sh -c "sleep 1', 'unclosed "'],
    ["echo it's", "unclosed '"],
    ["a $(b", "unclosed ("],
    ["a `b", "unclosed `"],
    ["a ${b", "unclosed {"],
    ["sleep %(x)", "unexpected ("],
    ["a )", "unexpected )"],
    ["a &&", "unfinished &&"],
    ["a |", "unfinished |"],
    ["a \\", "unfinished \\"],
    ["a &", "background"],
    ["a & # b", "background"],
    ["a 'b &'", null],
    ["a & b", null],
    ["a \\&", null],
    ["f() { a; }; f", null],
    ['echo "it\'s $(cat "a b" | sed \'s/"/x/\')"', null],
    ["cat <<E 'x", null],
    ["case a in a) b;; esac", null],
  ])("%s", (text, expected) => {
    expect(kind(text)).toBe(expected);
  });

  test("has its comment where a word begins with #", () => {
    expect(readShellText("a # b").comment).toBe("# b");
    expect(readShellText("a#b 'c # d' \"# e\" $(f # g\n)").comment).toBeNull();
  });

  test("is called unreadable only where dash and bash cannot read it", () => {
    const pieces = [
      "'",
      '"',
      "`",
      "$(",
      "${",
      "}",
      ")",
      "(",
      "\\",
      "a",
      "b c",
      " ",
      "#",
      ";",
      "&",
      "|",
      "x=",
      "$x",
      " # ",
    ];
    const shells = ["dash", "bash"].filter((name) => Bun.which(name) !== null);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (parts) => {
        const text = parts.join("");
        if (!/^un(?:closed|expected)/.test(kind(text) ?? "")) return;
        for (const shell of shells) {
          const { exitCode } = Bun.spawnSync([shell, "-n", "-c", text], { stderr: "ignore" });
          expect([shell, text, exitCode === 0]).toEqual([shell, text, false]);
        }
      }),
      { numRuns: 150 },
    );
  });
});

test("daemons and hooks with such a line are refused; a smart daemon may put itself into the background", () => {
  expect(build("attach-daemon = a &").texts).toEqual([
    'app.ini:1: cannot run "a &": it ends with "&", so that the shell ends at once and nothing is left to supervise: ' +
    'leave the "&" out',
  ]);
  expect(build("smart-attach-daemon = /run/p a &").texts).toEqual([]);
  expect(build("exec-as-root = a &").texts).toEqual([]);
  expect(build("exec-as-root = a 'b").texts).toEqual([
    'app.ini:1: cannot run "a \'b" of the phase as-root: "\'" is opened in it and never closed: no shell can read it',
  ]);
  expect(build("hook-as-root = safeexec:a 'b").texts[0]).toStartWith("app.ini:1: warning: cannot run");
  expect(build("binsh = /usr/bin/memcached\nattach-daemon = it's").texts).toEqual([]);
  expect(shellTextError("a \\", true)).toBe(
    'it ends with "\\", and a line is not continued: write all of it in one line',
  );
});
