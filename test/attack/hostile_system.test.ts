/**
 * A system that is pulled away from under a running reeve: its directory is removed, its descriptors are
 * taken away. reeve goes on, and so does every daemon that it has.
 */
import { expect } from "bun:test";
import { rmdirSync } from "node:fs";
import { check, program, reeve } from "../e2e/need.ts";
import { isAlive, signal } from "../e2e/process.ts";
import { until } from "../e2e/wait.ts";

check("the directory that reeve was started in is removed: a reload costs no daemon and still works", [
  reeve,
], async (scope) => {
  const config = scope.config(["attach-daemon = sleep 78001"]);
  const cwd = scope.directoryFor("gone");
  const supervisor = scope.reeve(config, { cwd });
  await supervisor.untilLog(/reeve is up/);
  const before = await scope.untilOne(/^sleep 78001/);
  rmdirSync(cwd);
  supervisor.signal("SIGHUP");
  await supervisor.untilLog(/reeve is back/);
  const after = await scope.untilOne(/^sleep 78001/);
  expect(after.pid).not.toBe(before.pid);
  expect((await supervisor.stop()).code).toBe(0);
});

check("no descriptor is left while a daemon dies: reeve lives, and the daemon is back once there are some", [
  reeve,
  program("prlimit", "util-linux"),
], async (scope) => {
  const config = scope.config(["attach-daemon = sleep 78002", "attach-daemon = sleep 78003"]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/reeve is up/);
  const victim = await scope.untilOne(/^sleep 78002/);
  const other = await scope.untilOne(/^sleep 78003/);
  const limit = async (files: string) => {
    for (const { pid } of [supervisor.id, await supervisor.untilCore()]) {
      const set = await scope.run(["prlimit", "--pid", `${pid}`, `--nofile=${files}:`]);
      expect(set.code).toBe(0);
    }
  };
  await limit("5");
  signal(victim, "SIGKILL");
  await until(
    "its death was seen",
    () => /was killed by signal 9|too many open files/.test(supervisor.log()),
  );
  supervisor.signal("SIGHUP");
  supervisor.signal("SIGUSR1");
  await supervisor.untilLog(/sleep-2: running/);
  expect(isAlive(supervisor.id)).toBe(true);
  expect(isAlive(other)).toBe(true);
  await limit("1000");
  await until(
    "the daemon is back",
    () => scope.matching(/^sleep 78002/).some((one) => one.pid !== victim.pid),
    {
      seconds: 15,
      explain: () => scope.explain(),
    },
  );
  expect((await supervisor.stop()).code).toBe(0);
});
