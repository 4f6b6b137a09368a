/**
 * What a machine does to a supervisor on a bad day: no processes, no descriptors, no space, a file system
 * that never answers, a daemon that is stopped. One bad daemon is reported and held up alone; nothing is left
 * running.
 */
import { expect } from "bun:test";
import { existsSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { fixture } from "../fixtures/compile.ts";
import { check, file, program, reeve, root } from "./need.ts";
import { exists, isAlive, pidIn, signal } from "./process.ts";
import { until } from "./wait.ts";

/** A user that nobody else is, so that a limit on its processes counts only ours. */
const LONELY = ["setpriv", "--reuid=54322", "--regid=54322", "--clear-groups"];

check("no process to be had: reported with its cause, and the daemon is back once there is room", [
  reeve,
  root,
  program("prlimit", "util-linux"),
], async (scope) => {
  expect((await scope.run(["chown", "54322:54322", scope.directoryFor("run", 0o700)])).code).toBe(0);
  const supervisor = scope.reeve(scope.config(["attach-daemon = sleep 86385"]), { wrap: LONELY });
  const daemon = await scope.untilOne(/^sleep 86385/);
  const limit = async (value: string) => {
    const set = await scope.run(["prlimit", "--pid", `${supervisor.id.pid}`, `--nproc=${value}`], {
      wrap: LONELY,
    });
    expect(set.code).toBe(0);
  };
  await limit("1:");
  const from = supervisor.log().length;
  signal(daemon, "SIGKILL");
  await supervisor.untilLog(/cannot start[^\n]*(temporarily unavailable|process)/i, { from });
  expect(isAlive(supervisor.id)).toBe(true);
  await limit("1000:");
  await until(
    "the daemon is back",
    () => scope.matching(/^sleep 86385/).find((one) => one.pid !== daemon.pid),
  );
  expect((await supervisor.stop()).code).toBe(0);
});

check("descriptors run out: what can run runs, the rest is reported, and everything is stopped at the end", [
  reeve,
], async (scope) => {
  const lines = Array.from(
    { length: 120 },
    (_, index) => `attach-daemon = sleep 85${String(index).padStart(3, "0")}`,
  );
  const supervisor = scope.reeve(scope.config(lines), {
    wrap: ["sh", "-c", 'ulimit -n 80; exec "$@"', "sh"],
  });
  const running = () => scope.matching(/^sleep 85\d\d\d/).length;
  await until(
    "all run, or the log says why not",
    () => running() === 120 || /too many open files/i.test(supervisor.log()),
    { explain: () => scope.explain() },
  );
  expect(isAlive(supervisor.id)).toBe(true);
  // It still does its work: a daemon that dies is answered.
  const victim = scope.matching(/^sleep 85\d\d\d/)[0];
  if (victim === undefined) throw new Error("not one daemon runs");
  signal(victim, "SIGKILL");
  await until("its death was answered", () => !exists(victim));
  expect((await supervisor.stop()).code).toBe(0);
  expect(running()).toBe(0);
}, 60);

check("a full disk under the pidfile: reported, nothing half written, and well again once there is space", [
  reeve,
  root,
], async (scope) => {
  const small = scope.directoryFor("small");
  const mounted = await scope.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=0755", "small", small]);
  expect(mounted.code).toBe(0);
  scope.atEnd(() => void Bun.spawnSync(["umount", "-l", small]));
  const filler = `${small}/filler`;
  const page = Buffer.alloc(4096, "x");
  for (let count = 0; statfsSync(small).bavail > 0 && count < 64; count++) {
    writeFileSync(filler, page, { flag: "a" });
  }
  const pidfile = `${small}/daemon.pid`;
  const supervisor = scope.reeve(scope.config([`smart-attach-daemon2 = ${pidfile} sleep 86384`]));
  await supervisor.untilLog(/no space left|ENOSPC/i);
  expect(readdirSync(small).filter((name) => name !== "filler" && name !== "daemon.pid")).toEqual([]);
  expect(pidIn(pidfile)).toBeNull();
  rmSync(filler);
  const daemon = await until("the pidfile names the one daemon that runs", () => {
    const found = scope.matching(/^sleep 86384/);
    return found.length === 1 && pidIn(pidfile) === found[0]?.pid ? found[0] : null;
  }, { seconds: 20, explain: () => scope.explain() });
  expect(readdirSync(small)).toEqual(["daemon.pid"]);
  expect((await supervisor.stop()).code).toBe(0);
  expect(isAlive(daemon)).toBe(true);
}, 60);

check("a daemon stopped with SIGSTOP does not hold up the stop of reeve", [reeve], async (scope) => {
  const config = scope.config([
    `attach-daemon2 = cmd=${fixture("hang")} ${scope.path("pid")},stop_timeout=1`,
    "attach-daemon = sleep 86383",
  ]);
  const supervisor = scope.reeve(config);
  const stopped = await scope.untilOne(/\/hang /);
  const other = await scope.untilOne(/^sleep 86383/);
  signal(stopped, "SIGSTOP");
  await until("it is stopped", () => scope.matching(/\/hang /)[0]?.state === "T");
  expect((await supervisor.stop()).code).toBe(0);
  expect([isAlive(stopped), isAlive(other)]).toEqual([false, false]);
});

check("a hung file system under chdir or under the program holds up that daemon alone", [
  reeve,
  root,
  file("/dev/fuse", "needs /dev/fuse"),
], async (scope) => {
  const hung = scope.directoryFor("hung");
  const ready = scope.path("ready");
  const config = scope.config([
    `attach-daemon2 = name=inside,cmd=sleep 86382,chdir=${hung},stop_timeout=1`,
    `attach-daemon2 = name=program,cmd=${hung}/bin/daemon --option,stop_timeout=1`,
    `attach-daemon2 = name=other,cmd=sleep 86381`,
  ]);
  const script = `${
    fixture("hung_fuse")
  } ${hung} ${ready} & while ! test -e ${ready}; do sleep 0.01; done; exec "$@"`;
  const supervisor = scope.reeve(config, { wrap: ["unshare", "--mount", "sh", "-c", script, "sh"] });
  const other = await scope.untilOne(/^sleep 86381/);
  expect(scope.matching(/^sleep 86382/)).toEqual([]);
  signal(other, "SIGKILL");
  await until(
    "the other daemon is back",
    () => scope.matching(/^sleep 86381/).find((one) => one.pid !== other.pid),
  );
  expect((await supervisor.stop()).code).toBe(0);
  expect(scope.matching(/reeve-exec|^sleep 8638/)).toEqual([]);
}, 60);

check("a program that does not exist is reported with stage and cause, and runs once it is there", [
  reeve,
], async (scope) => {
  const path = scope.path("late");
  const supervisor = scope.reeve(
    scope.config([`attach-daemon = ${path} 86380`, "attach-daemon = sleep 86379"]),
  );
  await scope.untilOne(/^sleep 86379/);
  await supervisor.untilLog(/cannot start[^\n]*no such file or directory/i);
  scope.write("late", '#!/bin/sh\nexec sleep "$1"\n', 0o755);
  await scope.untilOne(/^sleep 86380/, 20);
  expect((await supervisor.stop()).code).toBe(0);
}, 60);

check("a run directory that cannot be written costs one line and no daemon", [reeve, root], async (scope) => {
  const config = scope.write("test.ini", "[uwsgi]\nrun-dir = /proc/nowhere\nattach-daemon = sleep 86378\n");
  const supervisor = scope.reeve(config);
  await scope.untilOne(/^sleep 86378/);
  expect(supervisor.log()).toMatch(/\/proc\/nowhere/);
  expect(existsSync("/proc/nowhere")).toBe(false);
  expect((await supervisor.stop()).code).toBe(0);
});
