/**
 * A reload with [daemon:NAME] sections: those that did not change do not notice, all others become what is
 * configured, and the lines of uWSGI do as they always have.
 */
import { expect } from "bun:test";
import { check, reeve } from "./need.ts";
import { isAlive, pidIn } from "./process.ts";
import { until } from "./wait.ts";

const section = (
  name: string,
  ...lines: readonly string[]
): readonly string[] => [`[daemon:${name}]`, ...lines];

check("a reload leaves sections alone that did not change, dumb ones too", [reeve], async (scope) => {
  const pidfile = scope.path("s.pid");
  const smart = (...lines: readonly string[]) =>
    section("smart", `pidfile = ${pidfile}`, "daemonize = 1", ...lines);
  const config = scope.config([
    "attach-daemon = sleep 86301",
    ...section("same", "command = sleep 86302"),
    ...section("other", "command = sleep 86303"),
    ...section("gone", "command = sleep 86304"),
    ...section("old", "command = sleep 86305"),
    ...smart("command = sleep 86306"),
  ]);
  const supervisor = scope.reeve(config);
  const [line, same, other, gone, old, kept] = await Promise.all(
    [1, 2, 3, 4, 5, 6].map((number) => scope.untilOne(new RegExp(`^sleep 8630${number}`))),
  );
  const from = supervisor.log().length;
  scope.config([
    "attach-daemon = sleep 86301",
    ...section("same", "command = sleep 86302", "stop_timeout = 9"),
    ...section("other", "command = sleep 86313"),
    ...section("new", "command = sleep 86305"),
    ...smart("command = sleep 86316"),
  ]);
  supervisor.signal("SIGHUP");
  await supervisor.untilLog(/reeve is back/, { from });
  await scope.untilOne(/^sleep 86313/);
  await until("the line's daemon is another", () => {
    const [now] = scope.matching(/^sleep 86301/);
    return now !== undefined && !isAlive(line!);
  });
  expect([same, other, gone, old, kept].map((daemon) => isAlive(daemon!))).toEqual([
    true,
    false,
    false,
    true,
    true,
  ]);
  const log = supervisor.log().slice(from);
  expect(log).toMatch(/warning smart: runs as it was started, which is not as it is configured/);
  expect(log).not.toMatch(/(same|new): (spawning|respawning|stopping)/);
  // What it forks is still known, and a second reload finds it again.
  supervisor.signal("SIGHUP");
  await until("it is back again", () => supervisor.log().slice(from).split("reeve is back").length === 3);
  expect([same, old, kept].map((daemon) => isAlive(daemon!))).toEqual([true, true, true]);
  // It is supervised: its end is seen, and it is started again.
  process.kill(same!.pid, "SIGKILL");
  await until("it runs again", () => scope.matching(/^sleep 86302/).some(({ pid }) => pid !== same!.pid));
  expect((await supervisor.stop()).code).toBe(0);
  expect([isAlive(old!), pidIn(pidfile)]).toEqual([false, kept!.pid]);
  process.kill(kept!.pid, "SIGTERM");
});
