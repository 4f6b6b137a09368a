/** Daemons of sections, as they run. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { check, REEVE, reeve } from "./need.ts";

check("a daemon of a section runs with its own variables, beside one of a line", [reeve], async (scope) => {
  const supervisor = scope.reeve(scope.config([
    "env = SHARED=instance",
    "env = OWN=instance",
    "attach-daemon = sleep 86371",
    "[daemon:*]",
    "env = DEFAULT=%(name)",
    "[daemon:web]",
    "command = sleep %(seconds)",
    "set-ph = seconds=86372",
    "env = OWN=web;1, 2",
    "[daemon:off]",
    "command = sleep 86373",
    "startup = disabled",
    "[uwsgi]",
    "daemon-env = LOWEST=%n",
  ]));
  const line = await scope.untilOne(/^sleep 86371/);
  const web = await scope.untilOne(/^sleep 86372/);
  await supervisor.untilLog(/reeve is up .*daemons=3/);
  const variables = (pid: number) => readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  expect(variables(web.pid)).toEqual(
    expect.arrayContaining(["SHARED=instance", "OWN=web;1, 2", "DEFAULT=web", "LOWEST=test"]),
  );
  expect(variables(line.pid)).toEqual(expect.arrayContaining(["OWN=instance", "LOWEST=test"]));
  expect(variables(line.pid).some((one) => one.startsWith("DEFAULT="))).toBe(false);
  expect(scope.matching(/^sleep 86373/)).toEqual([]);
  expect((await supervisor.stop()).code).toBe(0);
});

check("a program is looked for in the PATH of its section", [reeve], async (scope) => {
  const config = scope.config(["[daemon:a]", "command = sleep 86374", "env = PATH=/nowhere"]);
  const check = scope.start([REEVE, "check", config]);
  expect((await check.untilExit()).code).toBe(2);
  expect(check.log()).toContain('cannot run "sleep": not found in PATH /nowhere');
});
