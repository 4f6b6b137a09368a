/**
 * Deaths, stops and reloads at the worst instant, and daemons that stand in each other's way: who must live,
 * who must die, and that none is started twice.
 */
import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { fixture } from "../fixtures/compile.ts";
import { check, program, reeve } from "./need.ts";
import { identify, isAlive, pidIn, signal } from "./process.ts";
import { until } from "./wait.ts";

check("a daemon that ends while the new image still waits and runs its hooks is started again", [
  reeve,
], async (scope) => {
  const gate = scope.write("gate", "");
  const pidfile = scope.path("d.pid");
  const config = scope.config([
    `wait-for-file = ${gate}`,
    `smart-attach-daemon2 = ${pidfile} sleep 79001`,
    `attach-daemon = sleep 79002`,
  ]);
  const supervisor = scope.reeve(config);
  const before = await scope.untilOne(/^sleep 79001/);
  await supervisor.untilLog(/reeve is up/);
  await scope.run(["rm", gate]);
  supervisor.signal("SIGHUP");
  await supervisor.untilLog(/waiting for|wait-for-file/);
  expect(isAlive(before)).toBe(true);
  signal(before, "SIGKILL");
  await until("it has been reaped", () => identify(before.pid) === null);
  writeFileSync(gate, "");
  await supervisor.untilLog(/reeve is back/);
  const after = await scope.untilOne(/^sleep 79001/);
  expect(after.pid).not.toBe(before.pid);
  expect((await supervisor.stop()).code).toBe(0);
});

check("a touched daemon that ignores its signal is killed by the image after a reload", [
  reeve,
], async (scope) => {
  const pidfile = scope.path("d.pid");
  const touch = scope.write("touch", "");
  const ignore = fixture("ignore_term");
  const config = scope.config([
    `attach-daemon2 = cmd=${ignore} ${
      scope.path("up")
    },pidfile=${pidfile},daemonize=1,touch=${touch},stop_timeout=2`,
  ]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/reeve is up/);
  await scope.untilFile("up", /\d/);
  const before = identify(pidIn(pidfile)!)!;
  await scope.run(["touch", "-d", "+10 seconds", touch]);
  await supervisor.untilLog(/stopping daemon/);
  supervisor.signal("SIGHUP");
  await supervisor.untilLog(/reeve is back/);
  await until("the old one is killed", () => !isAlive(before));
  await until("and another runs", () => {
    const pid = pidIn(pidfile);
    return pid !== null && pid !== before.pid && identify(pid) !== null;
  });
  signal(identify(pidIn(pidfile)!)!, "SIGKILL");
  expect((await supervisor.stop("SIGQUIT")).code).toBe(0);
});

check("a reload whose next core cannot be executed is tried again until it can, and the daemons are back", [
  reeve,
  program("prlimit", "util-linux"),
], async (scope) => {
  const config = scope.config(["attach-daemon = sleep 79011"]);
  const environment = Object.fromEntries(
    Array.from({ length: 5 }, (_, index) => [`LARGE_${index}`, "x".repeat(100_000)]),
  );
  const supervisor = scope.reeve(config, { environment });
  await supervisor.untilLog(/reeve is up/);
  const before = await scope.untilOne(/^sleep 79011/);
  // A quarter of the stack is what an exec may take.
  const pid = `${supervisor.id.pid}`;
  expect((await scope.run(["prlimit", "--pid", pid, "--stack=262144:unlimited"])).code).toBe(0);
  supervisor.signal("SIGHUP");
  await until("the dumb daemon is down", () => !isAlive(before));
  await until("no core runs", () => scope.coreOf(supervisor.id) === null);
  expect((await scope.run(["prlimit", "--pid", pid, "--stack=8388608:unlimited"])).code).toBe(0);
  await supervisor.untilLog(/reeve is back/);
  await scope.untilOne(/^sleep 79011/);
  expect((await supervisor.stop()).code).toBe(0);
});

