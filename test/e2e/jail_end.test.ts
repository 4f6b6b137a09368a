/** How a jail ends: told to, killed, or with a reeve that is killed. */
import { expect } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { busyboxRoot } from "./jail_root.ts";
import { expectMountsKept, initOf, running, untilRunning } from "./jail_scene.ts";
import { check } from "./need.ts";
import { identify, isAlive, link, signal } from "./process.ts";
import { until } from "./wait.ts";
import { NEEDS } from "./jail_scene.ts";

expectMountsKept();

check(
  "reeve is killed: dumb daemons end, the jail and its smart daemon live on and are adopted",
  NEEDS,
  async (scope) => {
    const config = scope.config([
      `namespace = ${busyboxRoot(scope)}:box`,
      "exec-pre-jail = echo HOST-HOOK pre",
      "exec-in-jail = echo in >> /tmp/in",
      "smart-attach-daemon2 = /run/smart.pid sleep 81021",
      "attach-daemon = sh -c '(trap \"\" TERM; sleep 81023; echo) & exec sleep 81022'",
    ]);
    const first = scope.reeve(config);
    await first.untilLog(/reeve is up/);
    const init = await initOf(scope, first);
    const smart = await untilRunning(/^sleep 81021$/);
    const dumb = await untilRunning(/^sleep 81022$/);
    const left = await untilRunning(/^sleep 81023$/);
    await first.kill();
    // What it forked is deaf to TERM and the jail's child, and ends with it all the same.
    await until("the dumb daemon and what it forked are gone", () => !isAlive(dumb) && !isAlive(left));
    expect([init, smart].map(isAlive)).toEqual([true, true]);
    const second = scope.reeve(config);
    await second.untilLog(/found the jail of an earlier reeve/);
    await second.untilLog(/reeve is up/);
    const again = await untilRunning(/^sleep 81022$/);
    expect([init, smart].map(isAlive)).toEqual([true, true]);
    expect(link(again.pid, "ns/mnt")).toBe(link(init.pid, "ns/mnt"));
    await second.untilLog(/found valid\/active pidfile/);
    expect(second.log()).not.toContain("HOST-HOOK");
    expect(scope.read("root/tmp/in")).toBe("in\n");
    expect(running(/^sleep 81021$/)).toHaveLength(1);
    // The end of an init that is no child of its reeve is noticed as well.
    const from = second.log().length;
    signal(init, "SIGKILL");
    await initOf(scope, second, from);
    await untilRunning(/^sleep 81021$/);
    expect((await second.stop()).code).toBe(0);
    expect(running(/^sleep 8102/)).toEqual([]);
  },
);

check(
  "reeve is killed and its configuration gets a jail: the smart daemon outside is not the one inside",
  NEEDS,
  async (scope) => {
    // Of the same name on either side: what the pidfile inside does not say, a record of the outside must
    // not.
    const pidfile = scope.path("d.pid");
    const daemon = `smart-attach-daemon2 = ${pidfile} sleep 81131`;
    const first = scope.reeve(scope.config([daemon]));
    await first.untilLog(/reeve is up/);
    const outside = await untilRunning(/^sleep 81131$/);
    scope.track(identify(outside.pid)!);
    await first.kill();
    mkdirSync(join(busyboxRoot(scope), dirname(pidfile)), { recursive: true });
    const second = scope.reeve(scope.config([`namespace = ${scope.path("root")}`, daemon]));
    await second.untilLog(/reeve is up/);
    const init = await initOf(scope, second);
    const inside = await until(
      "another one runs",
      () => running(/^sleep 81131$/).find(({ pid }) => pid !== outside.pid),
    );
    expect(link(inside.pid, "ns/pid")).toBe(link(init.pid, "ns/pid"));
    expect(second.log()).toContain(`left running, unsupervised (pid: ${outside.pid})`);
    expect((await second.stop()).code).toBe(0);
    expect([inside, outside].map(isAlive)).toEqual([false, true]);
  },
);

check("a stop ends whoever else is in the jail: asked first, and in order", NEEDS, async (scope) => {
  busyboxRoot(scope, "root", ["record_signals"]);
  const config = scope.config([
    `namespace = ${scope.path("root")}`,
    "exec-as-root = setsid record_signals /tmp/seen > /dev/null 2>&1 < /dev/null &",
    "attach-daemon = sleep 81051",
  ]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/reeve is up/);
  await initOf(scope, supervisor);
  await scope.untilFile("root/tmp/seen", /ready/);
  expect((await supervisor.stop()).code).toBe(0);
  expect(scope.read("root/tmp/seen")).toContain("signal 15\n");
  expect(running(/^record_signals |^sleep 81051$/)).toEqual([]);
});

check(
  "reeve is killed while a hook of a new jail runs: the piece is ended, and the next one is new",
  NEEDS,
  async (scope) => {
    const gate = scope.path("gate");
    const config = scope.config([
      `namespace = ${busyboxRoot(scope)}`,
      `exec-post-jail = echo POST; test -e ${gate} || exec sleep 81081`,
      "exec-in-jail = echo in >> /tmp/in",
      "attach-daemon = sleep 81082",
    ]);
    const first = scope.reeve(config);
    const init = await initOf(scope, first);
    const hook = await untilRunning(/^sleep 81081$/);
    await first.kill();
    await until("the hook is gone", () => !isAlive(hook));
    expect(isAlive(init)).toBe(true);
    scope.write("gate", "");
    const second = scope.reeve(config);
    await second.untilLog(/ended the piece of a jail that a killed reeve left/);
    await second.untilLog(/reeve is up/);
    await initOf(scope, second);
    expect(isAlive(init)).toBe(false);
    expect(second.log()).toContain("\nPOST\n");
    expect(scope.read("root/tmp/in")).toBe("in\n");
    expect((await second.stop()).code).toBe(0);
  },
);

check("told to stop while a hook of the jail runs: all of it ends, code 0", NEEDS, async (scope) => {
  const config = scope.config([
    `namespace = ${busyboxRoot(scope)}`,
    "exec-in-jail = sleep 81091",
    "attach-daemon = sleep 81092",
  ]);
  const supervisor = scope.reeve(config);
  const init = await initOf(scope, supervisor);
  const hook = await untilRunning(/^sleep 81091$/);
  expect((await supervisor.stop()).code).toBe(0);
  expect([init, hook].map(isAlive)).toEqual([false, false]);
  expect(existsSync(scope.path("run/jail"))).toBe(false);
});

check("without a run directory the jail ends with a reeve that is killed", NEEDS, async (scope) => {
  const config = scope.config([
    `namespace = ${busyboxRoot(scope)}`,
    `run-dir = ${scope.write("no_directory", "")}`,
    "smart-attach-daemon2 = /run/smart.pid sleep 81111",
  ]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/reeve is up/);
  const init = await initOf(scope, supervisor);
  const smart = await untilRunning(/^sleep 81111$/);
  await supervisor.kill();
  for (const id of [init, smart]) await until("it is gone", () => !isAlive(id));
});
