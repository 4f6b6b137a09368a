import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { planCommand, programOfShellLine, splitCommand } from "../../../lib/config/values/command_words.ts";

function words(text: string): readonly string[] | null {
  const split = splitCommand(text);
  return split.kind === "plain" ? split.words : null;
}

/** What /bin/sh makes of the arguments of a line, each with a mark in front so that empty ones show. */
function shellWords(line: string, shell: string): string[] | null {
  const text = `set -- ${line}\nfor word in "$@"; do printf '%s\\0' "$word"; done`;
  const result = Bun.spawnSync([shell, "-c", text], { stderr: "pipe", cwd: "/" });
  if (result.exitCode !== 0) return null;
  const output = result.stdout.toString();
  return output === "" ? [] : output.slice(0, -1).split("\0");
}

describe("a command without shell syntax", () => {
  test("is split at blanks", () => {
    expect(words("memcached  -p 11311\t-u roberto ")).toEqual(["memcached", "-p", "11311", "-u", "roberto"]);
  });

  test("quotes and backslashes that hold nothing to expand are undone", () => {
    expect(words(`a 'b c' "d e" f\\ g ''x "" 'it'\\''s'`)).toEqual([
      "a",
      "b c",
      "d e",
      "f g",
      "x",
      "",
      "it's",
    ]);
  });

  test("harmless characters in the middle of words stay", () => {
    const line = "mongod --dbpath=/a%b --x=a,b c#d e~f a^b user@host:1 {} } x!y ]";
    expect(words(line)).toEqual(line.split(" "));
  });

  test("a leading exec is dropped", () => {
    expect(words("exec memcached -v")).toEqual(["memcached", "-v"]);
    expect(words("exec")).toBeNull();
    expect(words("exec -a name prog")).toBeNull();
    expect(words("exec A=1 prog")).toBeNull();
  });
});

describe("a command with shell syntax", () => {
  const LINES = [
    "a | b",
    "a; b",
    "a & b",
    "a && b",
    "a > f",
    "a < f",
    "(a)",
    "a $HOME",
    "a `b`",
    "a *.c",
    "a ?",
    "a [ab]",
    "#a",
    "a #b",
    "~/a",
    "a ~",
    "a x=~/b",
    "PATH=~:~ a",
    "A=1 b",
    'a "$b"',
    'a "b\\n"',
    "a 'b",
    'a "b',
    "a \\",
    "a\nb",
    "{ a",
    "a {b,c}",
    "a {1..3}",
    "! a",
    "cd /x",
    ". ./env",
    "ulimit -n 5",
    "if",
    "echo a",
    "%1",
    "a\rb",
    "''",
    "'' a",
    "'cd' /",
  ];
  test.each(LINES)("%j goes through the shell", (line) => {
    expect(splitCommand(line).kind).toBe("shell");
  });

  test("keeps its text and the shell that runs it", () => {
    const text = "exec a > b";
    expect(planCommand(text, "/bin/dash")).toEqual({ kind: "shell", text, shell: "/bin/dash" });
  });

  test("the program of a line is its first word behind assignments and exec", () => {
    expect(programOfShellLine("A=1 exec /usr/bin/x $Y")).toBe("/usr/bin/x");
    expect(programOfShellLine("(sleep 1; y)")).toBe("sleep");
    expect(programOfShellLine("cd /srv && A=1 exec ./app > log")).toBe("./app");
    expect(programOfShellLine("ulimit -n 99")).toBe("ulimit");
    expect(programOfShellLine("  ")).toBe("");
  });
});

describe("words judged plain", () => {
  const shells = ["/bin/sh", "/bin/bash"].filter((path) => Bun.which(path) !== null);
  const piece = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        "a",
        "b/c",
        "-x",
        "--opt=v",
        ".",
        "1",
        "=",
        "é",
        ":",
        ",",
        "@",
        "%",
        "^",
        "]",
        "!",
        "}",
      ),
    },
    { weight: 3, arbitrary: fc.constantFrom(" ", "\t", "  ") },
    { weight: 3, arbitrary: fc.constantFrom("'", '"', "\\", "\\ ", "''", '"x y"', "'$z'") },
    {
      weight: 1,
      arbitrary: fc.constantFrom("$", "`", "*", "?", "[", "#", "~", "{", "&", ";", "|", "<", ">", "(", ")"),
    },
    { weight: 1, arbitrary: fc.string({ maxLength: 3 }) },
  );
  const line = fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join(""));

  test.each(shells)("are those that %s sees", (shell) => {
    let compared = 0;
    fc.assert(
      fc.property(line, (text) => {
        const split = words(`prog ${text}`);
        if (split === null) return;
        compared++;
        expect(shellWords(text, shell)).toEqual([...split.slice(1)]);
      }),
      { numRuns: 400 },
    );
    expect(compared).toBeGreaterThan(50);
  }, 30_000);

  test("a first word judged plain is a program to the shell as well", () => {
    const first = fc.array(fc.constantFrom("a", "=", "%", "!", "{", "}", "x1", "-", "+", ":", "."), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(first, (pieces) => {
        const name = pieces.join("");
        if (words(name) === null) return;
        const result = Bun.spawnSync(["/bin/sh", "-c", "--", `${name} 1 2`], { cwd: "/", stdin: null });
        expect([126, 127]).toContain(result.exitCode);
      }),
      { numRuns: 100 },
    );
  }, 30_000);

  test("no line makes the splitter throw", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void splitCommand(text)));
  });
});
