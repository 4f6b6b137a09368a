import { afterAll, describe, expect, test } from "bun:test";
import { completionScript } from "../../../lib/cli/help/completion.ts";
import { LISTED_COMMANDS, type Shell, SHELLS } from "../../../lib/cli/shared/commands.ts";
import { Directory, reeve } from "../cli.ts";

const room = new Directory();
afterAll(() => room[Symbol.dispose]());

/**
 * Declares a test that needs a shell: skipped without it, and failed instead where nothing may be skipped.
 */
function testWith(shell: Shell, name: string, body: () => void): void {
  if (Bun.which(shell) !== null) test(name, body, 30_000);
  else if (process.env["MUST_WORK"] !== "1") test.skip(`${name} [skipped: no ${shell}]`, () => {});
  else {
    test(name, () => {
      throw new Error(`cannot run this test: no ${shell}; apt-get install ${shell}`);
    });
  }
}

function run(command: readonly string[]): string {
  const env = {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: room.path,
    TERM: "dumb",
    LANG: "C.UTF-8",
  };
  const result = Bun.spawnSync([...command], {
    cwd: room.path,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 20_000,
  });
  return `${result.stdout.toString()}${result.stderr.toString()}`;
}

/** What bash offers for the last of the words. */
function bash(...words: readonly string[]): string[] {
  const script = room.file("completion.bash", completionScript("bash"));
  const program =
    'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _reeve; printf "%s\\n" "${COMPREPLY[@]}"';
  return run(["bash", "--norc", "-c", program, script, ...words]).trim().split("\n");
}

/** What fish offers at the end of the line. */
function fish(line: string): string[] {
  const script = room.file("completion.fish", completionScript("fish"));
  const program = `source ${script}; complete -C '${line}'`;
  return run(["fish", "--no-config", "-c", program]).trim().split("\n").map((each) =>
    each.split("\t")[0] ?? ""
  );
}

const ZSH_PROGRAM = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; autoload -Uz compinit; compinit -D; source $1; print -r -- REA''DY"
zpty -r shell text '*READY*'
zpty -w -n shell "$2"$'\\t'
zpty -r shell text "*$3*"
print -r -- completed
zpty -d shell
`;

/** An interactive zsh completes \`line\` by what \`added\` matches, a pattern of zsh's. */
function zshCompletes(line: string, added: string): boolean {
  const script = room.file("completion.zsh", completionScript("zsh"));
  return run(["timeout", "10", "zsh", "-f", "-c", ZSH_PROGRAM, "zsh", script, line, added]).includes(
    "completed",
  );
}

describe("the completion for bash", () => {
  testWith("bash", "offers commands and files for the first word", () => {
    room.file("plain.ini", "");
    expect(bash("reeve", "pl")).toEqual(["plan", "plain.ini"]);
  });
  testWith("bash", "offers options", () => {
    expect(bash("reeve", "--instan")).toEqual(["--instance-name"]);
    expect(bash("reeve", "-").length).toBeGreaterThan(100);
  });
  testWith("bash", "offers users for a value that is a user, after a blank or an equals sign", () => {
    expect(bash("reeve", "--uid", "roo")).toEqual(["root"]);
    expect(bash("reeve", "--uid", "=", "roo")).toEqual(["root"]);
  });
  testWith("bash", "offers a file whose name has a blank as one word", () => {
    room.file("two words.ini", "");
    expect(bash("reeve", "check", "two")).toEqual(["two words.ini"]);
  });
  testWith("bash", "offers programs after --", () => {
    expect(bash("reeve", "app.ini", "--", "whoam")).toContain("whoami");
  });
  testWith("bash", "offers what a command takes", () => {
    expect(bash("reeve", "completion", "")).toEqual(["bash", "zsh", "fish"]);
    expect(bash("reeve", "doctor", "-")).toEqual(["--json"]);
    expect(bash("reeve", "help", "attach-d")).toEqual(["attach-daemon", "attach-daemon2"]);
  });
});

describe("the completion for zsh", () => {
  testWith("zsh", "completes commands", () => expect(zshCompletes("reeve docto", "r")).toBe(true));
  testWith("zsh", "completes options", () => expect(zshCompletes("reeve --instan", "ce-name")).toBe(true));
  testWith("zsh", "completes files", () => {
    room.file("unusual_name.ini", "");
    expect(zshCompletes("reeve check unusu", "al_name.ini")).toBe(true);
  });
  testWith("zsh", "completes programs after --", () => {
    expect(zshCompletes("reeve app.ini -- printen", "v")).toBe(true);
  });
});

describe("the completion for fish", () => {
  testWith("fish", "offers commands", () => expect(fish("reeve pla")).toContain("plan"));
  testWith("fish", "offers options", () => expect(fish("reeve --instan")).toEqual(["--instance-name"]));
  testWith("fish", "offers users", () => expect(fish("reeve --uid roo")).toContain("root"));
  testWith("fish", "offers what a command takes", () => {
    expect(fish("reeve completion ").sort()).toEqual(["bash", "fish", "zsh"]);
    expect(fish("reeve help attach-d")).toEqual(["attach-daemon", "attach-daemon2"]);
  });
});

describe("reeve completion", () => {
  for (const shell of SHELLS) {
    test(`${shell} prints the script`, () => {
      expect(reeve(["completion", shell])).toEqual({ code: 0, out: completionScript(shell), err: "" });
    });
  }
  test("of another shell is refused with those that there are", () => {
    expect(reeve(["completion", "tcsh"])).toEqual({
      code: 2,
      out: "",
      err: 'cannot complete for "tcsh": wanted bash, zsh or fish\n',
    });
  });
  test.each(SHELLS.map((shell) => [shell]))("%s has every command and every flag", (shell) => {
    const script = completionScript(shell);
    for (const { name, flags = [], words } of LISTED_COMMANDS) {
      expect(script).toMatch(new RegExp(`\\b${name}\\b`));
      if (words.kind !== "own") continue;
      for (const { long } of flags) expect(script).toContain(shell === "fish" ? ` -l ${long}` : `--${long}`);
    }
  });
});