check("a pidfile that names another daemon of the instance is not believed", [reeve], async (scope) => {
  const pidfile = scope.path("b.pid");
  const config = scope.config([
    `attach-daemon2 = cmd=sleep 79021,name=first`,
    `attach-daemon2 = cmd=${fixture("daemonize_with_pidfile")} ${pidfile} 400,pidfile=${pidfile},name=second`,
  ]);
  const supervisor = scope.reeve(config);
  const first = await scope.untilOne(/^sleep 79021/);
  writeFileSync(pidfile, `${first.pid}\n`);
  await until("the second one's own process is in its pidfile", () => {
    const pid = pidIn(pidfile);
    return pid !== null && pid !== first.pid;
  });
  await supervisor.untilLog(/second: running \(pid: \d+\)|running \(pid: \d+\)/);
  supervisor.signal("SIGHUP");
  await supervisor.untilLog(/reeve is back/);
  const next = await scope.untilOne(/^sleep 79021/);
  expect(next.pid).not.toBe(first.pid);
  expect(scope.matching(/daemonize_with_pidfile /)).toHaveLength(1);
  expect(supervisor.log()).not.toContain(`running (pid: ${first.pid})`);
  expect((await supervisor.stop()).code).toBe(0);
});

check("a wrapper that outlives the daemon it started is ended before the next one comes", [
  reeve,
], async (scope) => {
  const pidfile = scope.path("d.pid");
  const wrapper = scope.write(
    "wrapper",
    `#!/bin/sh\nsetsid sleep 79031 & echo $! > ${pidfile}\nwait\nexec sleep 79032\n`,
    0o755,
  );
  const supervisor = scope.reeve(scope.config([`smart-attach-daemon = ${pidfile} ${wrapper}`]));
  await supervisor.untilLog(/running \(pid: \d+\)/);
  const daemon = await scope.untilOne(/^sleep 79031/);
  signal(daemon, "SIGKILL");
  await until("another daemon runs", () => {
    const now = scope.matching(/^sleep 79031/);
    return now.length === 1 && now[0]!.pid !== daemon.pid;
  });
  expect(scope.matching(/^sleep 79032/)).toEqual([]);
  expect(scope.matching(/wrapper/)).toHaveLength(1);
});

check("a command line longer than one string of an environment may be", [reeve], async (scope) => {
  const config = scope.config(["attach-daemon = sleep 79041"]);
  const words = ["one", "two"].flatMap((name) => ["--set-placeholder", `${name}=${"x".repeat(120_000)}`]);
  const supervisor = scope.reeve([config, ...words]);
  await supervisor.untilLog(/reeve is up/);
  supervisor.signal("SIGHUP");
  await supervisor.untilLog(/reeve is back/);
  expect((await supervisor.stop()).code).toBe(0);
});

check("a stop at any instant of a start leaves nothing behind", [reeve], async (scope) => {
  const config = scope.config(["attach-daemon = sleep 79051", "attach-daemon = sh -c 'sleep 79052; true'"]);
  for (let round = 0; round < 30; round++) {
    const supervisor = scope.reeve(config);
    await supervisor.untilLog(/spawning/);
    const end = performance.now() + round * 0.4;
    while (performance.now() < end);
    supervisor.signal("SIGTERM");
    expect((await supervisor.untilExit(5)).code).toBe(0);
    expect(scope.matching(/^sleep 7905/)).toEqual([]);
  }
}, 60);

check("a daemon killed again and again while reeve reloads again and again: one of it is left", [
  reeve,
], async (scope) => {
  const pidfile = scope.path("d.pid");
  const config = scope.config([
    `smart-attach-daemon = ${pidfile} ${fixture("daemonize_with_pidfile")} ${pidfile}`,
    `smart-attach-daemon2 = ${scope.path("e.pid")} sleep 79061`,
  ]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/reeve is up/);
  // Each round may be a failed start, and after ten of them in a row the next one is minutes away.
  for (let round = 0; round < 8; round++) {
    for (const victim of scope.matching(/^\S+\/daemonize_with_pidfile |^sleep 79061/)) {
      signal(victim, "SIGKILL");
    }
    const end = performance.now() + round;
    while (performance.now() < end);
    supervisor.signal("SIGHUP");
    await until(
      "the reload is done",
      () => (readFileSync(scope.path("log.0"), "utf8").match(/reeve is back/g) ?? []).length > round,
    );
  }
  await until("both run", () => {
    const smart = pidIn(pidfile);
    return smart !== null && identify(smart) !== null && scope.matching(/^sleep 79061/).length === 1;
  }, { seconds: 30 });
  expect(scope.matching(/^\S+\/daemonize_with_pidfile /)).toHaveLength(1);
  expect(scope.matching(/^sleep 79061/)).toHaveLength(1);
}, 90);
