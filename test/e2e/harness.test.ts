/**
 * The harness itself, tried on uWSGI and on plain commands: what it promises must hold before a test relies
 * on it.
 */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { Scope } from "./harness.ts";
import { check, pidNamespace, program } from "./need.ts";
import { identify, isAlive, sameProcess, signal } from "./process.ts";
import { DeadlineError, until } from "./wait.ts";

const shell = program("sh", "dash");

test("a condition that never holds fails with what was waited for", async () => {
  const failed = await until("the moon is blue", () => false, { seconds: 0.05, explain: () => "it is grey" })
    .catch((
      error: unknown,
    ) => error);
  expect(failed).toBeInstanceOf(DeadlineError);
  expect(String(failed)).toContain("the moon is blue\nit is grey");
});

test("a scope that ends takes its processes and its directory with it, daemonized ones too", async () => {
  let daemon: ReturnType<typeof identify> = null;
  let directory = "";
  {
    await using scope = new Scope();
    directory = scope.directory;
    await scope.run(["sh", "-c", "setsid sleep 1007 & exit 0"]);
    daemon = await scope.untilOne(/^sleep 1007/);
    expect(isAlive(daemon)).toBe(true);
  }
  expect(daemon !== null && isAlive(daemon)).toBe(false);
  expect(existsSync(directory)).toBe(false);
});

test("a process that is not the one that was identified is not signalled", () => {
  const self = identify(process.pid);
  expect(self).not.toBeNull();
  expect(signal({ pid: process.pid, start: (self?.start ?? 0) - 1 }, "SIGKILL")).toBe(false);
  expect(sameProcess(self, identify(process.pid))).toBe(true);
});

check("exit codes are those a shell would report", [shell], async (scope) => {
  expect(await scope.run(["sh", "-c", "echo one; echo two >&2; exit 7"])).toEqual({
    code: 7,
    output: "one\ntwo\n",
  });
  expect((await scope.run(["sh", "-c", "kill -TERM $$"])).code).toBe(143);
});

check("PID 1 of a namespace is found from outside", [pidNamespace], async (scope) => {
  const supervisor = scope.start(["sleep", "1008"], { firstProcess: true });
  const first = await supervisor.untilFirstProcess();
  expect(first.pid).not.toBe(supervisor.outer.pid);
  await supervisor.kill();
  // unshare(1) does not pass on that its child died of a signal, only exit codes.
  await supervisor.untilExit();
});

check("uWSGI runs a daemon and starts it again", [program("uwsgi", "uwsgi-core")], async (scope) => {
  const supervisor = scope.uwsgi(scope.config(["attach-daemon = exec sleep 1009"]));
  const first = await scope.untilOne(/^sleep 1009/);
  signal(first, "SIGKILL");
  const second = await until(
    "another one",
    () => scope.matching(/^sleep 1009/).find((one) => one.pid !== first.pid),
  );
  expect(isAlive(second)).toBe(true);
  expect((await supervisor.stop()).code).toBe(0);
});
