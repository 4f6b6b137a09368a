/** Files and directories that a legion needs on the system. */
import { describe, expect, test } from "bun:test";
import { formatDiagnostic } from "../../../lib/config/diagnostic.ts";
import { findProblems } from "../../../lib/config/check/problems.ts";
import { build, fakeSystem, ORDINARY } from "../build/fake_system.ts";
import { SECRET } from "../build/legion/scene.ts";

describe("what a legion needs on the system", () => {
  function problems(text: string, files = {}): string[] {
    const there = fakeSystem({ ...ORDINARY, ...files });
    const { plan, diagnostics } = build(text, there);
    expect(diagnostics.hasErrors).toBe(false);
    diagnostics.list.length = 0;
    findProblems(plan, there, "start", diagnostics);
    return diagnostics.list.map(formatDiagnostic);
  }

  test("is the directory of its socket", () => {
    expect(problems("legion = a /tmp/s 1 bf-cbc:x\nstats = /tmp/t")).toEqual([]);
    expect(problems("legion = a /nodir/s 1 bf-cbc:x")).toEqual([
      'app.ini:1: cannot make the socket "/nodir/s" of legion "a": no such directory: "/nodir", make it first',
    ]);
    expect(problems("stats = /bin/sh")[0]).toContain("a file has this name");
  });

  test("is the files of its key and password, which nobody else may read", () => {
    const text = `legion-etcd = a https://h:1 1 user=u:${SECRET} cert=/c key=/k`;
    const files = { "/c": {}, "/k": { mode: 0o600 }, [`/home/me/${SECRET}`]: { mode: 0o600 } };
    expect(problems(text, files)).toEqual([]);
    expect(problems(text, { ...files, "/k": { mode: 0o644 } })).toEqual([
      'app.ini:1: warning: everybody may look at the key of legion "a" "/k": chmod 600 /k',
    ]);
    const missing = problems(text).join("\n");
    expect(missing).toContain('cannot read the password file of legion "a": no such file');
    expect(missing).not.toContain(SECRET);
  });
});
