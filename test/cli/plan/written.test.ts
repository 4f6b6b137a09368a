/** `reeve plan --as=sections` and `--as=lines`, as they are typed. */
import { afterAll, describe, expect, test } from "bun:test";
import { Directory, reeve } from "../cli.ts";

const directory = new Directory();
afterAll(() => directory[Symbol.dispose]());
const file = (name: string, text: string): string => directory.file(name, text);

const LINES = "[uwsgi]\nmine = 1\nenv = PASSWORD=secret\nattach-daemon = sleep %(mine)\n" +
  "attach-daemon2 = name=web,cmd=sleep 2\\, 3%%,env=A=1;B=2,stop_timeout=5\n";

describe("reeve plan", () => {
  test("--as=sections prints every daemon as a section, secrets and all", () => {
    expect(reeve(["plan", file("a.ini", LINES), "--as=sections"])).toEqual({
      code: 0,
      out: "[uwsgi]\nenv = PASSWORD=secret\n\n[daemon:sleep]\ncommand = sleep 1\n\n" +
        "[daemon:web]\ncommand = sleep 2, 3%%\nstop_timeout = 5\nenv = A=1\nenv = B=2\n",
      err: "",
    });
  });

  test("--as=lines prints every daemon in a line, as it was written where it was in one", () => {
    const text = "[daemon:web]\ncommand = sleep 2, 3\nenv = A=1;2\n[uwsgi]\nattach-daemon = sleep 1\n";
    expect(reeve(["plan", file("b.ini", text), "--as", "lines"])).toMatchObject({
      code: 0,
      out: "[uwsgi]\nattach-daemon = sleep 1\nattach-daemon2 = command=sleep 2\\, 3,name=web,env=A=1\\\\;2\n",
    });
  });

  test("--as=lines names the key that a line has no words for", () => {
    const text = "daemons:\n  web: {command: sleep 1, env: 'A= '}\n";
    expect(reeve(["plan", file("c.yaml", text), "--as=lines"])).toEqual({
      code: 1,
      out: "",
      err: 'cannot write daemon "web" in a line: the value of "env" has no form there\n',
    });
  });

  test("--as=sections prints YAML where INI has no words, and what this host lacks is no matter", () => {
    const text = "daemons:\n  web:\n    command: |\n      echo a\n      exec sleep 1\n    chdir: /no/such\n";
    const { code, out, err } = reeve(["plan", file("d.yaml", text), "--as=sections"]);
    expect([code, out]).toEqual([
      0,
      'daemons:\n  "web":\n    command: "echo a\\nexec sleep 1"\n    chdir: "/no/such"\n',
    ]);
    expect(err).toContain('cannot enter chdir "/no/such"');
    expect(err).toContain(
      'note: this is YAML, for the value of "command" of daemon "web" has a line end in it',
    );
  });

  test("the instance keeps its name, and other sections are not in it", () => {
    const path = file(
      "e.ini",
      "[prod]\nonly-daemons = a\n[daemon:a]\ncommand = sleep 1\n[daemon:b]\ncommand = sleep 2\n",
    );
    expect(reeve(["plan", `${path}:prod`, "--as=sections"]).out).toBe(
      "[uwsgi]\ninstance-name = e.prod\n\n[daemon:a]\ncommand = sleep 1\n",
    );
  });

  test("an unknown form, and two forms, are wrong words", () => {
    expect(reeve(["plan", file("f.ini", LINES), "--as=line"])).toEqual({
      code: 2,
      out: "",
      err: 'cannot print a plan as "line": --as takes "sections" or "lines"\n',
    });
    expect(reeve(["plan", file("f.ini", LINES), "--as=lines", "--json"]).code).toBe(2);
  });

  test("a configuration with errors is not written", () => {
    expect(reeve(["plan", file("g.ini", "[daemon:a]\ncommand = sleep 1\nfoo = 1\n"), "--as=sections"]))
      .toMatchObject({
        code: 2,
        out: "",
      });
  });
});
