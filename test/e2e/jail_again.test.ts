/**
 * A jail that is lost and made again while something else happens: its hooks run for one jail at a time, and
 * whoever is told to stop at once does.
 */
import { existsSync, rmSync } from "node:fs";
import { expect } from "bun:test";
import type { Scope } from "./harness.ts";
import { busybox, busyboxRoot } from "./jail_root.ts";
import { initOf } from "./jail_scene.ts";
import { check, pidNamespace, reeve, root } from "./need.ts";
import { isAlive, signal } from "./process.ts";
import { until } from "./wait.ts";

const NEEDS = [reeve, root, pidNamespace, busybox];

/**
 * A jail whose hook on the host takes for ever while the file `gate` is there; lost once, so that the hook
 * runs.
 */
async function inMaking(scope: Scope, seconds: number) {
  const gate = scope.path("gate");
  const config = scope.config([
    `namespace = ${busyboxRoot(scope)}`,
    `exec-post-jail = echo POST; ! test -e ${gate} || exec sleep ${seconds}`,
    `attach-daemon = sleep ${seconds + 1}`,
    `smart-attach-daemon2 = /run/smart.pid sleep ${seconds + 2}`,
  ]);
  const supervisor = scope.reeve(config);
  const init = await initOf(scope, supervisor);
  await supervisor.untilLog(/reeve is up/);
  scope.write("gate", "");
  const from = supervisor.log().length;
  signal(init, "SIGKILL");
  const next = await initOf(scope, supervisor, from);
  const hook = await scope.untilOne(new RegExp(`^sleep ${seconds}$`));
  return { supervisor, hook, init: next, gate, pattern: new RegExp(`^sleep ${seconds + 1}$`) };
}

check(
  "a jail that is lost while its hook runs: the hook is ended before that of the next begins",
  NEEDS,
  async (scope) => {
    const { supervisor, hook, init, gate, pattern } = await inMaking(scope, 85011);
    rmSync(gate);
    const from = supervisor.log().length;
    signal(init, "SIGKILL");
    await until("the hook is gone", () => !isAlive(hook));
    await initOf(scope, supervisor, from);
    await scope.untilOne(pattern);
    expect(supervisor.log().slice(from).match(/^POST$/gm)).toHaveLength(1);
    expect(supervisor.log().slice(from)).not.toContain("cannot enter the jail");
    expect((await supervisor.stop()).code).toBe(0);
  },
);

check(
  "a reload while a hook of the new jail runs: it is ended, and runs for the next image's jail",
  NEEDS,
  async (scope) => {
    const { supervisor, hook, init, gate, pattern } = await inMaking(scope, 85021);
    rmSync(gate);
    const from = supervisor.log().length;
    supervisor.signal("SIGHUP");
    await supervisor.untilLog(/reeve is back/, { from });
    expect([hook, init].map(isAlive)).toEqual([false, false]);
    expect(supervisor.log().slice(from).match(/^POST$/gm)).toHaveLength(1);
    await scope.untilOne(pattern);
    await scope.untilOne(/^sleep 85023$/);
    expect((await supervisor.stop()).code).toBe(0);
  },
);

check(
  "told to stop while a hook of the new jail runs: all of it ends, and nobody failed",
  NEEDS,
  async (scope) => {
    const { supervisor, hook, init } = await inMaking(scope, 85031);
    const from = supervisor.log().length;
    expect((await supervisor.stop()).code).toBe(0);
    expect([hook, init].map(isAlive)).toEqual([false, false]);
    expect(supervisor.log().slice(from)).not.toMatch(/ error /);
    expect(existsSync(scope.path("run/jail"))).toBe(false);
  },
);

check(
  "told to stop twice: nobody in the jail gets a grace, nor what no daemon owns",
  NEEDS,
  async (scope) => {
    busyboxRoot(scope, "root", ["ignore_term"]);
    const config = scope.config([
      `namespace = ${scope.path("root")}`,
      "exec-as-root = setsid ignore_term /tmp/left > /dev/null 2>&1 < /dev/null &",
      "attach-daemon = ignore_term /tmp/daemon",
      "reload-mercy = 60",
    ]);
    const supervisor = scope.reeve(config);
    await initOf(scope, supervisor);
    await supervisor.untilLog(/reeve is up/);
    for (const file of ["root/tmp/left", "root/tmp/daemon"]) await scope.untilFile(file, /\d/);
    const left = await scope.untilOne(/^ignore_term \/tmp\/left$/);
    supervisor.signal("SIGTERM");
    await supervisor.untilLog(/stopping/);
    expect((await supervisor.stop()).code).toBe(0);
    expect(isAlive(left)).toBe(false);
  },
);

check(
  "told to stop while a start has only found its jail: it ends, each daemon by its own signal",
  NEEDS,
  async (scope) => {
    busyboxRoot(scope, "root", ["record_signals"]);
    const lines = [
      `namespace = ${scope.path("root")}`,
      "reload-mercy = 1",
      "attach-daemon2 = cmd=record_signals /tmp/seen,pidfile=/run/d.pid,daemonize=1,stopsignal=INT",
    ];
    const first = scope.reeve(scope.config(lines));
    await first.untilLog(/reeve is up/);
    const init = await initOf(scope, first);
    await scope.untilFile("root/tmp/seen", /ready/);
    await first.kill();
    for (const hook of ["asap", "as-root"]) {
      const second = scope.reeve(scope.config([...lines, `exec-${hook} = false`]));
      expect((await second.untilExit()).code).toBe(1);
      expect(isAlive(init)).toBe(true);
    }
    const third = scope.reeve(scope.config([...lines, "exec-asap = sleep 85051"]));
    await scope.untilOne(/^sleep 85051$/);
    expect((await third.stop()).code).toBe(0);
    expect(scope.read("root/tmp/seen")).toContain("signal 2\n");
    expect(scope.read("root/tmp/seen")).not.toContain("signal 15\n");
    expect(isAlive(init)).toBe(false);
  },
);
