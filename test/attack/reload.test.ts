/**
 * A reload at a bad moment: whoever stops reeve while it reloads gets a stop, and what the configuration has
 * become meanwhile never costs the supervisor.
 */
import { expect } from "bun:test";
import { rmSync } from "node:fs";
import { check, reeve } from "../e2e/need.ts";
import { until } from "../e2e/wait.ts";

check("TERM at any instant of a reload stops reeve", [reeve], async (scope) => {
  const config = scope.config(["attach-daemon = sleep 78101"]);
  for (let round = 0; round < 40; round++) {
    const supervisor = scope.reeve(config);
    await supervisor.untilLog(/reeve is up/);
    supervisor.signal("SIGHUP");
    // A different instant in each round, between the first line of the reload and some time after its last.
    const end = performance.now() + (round % 20) * 1.3;
    while (performance.now() < end);
    supervisor.signal("SIGTERM");
    expect((await supervisor.untilExit(5)).code).toBe(0);
    expect(scope.matching(/^sleep 78101/)).toEqual([]);
  }
}, 60);

check("a FIFO in the place of the configuration, without a writer, does not hold a reload up", [
  reeve,
], async (scope) => {
  const config = scope.config(["attach-daemon = sleep 78102"]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/reeve is up/);
  const daemon = await scope.untilOne(/^sleep 78102/);
  rmSync(config);
  expect((await scope.run(["mkfifo", config])).code).toBe(0);
  supervisor.signal("SIGHUP");
  await supervisor.untilLog(/cannot read[^\n]*regular file/);
  await supervisor.untilLog(/everything goes on as it is/);
  expect(scope.matching(/^sleep 78102/).map(({ pid }) => pid)).toEqual([daemon.pid]);
  expect((await supervisor.stop()).code).toBe(0);
});

check("a configuration that goes bad while the daemons of a reload stop: the one that was checked is used", [
  reeve,
], async (scope) => {
  const stubborn = "sh -c \"trap '' TERM; echo trapped; while :; do sleep 0.05; done\" 78103";
  const config = scope.config([
    `attach-daemon2 = cmd=${stubborn},stop_timeout=1`,
    "attach-daemon = sleep 78104",
  ]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/trapped/);
  supervisor.signal("SIGHUP");
  await supervisor.untilLog(/stopping daemon/);
  scope.write("test.ini", "[uwsgi\nattach-daemon =");
  await supervisor.untilLog(/reeve is back/);
  await until("the daemons are back", () => scope.matching(/^sleep 78104/).length === 1);
  expect((await supervisor.stop()).code).toBe(0);
});
