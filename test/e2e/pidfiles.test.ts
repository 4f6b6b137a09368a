/**
 * Whom a pidfile names: recycled pids, rewritten files, clocks that jumped, and files that somebody else
 * planted. reeve must neither take another process for its daemon nor signal one, and must not start a daemon
 * that runs.
 */
import { expect } from "bun:test";
import { chownSync, lchownSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { fixture } from "../fixtures/compile.ts";
import type { Scope, Supervisor } from "./harness.ts";
import { check, pidNamespace, REEVE, reeve, root } from "./need.ts";
import { identify, isAlive, pidIn, type ProcessId, type ProcessState, signal } from "./process.ts";
import { until } from "./wait.ts";

/** Anchored: a shell whose script names the daemon is none. */
const DAEMON = /^\S+\/daemonize_with_pidfile /;
const SENTINEL = /^sleep 86388/;

/** A smart daemon and a sentinel under a running reeve. */
async function smartDaemon(scope: Scope) {
  const pidfile = scope.path("smart.pid");
  const line = `smart-attach-daemon = ${pidfile} ${fixture("daemonize_with_pidfile")} ${pidfile}`;
  const config = scope.config([line, "attach-daemon = sleep 86388"]);
  const start = () => scope.reeve(config);
  const supervisor = start();
  const daemon = await untilValid(scope, pidfile, null);
  // What reeve has not seen yet is not in its journal.
  await supervisor.untilLog(new RegExp(`running \\(pid: ${daemon.pid}\\)`));
  return { pidfile, start, supervisor, daemon };
}

async function untilValid(scope: Scope, pidfile: string, other: ProcessId | null): Promise<ProcessId> {
  return await until("the pidfile names a running daemon", () => {
    const pid = pidIn(pidfile);
    const id = pid === null ? null : identify(pid);
    return id !== null && isAlive(id) && id.pid !== other?.pid ? id : null;
  }, { explain: () => scope.explain() });
}

function daemons(scope: Scope): ProcessState[] {
  return scope.matching(DAEMON);
}

async function untilStarted(scope: Scope, not: ProcessId | null = null): Promise<ProcessState> {
  return await until(
    "the sentinel runs: every daemon before it had its turn",
    () => scope.matching(SENTINEL).find((one) => one.pid !== not?.pid),
    { explain: () => scope.explain() },
  );
}

check(
  "a smart daemon's command makes the directory of its pidfile, and the daemon is known by it",
  [reeve],
  async (scope) => {
    const pidfile = scope.path("made/by/it/daemon.pid");
    const daemonize = `mkdir -p ${scope.path("made/by/it")} && exec ${
      fixture("daemonize_with_pidfile")
    } ${pidfile}`;
    const supervisor = scope.reeve(scope.config([`smart-attach-daemon = ${pidfile} sh -c '${daemonize}'`]));
    const first = await untilValid(scope, pidfile, null);
    await supervisor.untilLog(new RegExp(`running \\(pid: ${first.pid}\\)`));
    expect(supervisor.log()).toContain("warning");
    signal(first, "SIGKILL");
    await untilValid(scope, pidfile, first);
    expect((await supervisor.stop()).code).toBe(0);
  },
);

check(
  "a pidfile that is rewritten while it is read never leads to a second daemon",
  [reeve],
  async (scope) => {
    const { pidfile, supervisor, daemon } = await smartDaemon(scope);
    const rewritten = await scope.run([fixture("rewrite_pidfile"), pidfile, `${daemon.pid}`, "1500"], {
      seconds: 30,
    });
    expect(rewritten.code).toBe(0);
    // The supervisor has had its turn: it answers a reload afterwards.
    const sentinel = await untilStarted(scope);
    supervisor.signal("SIGHUP");
    await untilStarted(scope, sentinel);
    expect(daemons(scope).map((one) => one.pid)).toEqual([daemon.pid]);
  },
);

check(
  "a daemon that hands over to another process and rewrites its pidfile is followed",
  [reeve],
  async (scope) => {
    const { pidfile, supervisor, daemon } = await smartDaemon(scope);
    // As nginx does on an upgrade: the new one runs and is in the pidfile before the old one goes.
    const helper = scope.start([fixture("daemonize_with_pidfile"), pidfile]);
    await helper.untilExit();
    const next = await untilValid(scope, pidfile, daemon);
    signal(daemon, "SIGKILL");
    await until("the old one is gone", () => !isAlive(daemon));
    const sentinel = await untilStarted(scope);
    supervisor.signal("SIGHUP");
    await untilStarted(scope, sentinel);
    expect(daemons(scope).map((one) => one.pid)).toEqual([next.pid]);
    // The one that is followed is supervised: its death is answered.
    signal(next, "SIGKILL");
    const third = await untilValid(scope, pidfile, next);
    expect(daemons(scope).map((one) => one.pid)).toEqual([third.pid]);
  },
);

for (
  const [name, offset] of [
    ["older than the daemon, as after a clock set forward", -3600],
    ["of the future, as after a clock set back", 3600],
  ] as const
) {
  check(`a smart daemon whose pidfile looks ${name} is adopted by the next reeve and not started twice`, [
    reeve,
  ], async (scope) => {
    const { pidfile, start, supervisor, daemon } = await smartDaemon(scope);
    const sentinel = await untilStarted(scope);
    await supervisor.kill();
    const time = Date.now() / 1000 + offset;
    utimesSync(pidfile, time, time);
    await until("the sentinel died with reeve", () => !isAlive(sentinel));
    start();
    await untilStarted(scope, sentinel);
    expect(daemons(scope).map((one) => one.pid)).toEqual([daemon.pid]);
  });
}

check(
  "in a time namespace whose boot was long ago a smart daemon is adopted",
  [reeve, root],
  async (scope) => {
    const pidfile = scope.path("smart.pid");
    const line = `smart-attach-daemon = ${pidfile} ${fixture("daemonize_with_pidfile")} ${pidfile}`;
    const config = scope.config([line, "attach-daemon = sleep 86388"]);
    // Two lives of reeve within one time namespace, the first one killed.
    const script =
      `"$0" "$1" & first=$!; while ! test -e ${
        scope.path("go")
      }; do sleep 0.02; done; kill -9 $first; wait $first; ` +
      `echo again; exec "$0" "$1"`;
    const run = scope.start(["sh", "-c", script, REEVE, config], {
      wrap: ["unshare", "--time", "--boottime", "1000000", "--monotonic", "1000000"],
    });
    const daemon = await untilValid(scope, pidfile, null);
    const sentinel = await untilStarted(scope);
    scope.write("go", "");
    await run.untilLog(/^again$/m);
    await untilStarted(scope, sentinel);
    expect(daemons(scope).map((one) => one.pid)).toEqual([daemon.pid]);
  },
);

check(
  "a recycled pid is not the daemon: it is not adopted and never signalled",
  [reeve, pidNamespace],
  async (scope) => {
    const pidfile = scope.path("smart.pid");
    const daemon = fixture("daemonize_with_pidfile");
    const config = scope.config([
      `smart-attach-daemon = ${pidfile} ${daemon} ${pidfile}`,
      "attach-daemon = sleep 86388",
    ]);
    const script = `
    set -e
    ${daemon} ${pidfile}; while ! test -s ${pidfile}; do sleep 0.01; done
    old=$(cat ${pidfile}); cp ${pidfile} ${pidfile}.old; kill -9 $old
    while kill -0 $old 2>/dev/null; do sleep 0.01; done
    cp ${pidfile}.old ${pidfile}; touch -d "1 minute ago" ${pidfile}
    echo $((old - 1)) > /proc/sys/kernel/ns_last_pid
    sleep 86387 & test $! = $old; echo recycled $old
    "$0" "$1" & wait $!; echo ended $?; kill -0 $old && echo victim lives; while :; do sleep 1000; done`;
    const run = scope.start(["sh", "-c", script, REEVE, config], { firstProcess: true });
    const recycled = (await run.untilLog(/^recycled (\d+)$/m))[1];
    const victim = await scope.untilOne(/^sleep 86387/);
    const sentinel = await untilStarted(scope);
    await until(
      "the pidfile names another process",
      () => ![recycled, ""].includes(scope.read("smart.pid").trim()),
      {
        explain: () => scope.explain(),
      },
    );
    // A daemon that dies before reeve has seen it is waited for.
    await run.untilLog(new RegExp(`running \\(pid: ${scope.read("smart.pid").trim()}\\)`));
    const own = await scope.untilOne(DAEMON);
    const supervisor = await until("reeve", () => scope.ours().find((one) => one.pid === sentinel.parent));
    expect(own.pid).not.toBe(victim.pid);
    signal(own, "SIGKILL");
    await until("it is started again", () => daemons(scope).find((one) => one.pid !== own.pid), {
      explain: () => scope.explain(),
    });
    signal(supervisor, "SIGHUP");
    await untilStarted(scope, sentinel);
    const after = identify(supervisor.pid);
    if (after === null) throw new Error("reeve is gone after a reload");
    signal(after, "SIGTERM");
    await run.untilLog(/^ended 0$/m);
    await run.untilLog(/^victim lives$/m);
    expect(isAlive(victim)).toBe(true);
  },
);

/** A root process, and a pidfile that names it and that uid 54321 has put where reeve looks. */
async function planted(scope: Scope, how: "file" | "link"): Promise<void> {
  const victim = await (async () => {
    scope.start(["sleep", "86386"]);
    return await scope.untilOne(/^sleep 86386/);
  })();
  const shared = scope.directoryFor("tmp", 0o1777);
  const pidfile = `${shared}/planted.pid`;
  if (how === "file") {
    writeFileSync(pidfile, `${victim.pid}\n`);
    chownSync(pidfile, 54321, 54321);
  } else {
    const real = scope.write("root.pid", `${victim.pid}\n`);
    symlinkSync(real, pidfile);
    lchownSync(pidfile, 54321, 54321);
  }
  const touch = scope.write("touch", "");
  // A daemon that writes no pidfile of its own: what is found there stays the planted one.
  const line = `attach-daemon2 = cmd=${fixture("hang")} ${
    scope.path("pid")
  },pidfile=${pidfile},touch=${touch},freq=1,max_throttle=1`;
  const config = scope.config([line, "attach-daemon = sleep 86388"]);
  const supervisor: Supervisor = scope.reeve(config);
  const sentinel = await untilStarted(scope);
  if (how === "link") {
    // The daemon waits until nobody's link is in the way.
    await supervisor.untilLog(/planted\.pid" is a symbolic link of user 54321: it waits/);
    expect(scope.matching(/\/hang /)).toEqual([]);
    rmSync(pidfile);
  }
  const own = await until("a daemon of its own", () => scope.matching(/\/hang /)[0]);
  await supervisor.untilLog(/planted\.pid/);
  expect(supervisor.log()).not.toMatch(/found valid\/active pidfile/);
  const later = Date.now() / 1000 + 10;
  utimesSync(touch, later, later);
  await until("the touched daemon was restarted", () => !isAlive(own));
  supervisor.signal("SIGHUP");
  await untilStarted(scope, sentinel);
  expect((await supervisor.stop()).code).toBe(0);
  expect(isAlive(victim)).toBe(true);
}

check(
  "a pidfile planted by another user that names a root process is not believed, and the process never signalled",
  [
    reeve,
    root,
  ],
  (scope) => planted(scope, "file"),
);

check(
  "a link planted by another user in a directory like /tmp is not followed",
  [reeve, root],
  (scope) => planted(scope, "link"),
);

check(
  "a pidfile of the daemon's own user is believed, also in a directory like /tmp",
  [reeve, root],
  async (scope) => {
    const pidfile = `${scope.directoryFor("tmp", 0o1777)}/own.pid`;
    const command = `${fixture("daemonize_with_pidfile")} ${pidfile}`;
    const config = scope.config([`attach-daemon2 = cmd=${command},pidfile=${pidfile},uid=54321,gid=54321`]);
    const first = scope.reeve(config);
    const daemon = await untilValid(scope, pidfile, null);
    await first.kill();
    const second = scope.reeve(config);
    await second.untilLog(/found valid\/active pidfile/);
    expect(daemons(scope).map((one) => one.pid)).toEqual([daemon.pid]);
  },
);

check(
  "a pidfile that is deleted while reeve is away does not lead to a second daemon",
  [reeve],
  async (scope) => {
    const { pidfile, start, supervisor, daemon } = await smartDaemon(scope);
    const sentinel = await untilStarted(scope);
    await supervisor.kill();
    rmSync(pidfile);
    start();
    await untilStarted(scope, sentinel);
    expect(daemons(scope).map(({ pid }) => pid)).toEqual([daemon.pid]);
    expect(isAlive(daemon)).toBe(true);
  },
);
