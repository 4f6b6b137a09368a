import { expect, test } from "bun:test";
import { meantCommand } from "../../../lib/cli/shared/meant.ts";
import { fakeSystem, ORDINARY } from "../../config/build/fake_system.ts";
import { Directory, reeve } from "../cli.ts";

const FILES = {
  ...ORDINARY,
  "app.ini": {},
  "./server": { mode: 0o755, text: "\x7fELF" },
  "start.sh": { mode: 0o755, text: "#!/bin/sh\n" },
  "own.conf": { mode: 0o755, text: "#!/usr/bin/python\n" },
  "own": { mode: 0o755, text: "#!/usr/bin/env reeve\n[uwsgi]\n" },
};

function meant(...words: string[]): string | null {
  return meantCommand(words, { exists: (path) => path in FILES, system: fakeSystem(FILES) });
}

test("a program in the place of a file is meant as an entrypoint", () => {
  expect(meant("sleep", "5")).toBe(
    'cannot read "sleep": no such file; it is a program: did you mean reeve -- sleep 5',
  );
  expect(meant("/bin/sh", "-c", "a b")).toContain("did you mean reeve -- /bin/sh -c 'a b'");
  expect(meant("./server", "-v")).toBe(
    'cannot read "./server" as a configuration: it is a program: did you mean reeve -- ./server -v',
  );
  expect(meant("start.sh")).toContain("did you mean reeve -- ./start.sh");
});

test("a configuration may be executable, with an interpreter that is reeve", () => {
  expect([meant("own"), meant("own.conf"), meant("app.ini")]).toEqual([null, null, null]);
});

test("a command behind its file, and a mistyped one, are named", () => {
  expect(meant("app.ini", "check")).toBe(
    'cannot read "check": no such file: did you mean reeve check app.ini',
  );
  expect(meant("chek", "app.ini")).toContain('did you mean "check"?');
  expect([meant("check", "x"), meant("nothing-like-it"), meant("--uid", "sleep")]).toEqual([
    null,
    null,
    null,
  ]);
});

test("what people type gets an answer, exit code 2 where nothing was done", () => {
  using directory = new Directory();
  const file = directory.file("a.ini", "[uwsgi]\nattach-daemon = sleep 1\nshow-config = true\n");
  const answer = (...words: string[]) => {
    const { code, out, err } = reeve(words, { cwd: directory.path });
    return [code, (err + out).split("\n")[0]];
  };
  const echo = 'cannot read "echo": no such file; it is a program: did you mean reeve -- echo ';
  expect(answer("echo", "x")).toEqual([2, `${echo}x`]);
  expect(answer("echo", "-n", "x")).toEqual([2, `${echo}-n x`]);
  expect(answer("no.ini")).toEqual([
    2,
    `cannot read "no.ini": no such file or directory (relative to "${directory.path}")`,
  ]);
  expect(answer("version")).toEqual(answer("--version"));
  expect(answer("-v")).toEqual(answer("--version"));
  expect(answer("-?")).toEqual(answer("--help"));
  const shown = reeve([file]).out;
  expect(reeve(["run", file])).toMatchObject({ code: 0, out: shown });
  expect(reeve(["-c", file])).toMatchObject({ code: 0, out: shown });
  expect(answer("run")).toEqual([2, "run needs a configuration file: reeve run FILE"]);
  expect(answer("check", "--uid", "no-such-user", "a.ini")[1]).toStartWith(
    '--uid: unknown user "no-such-user"',
  );
});
