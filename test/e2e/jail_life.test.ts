/**
 * The life of a jail, on a root that is a static busybox and nothing else: made once, entered by hooks and
 * daemons, kept over a reload, found again after a kill, made again when its init dies, and ended with all
 * that is in it. Whatever happens, the host's mounts are what they were.
 */
import type { JailRecord } from "../../lib/jail/identity.ts";
import { decode, encode } from "../../lib/records/codec.ts";
import { JAIL_RECORD } from "../../lib/records/jail_record.ts";
import { expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { busyboxRoot } from "./jail_root.ts";
import { expectMountsKept, initOf, levels, NEEDS, running, untilRunning } from "./jail_scene.ts";
import { check } from "./need.ts";
import { environment, inspect, isAlive, link, openFiles, pidIn, signal, status } from "./process.ts";
import { until } from "./wait.ts";

expectMountsKept();

check("a jail from its making to its end", NEEDS, async (scope) => {
  const rootDirectory = busyboxRoot(scope);
  scope.write("root/tmp/phases", "", 0o666);
  const config = scope.config([
    `namespace = ${rootDirectory}:box`,
    "env = MINE=1",
    "exec-asap = echo asap [$UWSGI_JAIL_PID] $0",
    "exec-pre-jail = echo pre-jail [$UWSGI_JAIL_PID]",
    "exec-post-jail = echo post-jail [$UWSGI_JAIL_PID] [$REEVE_JAIL_PID]",
    "exec-in-jail = echo in-jail [$UWSGI_JAIL_PID] `hostname` > /tmp/in-jail",
    "exec-as-root = echo as-root `id -u` >> /tmp/phases",
    "exec-as-user = echo as-user `id -u` >> /tmp/phases",
    "exec-pre-app = echo pre-app `id -u` >> /tmp/phases",
    "exec-as-user-atexit = echo atexit `id -u` >> /tmp/phases",
    "uid = 4321",
    "gid = 4322",
    "chdir = /tmp",
    "attach-daemon = sleep 81001",
    "attach-daemon2 = cmd=sh -c 'cat /proc/self/mountinfo > /tmp/mounts; ls /proc > /tmp/proc; exec sleep 81002'",
  ]);
  const supervisor = scope.reeve(config, { environment: { SECRET_OF_THE_HOST: "x" } });
  await supervisor.untilLog(/reeve is up/);
  const init = await initOf(scope, supervisor);
  const daemon = await untilRunning(/^sleep 81001$/);
  const other = await untilRunning(/^sleep 81002$/);
  const log = supervisor.log();
  expect(log).toMatch(/^asap \[\]/m);
  expect(log).toMatch(/^pre-jail \[\]$/m);
  expect(log).toContain(`\npost-jail [${init.pid}] [${init.pid}]\n`);
  expect(log.split('running "echo post-jail').length - 1).toBe(1);
  expect(scope.read("root/tmp/in-jail")).toBe("in-jail [] box\n");
  expect(scope.read("root/tmp/phases")).toBe("as-root 0\nas-user 4321\npre-app 4321\n");
  // Its parent is reeve, its PID namespace the jail's, whose first process is the init.
  expect(daemon.parent).toBe(supervisor.id.pid);
  expect(levels(init.pid)).toEqual([init.pid, 1]);
  expect(levels(daemon.pid)).toHaveLength(2);
  expect(link(daemon.pid, "ns/pid")).toBe(link(init.pid, "ns/pid"));
  // Of a user other than root, so it sees less of /proc: in a mount namespace of its own.
  expect(link(daemon.pid, "ns/mnt")).not.toBe(link(init.pid, "ns/mnt"));
  for (const kind of ["pid", "mnt", "uts", "ipc"]) {
    expect(link(daemon.pid, `ns/${kind}`)).not.toBe(link(process.pid, `ns/${kind}`));
  }
  expect(link(daemon.pid, "ns/net")).toBe(link(process.pid, "ns/net"));
  expect(status(daemon.pid).get("Uid")).toStartWith("4321\t4321");
  expect(link(daemon.pid, "cwd")).toBe("/tmp");
  // Nothing of the host: neither environment, nor descriptors, nor mounts, nor processes.
  expect(environment(daemon.pid)).toEqual({
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    LANG: "C.UTF-8",
    MINE: "1",
    // The user's own, by the jail's list of users.
    HOME: "/",
    LOGNAME: "guest",
    SHELL: "/bin/sh",
    USER: "guest",
  });
  expect([...openFiles(daemon.pid).keys()]).toEqual([0, 1, 2]);
  expect([...openFiles(init.pid).keys()]).toEqual([]);
  const points = scope.read("root/tmp/mounts").trim().split("\n").map((line) => line.split(" ")[4]!);
  expect(points.filter((point) => !/^\/(dev|proc)\//.test(point))).toEqual(["/", "/proc"]);
  const seen = scope.read("root/tmp/proc").split("\n").filter((name) => /^\d+$/.test(name)).map(Number);
  expect(Math.max(...seen)).toBeLessThan(100);
  expect(existsSync(scope.path("run/jail"))).toBe(true);
  expect((await supervisor.stop()).code).toBe(0);
  expect(scope.read("root/tmp/phases")).toContain("atexit 4321\n");
  for (const id of [init, daemon, other]) expect(isAlive(id)).toBe(false);
  expect(existsSync(scope.path("run/jail"))).toBe(false);
});

check(
  "a reload keeps the jail and its smart daemons, and runs no hook that belongs to a new one",
  NEEDS,
  async (scope) => {
    const config = scope.config([
      `namespace = ${busyboxRoot(scope)}`,
      "exec-pre-jail = echo HOST-HOOK pre",
      "exec-post-jail = echo HOST-HOOK post",
      "exec-in-jail = echo in >> /tmp/in",
      "hook-in-jail = putenv:FROM_HOOK=1",
      "exec-as-root = echo root >> /tmp/root",
      "smart-attach-daemon2 = /run/smart.pid sleep 81011",
      "attach-daemon = sleep 81012",
    ]);
    const supervisor = scope.reeve(config);
    await supervisor.untilLog(/reeve is up/);
    const init = await initOf(scope, supervisor);
    const smart = await untilRunning(/^sleep 81011$/);
    const dumb = await untilRunning(/^sleep 81012$/);
    expect(Number(scope.read("root/run/smart.pid"))).toBe(levels(smart.pid)[1]!);
    for (let round = 1; round <= 2; round++) {
      const from = supervisor.log().length;
      supervisor.signal("SIGHUP");
      await supervisor.untilLog(/reeve is back/, { from });
      const again = await untilRunning(/^sleep 81012$/);
      expect(isAlive(dumb)).toBe(false);
      expect(isAlive(init) && isAlive(smart)).toBe(true);
      expect(link(again.pid, "ns/pid")).toBe(link(init.pid, "ns/pid"));
      expect(environment(again.pid)["FROM_HOOK"]).toBe("1");
      expect(supervisor.log().slice(from)).not.toMatch(/HOST-HOOK|jail is made|warning|error/);
    }
    expect(scope.read("root/tmp/in")).toBe("in\n");
    expect(scope.read("root/tmp/root")).toBe("root\nroot\nroot\n");
    expect((await supervisor.stop()).code).toBe(0);
    for (const id of [init, smart]) expect(isAlive(id)).toBe(false);
  },
);

check(
  "the jail's init dies: noticed at once, made again, and its daemons run again in the new one",
  NEEDS,
  async (scope) => {
    const config = scope.config([
      `namespace = ${busyboxRoot(scope)}`,
      "exec-post-jail = echo POST $UWSGI_JAIL_PID",
      "exec-in-jail = echo in >> /tmp/in",
      "smart-attach-daemon2 = /run/smart.pid sleep 81031",
      "attach-daemon = sleep 81032",
    ]);
    const supervisor = scope.reeve(config);
    await supervisor.untilLog(/reeve is up/);
    const init = await initOf(scope, supervisor);
    const before = await untilRunning(/^sleep 81031$/);
    const from = supervisor.log().length;
    signal(init, "SIGKILL");
    await supervisor.untilLog(/the jail is lost|the jail ended/, { from });
    const next = await initOf(scope, supervisor, from);
    const smart = await untilRunning(/^sleep 81031$/);
    const dumb = await untilRunning(/^sleep 81032$/);
    expect(isAlive(before)).toBe(false);
    for (const one of [smart, dumb]) expect(link(one.pid, "ns/pid")).toBe(link(next.pid, "ns/pid"));
    expect(supervisor.log()).toContain(`\nPOST ${next.pid}\n`);
    expect(scope.read("root/tmp/in")).toBe("in\nin\n");
    await until(
      "the pidfile names the new one",
      () => pidIn(scope.path("root/run/smart.pid")) === levels(smart.pid)[1],
    );
    // No start was tried, and failed, while there was no jail.
    expect(supervisor.log().slice(from)).not.toContain("cannot start");
    expect((await supervisor.stop()).code).toBe(0);
    for (const one of [next, smart, dumb]) expect(isAlive(one)).toBe(false);
  },
);

check(
  "what a daemon leaves in the jail becomes the init's child, and is ended before the daemon starts again",
  NEEDS,
  async (scope) => {
    busyboxRoot(scope, "root", ["ignore_term"]);
    const touch = scope.write("root/tmp/touch", "");
    const config = scope.config([
      `namespace = ${scope.path("root")}`,
      "attach-daemon2 = cmd=sh -c 'ignore_term /tmp/left & exec sleep 81041',touch=/tmp/touch,stop_timeout=1",
    ]);
    const supervisor = scope.reeve(config);
    await supervisor.untilLog(/reeve is up/);
    const init = await initOf(scope, supervisor);
    await scope.untilFile("root/tmp/left", /\d/);
    const left = await untilRunning(/^ignore_term /);
    const daemon = await untilRunning(/^sleep 81041$/);
    await scope.run(["touch", "-d", "+10 seconds", touch]);
    await until("the daemon has stopped", () => !isAlive(daemon));
    await untilRunning(/^sleep 81041$/);
    expect(isAlive(left)).toBe(false);
    expect(isAlive(init)).toBe(true);
    expect((await supervisor.stop()).code).toBe(0);
    expect(running(/^ignore_term |^sleep 81041$/)).toEqual([]);
  },
);

check(
  "a jail that is changed while it runs stays as it is, and says so in one line",
  NEEDS,
  async (scope) => {
    const lines = ["smart-attach-daemon2 = /run/smart.pid sleep 81061"];
    const config = scope.config([`namespace = ${busyboxRoot(scope)}:one`, ...lines]);
    const supervisor = scope.reeve(config);
    await supervisor.untilLog(/reeve is up/);
    const init = await initOf(scope, supervisor);
    const smart = await untilRunning(/^sleep 81061$/);
    for (const change of [[`namespace = ${scope.path("root")}:two`, ...lines], lines]) {
      scope.config(change);
      const from = supervisor.log().length;
      supervisor.signal("SIGHUP");
      await supervisor.untilLog(/reeve is back/, { from });
      expect(supervisor.log().slice(from).match(/takes effect at the next stop and start/g)).toHaveLength(1);
      expect([init, smart].map(isAlive)).toEqual([true, true]);
    }
    expect((await supervisor.stop()).code).toBe(0);
    for (const one of [init, smart]) expect(isAlive(one)).toBe(false);
  },
);

check(
  "a record that names another process is not believed, and that process is left alone",
  NEEDS,
  async (scope) => {
    const config = scope.config([`namespace = ${busyboxRoot(scope)}`, "attach-daemon = sleep 81071"]);
    const first = scope.reeve(config);
    await first.untilLog(/reeve is up/);
    const init = await initOf(scope, first);
    await first.kill();
    const record = (): JailRecord => decode(JAIL_RECORD, readFileSync(scope.path("run/jail"), "utf8"));
    const write = (changed: JailRecord): void =>
      writeFileSync(scope.path("run/jail"), encode(JAIL_RECORD, changed));
    const stranger = scope.start(["sleep", "81072"]);
    const { pid } = stranger.outer;
    // Two processes may start within one tick of the clock; the record is of another one.
    const startTime = BigInt(inspect(pid)!.start - 1);
    write({ ...record(), identity: { ...record().identity, pid, startTime } });
    const second = scope.reeve(config);
    await second.untilLog(/the jail of an earlier reeve has ended \(pid \d+ is another process by now\)/);
    await second.untilLog(/reeve is up/);
    const next = await initOf(scope, second);
    await second.kill();
    // The same pid and start time, and yet another jail: the namespaces say so.
    const former = { pid: init.pid, startTime: BigInt(inspect(init.pid)!.start) };
    write({ ...record(), identity: { ...record().identity, ...former } });
    const third = scope.reeve(config);
    await third.untilLog(/is not the one on record: the namespaces of pid \d+ are others/);
    await third.untilLog(/reeve is up/);
    await initOf(scope, third);
    expect([stranger.outer, init, next].map(isAlive)).toEqual([true, true, true]);
    expect((await third.stop()).code).toBe(0);
  },
);

check(
  "a reload while the jail is lost: the next image makes it, and no daemon is forgotten",
  NEEDS,
  async (scope) => {
    const config = scope.config([
      `namespace = ${busyboxRoot(scope)}`,
      "smart-attach-daemon2 = /run/smart.pid sleep 81101",
      "attach-daemon = sleep 81102",
    ]);
    const supervisor = scope.reeve(config);
    await supervisor.untilLog(/reeve is up/);
    const init = await initOf(scope, supervisor);
    const from = supervisor.log().length;
    signal(init, "SIGKILL");
    await supervisor.untilLog(/the jail is lost/, { from });
    supervisor.signal("SIGHUP");
    await supervisor.untilLog(/reeve is back/, { from });
    const next = await initOf(scope, supervisor, from);
    for (const pattern of [/^sleep 81101$/, /^sleep 81102$/]) {
      expect(link((await untilRunning(pattern)).pid, "ns/pid")).toBe(link(next.pid, "ns/pid"));
    }
    expect((await supervisor.stop()).code).toBe(0);
    expect(running(/^sleep 8110/)).toEqual([]);
  },
);

check("two jails side by side know nothing of each other", NEEDS, async (scope) => {
  const configs = ["a", "b"].map((name) =>
    scope.write(
      `${name}.ini`,
      [
        "[uwsgi]",
        `run-dir = ${scope.path(`run-${name}`)}`,
        `namespace = ${busyboxRoot(scope, `root-${name}`)}:${name}`,
        "attach-daemon2 = cmd=sh -c 'hostname > /tmp/host; ls /proc > /tmp/proc; exec sleep 81121'",
      ].join("\n"),
    )
  );
  const supervisors = configs.map((config) => scope.reeve(config));
  const inits = [];
  for (const one of supervisors) {
    await one.untilLog(/reeve is up/);
    inits.push(await initOf(scope, one));
  }
  for (const name of ["a", "b"]) {
    await scope.untilFile(`root-${name}/tmp/host`, new RegExp(`^${name}$`, "m"));
    const seen = scope.read(`root-${name}/tmp/proc`).split("\n").filter((entry) => /^\d+$/.test(entry));
    expect(seen.length).toBeLessThan(6);
  }
  const namespaces = inits.map(({ pid }) =>
    ["pid", "mnt", "uts", "ipc"].map((kind) => link(pid, `ns/${kind}`))
  );
  expect(new Set(namespaces.flat()).size).toBe(8);
  expect((await supervisors[0]!.stop()).code).toBe(0);
  expect(inits.map(isAlive)).toEqual([false, true]);
  expect((await supervisors[1]!.stop()).code).toBe(0);
});
