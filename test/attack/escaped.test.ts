/**
 * Dumb daemons that leave their session: whatever they forked, as whoever, ends with them, at a restart, at a
 * stop, and at the next start after a kill of reeve.
 */
import { expect } from "bun:test";
import { check, program, reeve, root } from "../e2e/need.ts";
import { isAlive, signal } from "../e2e/process.ts";
import { until } from "../e2e/wait.ts";

/**
 * Its grandchild is in a session of its own, with no descriptor and an empty environment, and hears no TERM.
 */
const SHEDDER = `#!/bin/sh
setsid env -i setsid sh -c 'trap "" TERM HUP; while :; do sleep 0.2; done # shed-'$1 >/dev/null 2>&1 </dev/null &
exec sleep 1000
`;

check("a command that puts itself into the background is there once, and the log says what to write", [
  reeve,
  program("setsid", "util-linux"),
], async (scope) => {
  const supervisor = scope.reeve(scope.config(["attach-daemon = setsid sleep 78301"]));
  await supervisor.untilLog(
    /left pid \d+ running.*puts itself into the background.*smart-attach-daemon = PIDFILE/,
  );
  await until(
    "it was started three times",
    () => (supervisor.log().match(/spawning/g) ?? []).length >= 3,
    { seconds: 20 },
  );
  expect(scope.matching(/^sleep 78301$/).length).toBeLessThanOrEqual(1);
  expect(supervisor.log().match(/puts itself into the background/g)).toHaveLength(1);
  expect((await supervisor.stop()).code).toBe(0);
  expect(scope.matching(/^sleep 78301$/)).toEqual([]);
}, 60);

check("a process in another session ends with the daemon that forked it", [
  reeve,
  program("setsid", "util-linux"),
], async (scope) => {
  const shedder = scope.write("shedder", SHEDDER, 0o755);
  const supervisor = scope.reeve(scope.config([`attach-daemon2 = cmd=${shedder} 78302,stop_timeout=1`]));
  const left = await scope.untilOne(/^sh -c trap.*shed-78302/);
  const daemon = await scope.untilOne(/^sleep 1000$/);
  process.kill(daemon.pid, "SIGKILL");
  await until("what it forked is gone", () => !isAlive(left));
  const next = await scope.untilOne(/^sh -c trap.*shed-78302/);
  expect((await supervisor.stop()).code).toBe(0);
  expect(isAlive(next)).toBe(false);
});

check("a kill of reeve ends what is in other sessions and of other users, without a next start", [
  reeve,
  root,
  program("setsid", "util-linux"),
  program("setpriv", "util-linux"),
], async (scope) => {
  const other = scope.write(
    "other",
    "#!/bin/sh\nsetsid setpriv --reuid=54324 --regid=54324 --clear-groups sleep 78313 &\nexec sleep 78314\n",
    0o755,
  );
  const supervisor = scope.reeve(scope.config([`attach-daemon = ${other}`]));
  await supervisor.untilLog(/reeve is up/);
  const left = await scope.untilOne(/^sleep 78313/);
  const daemon = await scope.untilOne(/^sleep 78314/);
  await supervisor.kill();
  await until("both are gone", () => !isAlive(left) && !isAlive(daemon));
});

check("after a kill of keeper and second the next start ends what is in other sessions and of other users", [
  reeve,
  root,
  program("setsid", "util-linux"),
  program("setpriv", "util-linux"),
], async (scope) => {
  const other = scope.write(
    "other",
    "#!/bin/sh\nsetsid setpriv --reuid=54324 --regid=54324 --clear-groups sleep 78303 &\nexec sleep 78304\n",
    0o755,
  );
  const config = scope.config([`attach-daemon = ${other}`]);
  const first = scope.reeve(config);
  await first.untilLog(/reeve is up/);
  const left = await scope.untilOne(/^sleep 78303/);
  await scope.untilOne(/^sleep 78304/);
  // A second that is stopped ends nobody, and does not live to do it.
  const second = await scope.untilOne(/^rv-second/);
  signal(second, "SIGSTOP");
  await first.kill();
  signal(second, "SIGKILL");
  expect(isAlive(left)).toBe(true);
  const next = scope.reeve(config);
  await next.untilLog(/reeve is up/);
  expect(next.log()).toMatch(/killing what a daemon of an earlier reeve forked \(pid: \d+, "sleep"\)/);
  expect(isAlive(left)).toBe(false);
  expect((await next.stop()).code).toBe(0);
});

check("two instances of one name in two run directories leave each other's processes alone", [
  reeve,
  program("setsid", "util-linux"),
], async (scope) => {
  const shedder = scope.write("shedder", SHEDDER, 0o755);
  const bystander = scope.reeve(
    scope.write(
      "other/test.ini",
      `[uwsgi]\nrun-dir = ${scope.path("other/run")}\nattach-daemon2 = cmd=${shedder} 78305,stop_timeout=1\n`,
    ),
  );
  const theirs = await scope.untilOne(/^sh -c trap.*shed-78305/);
  await bystander.untilLog(/reeve is up/);
  const config = scope.config([`attach-daemon2 = cmd=${shedder} 78306,stop_timeout=1`]);
  const first = scope.reeve(config);
  const ours = await scope.untilOne(/^sh -c trap.*shed-78306/);
  await first.untilLog(/reeve is up/);
  await first.kill();
  const second = scope.reeve(config);
  await second.untilLog(/reeve is up/);
  expect([isAlive(theirs), isAlive(ours)]).toEqual([true, false]);
});
