/**
 * What daemons leave behind, at the worst moment: nothing of it meets the next daemon, and none of it ends
 * reeve.
 */
import { expect } from "bun:test";
import { chmodSync, chownSync, copyFileSync } from "node:fs";
import { fixture } from "../fixtures/compile.ts";
import { check, program, reeve, root } from "../e2e/need.ts";
import { isAlive, signal } from "../e2e/process.ts";
import { until } from "../e2e/wait.ts";

/** Its leader ends at TERM at once, its child hears nothing but KILL. */
const LEAVER = `#!/bin/sh
trap 'exit 0' TERM
sh -c "trap '' TERM; while :; do sleep 0.1; done # stubborn-$1" &
while :; do sleep 0.05; done
`;

check("reeve is killed while it waits for what a dead leader left: the next one ends that first", [
  reeve,
], async (scope) => {
  const leaver = scope.write("leaver", LEAVER, 0o755);
  const config = scope.config([`attach-daemon2 = cmd=${leaver} 78201,stop_timeout=60`]);
  const first = scope.reeve(config);
  await first.untilLog(/reeve is up/);
  const left = await scope.untilMinds(/^sh -c trap.*stubborn-78201/, "SIGTERM");
  first.signal("SIGTERM");
  await first.untilLog(/annihilated/);
  await first.kill();
  expect(isAlive(left)).toBe(true);
  const second = scope.reeve(config);
  await second.untilLog(/reeve is up/);
  expect(isAlive(left)).toBe(false);
});

check("reeve is killed while it waits at its start: the one after it still knows what the first one left", [
  reeve,
], async (scope) => {
  const leaver = scope.write("leaver", LEAVER, 0o755);
  const daemon = `attach-daemon = ${leaver} 78202`;
  const first = scope.reeve(scope.config([daemon]));
  const left = await scope.untilOne(/^sh -c trap.*stubborn-78202/);
  await until(
    "the record says that the leader lives",
    () => /"kind":"alive"/.test(scope.read("run/journal")),
  );
  await first.kill();
  const second = scope.reeve(scope.config([`wait-for-file = ${scope.path("never")}`, daemon]));
  await second.untilLog(/waiting|never/i);
  await second.kill();
  const third = scope.reeve(scope.config([daemon]));
  await third.untilLog(/reeve is up/);
  expect(isAlive(left)).toBe(false);
  expect((await third.stop()).code).toBe(0);
});

check("a process of another user in what a daemon left does not end reeve", [
  reeve,
  root,
  program("setpriv", "util-linux"),
], async (scope) => {
  const become = scope.path("become_root");
  copyFileSync(fixture("become_root"), become);
  chownSync(become, 0, 0);
  chmodSync(become, 0o4755);
  const leaver = scope.write("leaver", `#!/bin/sh\n${become} 78203 &\nsleep 0.3\nexit 3\n`, 0o755);
  chownSync(scope.directoryFor("run", 0o700), 54323, 54323);
  const config = scope.config([
    `attach-daemon2 = cmd=${leaver},stop_timeout=1`,
    "attach-daemon = sleep 78204",
  ]);
  const supervisor = scope.reeve(config, {
    wrap: ["setpriv", "--reuid=54323", "--regid=54323", "--clear-groups"],
  });
  await supervisor.untilLog(/exited with code 3/);
  await scope.untilOne(/become_root 78203/);
  const other = await scope.untilOne(/^sleep 78204/);
  supervisor.signal("SIGUSR1");
  await supervisor.untilLog(/sleep: running/);
  expect(isAlive(supervisor.id)).toBe(true);
  expect(supervisor.log()).not.toMatch(/fault of reeve/);
  expect(isAlive(other)).toBe(true);
  expect((await supervisor.stop()).code).toBe(0);
});

check("reeve is killed in the first moment of a daemon: what the daemon forked does not meet the next one", [
  reeve,
], async (scope) => {
  // Its leader dies with reeve; nobody has seen it alive since its child was there.
  const config = scope.config([`attach-daemon = sh -c "sleep 78205 & exec sleep 78206"`]);
  for (let round = 0; round < 3; round++) {
    const supervisor = scope.reeve(config);
    const leader = await scope.untilOne(/^sleep 78206/);
    await scope.untilOne(/^sleep 78205/);
    // Its first children are there before anybody has seen it alive; but that it was started is on record.
    await until("the daemon is on record", () => scope.read("run/journal").includes(`"pid":${leader.pid},`));
    await supervisor.kill();
    await until("the leader died with reeve", () => scope.matching(/^sleep 78206/).length === 0);
  }
  const last = scope.reeve(config);
  await last.untilLog(/reeve is up/);
  await scope.untilOne(/^sleep 78205/);
  expect((await last.stop()).code).toBe(0);
  expect(scope.matching(/^sleep 7820/)).toEqual([]);
});

check("a smart daemon ends while reeve is down: the next start ends what is left of it", [
  reeve,
], async (scope) => {
  const pidfile = scope.path("smart.pid");
  const server = scope.write(
    "server",
    `#!/bin/sh\nsh -c "trap '' TERM; while :; do sleep 0.1; done # worker-78211" &\nexec sleep 78212\n`,
    0o755,
  );
  const config = scope.config([`attach-daemon2 = name=s,cmd=${server},daemonize=1,pidfile=${pidfile}`]);
  const first = scope.reeve(config);
  await first.untilLog(/reeve is up/);
  const worker = await scope.untilOne(/^sh -c trap.*worker-78211/);
  const leader = await scope.untilOne(/^sleep 78212$/);
  await until(
    "the record says that the leader lives",
    () => /"kind":"alive"/.test(scope.read("run/journal")),
  );
  await first.kill();
  signal(leader, "SIGKILL");
  await until("the leader is gone", () => !isAlive(leader));
  expect(isAlive(worker)).toBe(true);
  const second = scope.reeve(config);
  await second.untilLog(/reeve is up/);
  expect(isAlive(worker)).toBe(false);
  await scope.untilOne(/^sleep 78212$/);
  await scope.untilOne(/^sh -c trap.*worker-78211/);
  expect((await second.stop("SIGQUIT")).code).toBe(0);
});

check("a server puts a new one of itself in its place while reeve is down: that one is adopted, not ended", [
  reeve,
], async (scope) => {
  const pidfile = scope.path("smart.pid");
  // The new one is of the session of the old one, as nginx's is.
  const server = scope.write("server", `#!/bin/sh\nsleep 78214 &\nexec sleep 78213\n`, 0o755);
  const config = scope.config([`attach-daemon2 = name=s,cmd=${server},daemonize=1,pidfile=${pidfile}`]);
  const first = scope.reeve(config);
  await first.untilLog(/reeve is up/);
  const successor = await scope.untilOne(/^sleep 78214$/);
  const leader = await scope.untilOne(/^sleep 78213$/);
  await until(
    "the record says that the leader lives",
    () => /"kind":"alive"/.test(scope.read("run/journal")),
  );
  await first.kill();
  scope.write("smart.pid", `${successor.pid}\n`);
  signal(leader, "SIGKILL");
  await until("the leader is gone", () => !isAlive(leader));
  const second = scope.reeve(config);
  await second.untilLog(/reeve is up/);
  expect(isAlive(successor)).toBe(true);
  expect(scope.matching(/^sleep 78213$/)).toEqual([]);
  expect((await second.stop("SIGQUIT")).code).toBe(0);
  signal(successor, "SIGKILL");
});
