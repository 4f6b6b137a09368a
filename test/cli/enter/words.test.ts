/** The words behind `reeve enter`. */
import { describe, expect, test } from "bun:test";
import { type EnterWords, enterWords, WrongWords } from "../../../lib/cli/enter/words.ts";
import { parseCommandLine } from "../../../lib/cli/shared/argv.ts";
import { ConfigError } from "../../../lib/config/diagnostic.ts";

const NOTHING = { configuration: null, daemon: null, user: null };

function parse(...words: readonly string[]): EnterWords {
  return enterWords(parseCommandLine(["enter", ...words]));
}

describe("words of reeve enter", () => {
  test("none: the jail of the one instance", () => {
    expect(parse()).toEqual(NOTHING);
    expect(parse("--jail")).toEqual(NOTHING);
  });
  test("a configuration, options that it was started with, a daemon and a user", () => {
    const wanted = {
      configuration: {
        files: [{ name: "app.ini:one" }],
        options: [{ name: "set-ph", value: "a=b", origin: { file: "--set-ph", line: 0 } }],
      },
      daemon: "web",
      user: "www:33",
    };
    expect(parse("--set-ph=a=b", "-c", "app.ini:one", "web", "-u", "www:33")).toEqual(wanted);
    expect(parse("web", "--set-ph=a=b", "--user=www:33", "--config=app.ini:one")).toEqual(wanted);
  });
  test.each([["a b"], ["-c"], ["--user"], ["--user="], ["-x"], ["--pidfile x"]])("%s is refused", (words) => {
    expect(() => parse(...words.split(" "))).toThrow(ConfigError);
  });
  test("a daemon and the jail are refused together", () => {
    expect(() => parse("--jail", "a")).toThrow(WrongWords);
  });
  test("they are not taken for options of a configuration, and a command stands behind --", () => {
    const line = parseCommandLine(["enter", "--jail", "-u", "x", "--", "ls", "--user"]);
    expect(line).toMatchObject({
      command: "enter",
      operands: [],
      entrypoint: ["ls", "--user"],
      options: [],
    });
    expect([...line.flags]).toEqual([["jail", [""]], ["user", ["x"]]]);
  });
});
