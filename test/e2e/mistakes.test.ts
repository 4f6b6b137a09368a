/**
 * Configurations with one mistake, or one surprise, each: what `reeve check` says of it and with which exit
 * code, and that a start agrees: what the one refuses the other refuses.
 */
import { expect } from "bun:test";
import { chmodSync, copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Scope } from "./harness.ts";
import { MISTAKES } from "./mistakes_table.ts";
import { check, REEVE, reeve } from "./need.ts";
import { until } from "./wait.ts";

const CASES = new URL("../cases/mistakes/", import.meta.url).pathname;
const SCRATCH = "/tmp/newc-";

/** A copy of all cases, whose scratch files are its own, and a memcached that listens nowhere. */
function copyCases(scope: Scope): { readonly cwd: string; readonly environment: Record<string, string> } {
  const cwd = scope.directoryFor("cases");
  for (const name of readdirSync(CASES)) {
    const path = join(cwd, name);
    copyFileSync(join(CASES, name), path);
    chmodSync(path, /\.sh$/.test(name) && name !== "plain.sh" ? 0o755 : 0o644);
    if (!/^[0-9]/.test(name)) continue;
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(SCRATCH, `${cwd}/`));
  }
  scope.directoryFor("cases/bin");
  scope.write("cases/bin/memcached", "#!/bin/sh\nexec sleep 90000\n", 0o755);
  return { cwd, environment: { PATH: `${cwd}/bin:/usr/bin:/bin` } };
}

check("every mistake has its line in the table", [], () => {
  const files = readdirSync(CASES).filter((name) => /^[0-9]/.test(name)).sort();
  expect(MISTAKES.map(({ file }) => file)).toEqual(files);
  return Promise.resolve();
});

for (const { file, code, says } of MISTAKES) {
  check(`${file}: check says what to write, and a start agrees`, [reeve], async (scope) => {
    const options = copyCases(scope);
    const checked = await scope.run([REEVE, "check", file], options);
    const lines = checked.output.split("\n").slice(0, -2).filter((line) => !/difference \d+:/.test(line));
    expect(lines.map((line) => line.replaceAll(options.cwd, "DIR"))).toEqual([...says]);
    expect(checked.code).toBe(code);

    const started = scope.reeve([file, "--run-dir", scope.path("run")], options);
    await until("it is up, or refused", () => started.hasExited || /reeve is up/.test(started.log()), {
      explain: () => started.log(),
    });
    if (code === 2) {
      expect((await started.untilExit()).code).toBe(2);
      // What a check calls an error is what the start says as well.
      for (const line of lines.filter((text) => !/ (?:warning|note): |^(?:warning|note): /.test(text))) {
        expect(started.log()).toContain(line.replaceAll("DIR", options.cwd));
      }
    } else {
      expect(started.hasExited).toBe(false);
      expect((await started.stop()).code).toBe(0);
    }
  });
}
