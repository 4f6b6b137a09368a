/**
 * Until an instance is up, what it has to say goes to whoever started it and to its log; from then on to the
 * log alone.
 */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { check, REEVE, reeve } from "./need.ts";

for (const option of ["logto", "logto2", "daemonize"]) {
  check(
    `a start that is refused says why on the terminal and in the log: ${option}`,
    [reeve],
    async (scope) => {
      const log = scope.path("app.log");
      const config = scope.config([
        `${option} = ${log}`,
        "hook-pre-app = exec:false",
        "attach-daemon = sleep 900",
      ]);
      const { code, output } = await scope.reeve(config).untilExit();
      expect(code).toBe(1);
      const reason = /error .*test\.ini:\d+: .*"false" exited with non-zero code/;
      expect(output).toMatch(reason);
      expect(readFileSync(log, "utf8")).toMatch(reason);
    },
  );
}

check("an instance that is up says nothing more on the terminal, and holds nobody who reads there", [
  reeve,
], async (scope) => {
  const log = scope.path("app.log");
  const config = scope.config([`daemonize = ${log}`, "attach-daemon = echo out of the daemon; sleep 900"]);
  // The end of the pipe is seen once nobody has the terminal's place any more.
  const { code, output } = await scope.run(["sh", "-c", `"$1" "$2" 2>&1 | cat`, "sh", REEVE, config]);
  expect(code).toBe(0);
  expect(output).toMatch(/spawning "echo out of the daemon; sleep 900"[^]*reeve is up[^\n]*\n$/);
  expect(output).not.toContain("\nout of the daemon");
  const text = await scope.untilFile("app.log", /^out of the daemon$/m);
  expect(text.input).toContain("reeve is up");
});

check("a log that is the terminal has every line once", [reeve], async (scope) => {
  const supervisor = scope.reeve(scope.config(["logto = /dev/stderr", "attach-daemon = sleep 900"]));
  await supervisor.untilLog(/reeve is up/);
  const { output } = await supervisor.stop();
  expect(output.match(/reeve is up/g)).toHaveLength(1);
});

check("a reload speaks to the log alone", [reeve], async (scope) => {
  const supervisor = scope.reeve(
    scope.config([`logto = ${scope.path("app.log")}`, "log-reopen = true", "attach-daemon = sleep 900"]),
  );
  await supervisor.untilLog(/reeve is up/);
  const before = supervisor.log();
  supervisor.signal("SIGHUP");
  await scope.untilFile("app.log", /reeve is back/);
  const { output } = await supervisor.stop();
  expect(output).toBe(before);
});
