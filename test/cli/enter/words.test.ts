/** The words behind `reeve enter`. */
import { describe, expect, test } from "bun:test";
import { parseEnterWords, WrongWords } from "../../../lib/cli/enter/words.ts";
import { parseCommandLine } from "../../../lib/cli/shared/argv.ts";

const NOTHING = { configuration: null, daemon: null, user: null, isHelp: false };

describe("words of reeve enter", () => {
  test("none: the jail of the one instance", () => {
    expect(parseEnterWords([])).toEqual(NOTHING);
    expect(parseEnterWords(["--jail"])).toEqual(NOTHING);
  });
  test("a configuration, options that it was started with, a daemon and a user", () => {
    const wanted = {
      configuration: ["--set-ph=a=b", "app.ini:one"],
      daemon: "web",
      user: "www:33",
      isHelp: false,
    };
    expect(parseEnterWords(["--set-ph=a=b", "-c", "app.ini:one", "web", "-u", "www:33"])).toEqual(wanted);
    expect(parseEnterWords(["web", "--set-ph=a=b", "--user=www:33", "--config=app.ini:one"])).toEqual(wanted);
  });
  for (
    const words of [["a", "b"], ["--jail", "a"], ["-c"], ["--user"], ["-u", ""], ["-x"], ["--pidfile", "x"]]
  ) {
    test(`${words.join(" ")} is refused`, () => {
      expect(() => parseEnterWords(words)).toThrow(WrongWords);
    });
  }
  test("they are not taken for options of a configuration, and a command stands behind --", () => {
    const line = parseCommandLine(["enter", "--jail", "-u", "x", "--", "ls", "--user"]);
    expect(line).toMatchObject({
      command: "enter",
      operands: ["--jail", "-u", "x"],
      entrypoint: ["ls", "--user"],
      options: [],
    });
  });
});
