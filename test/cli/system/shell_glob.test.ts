import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { shellGlob } from "../../../lib/cli/system/shell_glob.ts";
import { Directory } from "../cli.ts";

function list(path: string): string[] | null {
  try {
    return readdirSync(path);
  } catch {
    return null;
  }
}

describe("a shell pattern", () => {
  const PATTERNS = [
    "*",
    "*.ini",
    "?.ini",
    "[ab].ini",
    "[!a].ini",
    "[a-b]*",
    "d/*.ini",
    "*/x.ini",
    "*/*",
    ".*",
    ".h*",
    "nothing*",
    "a.ini",
    "no.ini",
    "d/",
    "*/",
    "[",
    "\\*",
    "*\\.ini",
    "d//x.ini",
  ];
  test.each(PATTERNS)("%s finds what a shell finds", (pattern) => {
    using directory = new Directory();
    mkdirSync(`${directory.path}/d`);
    mkdirSync(`${directory.path}/e`);
    for (const name of ["a.ini", "b.ini", "c.ini", ".hidden.ini", "d/x.ini", "e/y.ini", "[", "*"]) {
      directory.file(name, "");
    }
    const ours = shellGlob(`${directory.path}/${pattern}`, list, existsSync);
    const shell = Bun.spawnSync([
      "/bin/sh",
      "-c",
      `for f in ${directory.path}/${pattern}; do [ -e "$f" ] && printf '%s\\0' "$f"; done; :`,
    ], {
      env: { LC_ALL: "C" },
    });
    const expected = shell.stdout.toString().split("\0").slice(0, -1);
    // "." and ".." are found by some shells and by glob(3) for a pattern that begins with a dot; nobody wants
    // them read.
    expect(ours).toEqual(expected.filter((path) => !/\/\.{1,2}$/.test(path)).sort());
  });

  test("is relative to the current directory when it does not begin with a slash", () => {
    expect(shellGlob("x*", (path) => path === "." ? ["xa", "y", "xb"] : null, () => true)).toEqual([
      "xa",
      "xb",
    ]);
  });
});
