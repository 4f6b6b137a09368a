/**
 * PID 1 in a bad container: nobody reads its stderr, and its core is killed. The container goes on and can be
 * stopped.
 */
import { expect } from "bun:test";
import { constants, openSync, readFileSync, writeSync } from "node:fs";
import { check, pidNamespace, program, reeve } from "../e2e/need.ts";
import { signal } from "../e2e/process.ts";
import { until } from "../e2e/wait.ts";

check("stderr is a pipe that is full: a killed core is started again, and TERM ends the container", [
  reeve,
  pidNamespace,
  program("mkfifo", "coreutils"),
], async (scope) => {
  const fifo = scope.path("stderr");
  expect((await scope.run(["mkfifo", fifo])).code).toBe(0);
  const reader = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const config = scope.config(["attach-daemon = sleep 78501"]);
  const supervisor = scope.reeve(config, {
    firstProcess: true,
    wrap: ["sh", "-c", `exec "$@" >${fifo} 2>&1`, "sh"],
  });
  await supervisor.untilFirstProcess();
  await scope.untilOne(/^sleep 78501/);
  const coreOf = () => scope.coreOf(supervisor.id);
  const core = await until("the core runs", coreOf);
  expect(() => {
    for (;;) writeSync(reader, "x".repeat(4096));
  }).toThrow(/EAGAIN/);
  expect(readFileSync(`/proc/${supervisor.id.pid}/comm`, "utf8")).toBe("reeve\n");
  signal(core, "SIGKILL");
  await until("another core runs", () => {
    const now = coreOf();
    return now !== null && now.pid !== core.pid;
  });
  await scope.untilOne(/^sleep 78501/);
  supervisor.signal("SIGTERM");
  await supervisor.untilExit();
}, 60);
