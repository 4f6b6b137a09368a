/**
 * Hook actions, waits, touch files and the log inside a jail: done from outside of it, and what they do is
 * seen in it alone. The host's mounts, its name and its files are what they were.
 */
import { afterEach, beforeEach, expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { hostname } from "node:os";
import { makeFifo } from "../../lib/sys/file/fifo.ts";
import type { Scope, Supervisor } from "./harness.ts";
import { busybox, busyboxRoot, hostMounts } from "./jail_root.ts";
import { check, pidNamespace, reeve, root } from "./need.ts";
import { identify, isAlive, signal } from "./process.ts";
import { until } from "./wait.ts";

const NEEDS = [reeve, root, pidNamespace, busybox];

let mounts = "";
let name = "";
beforeEach(() => {
  mounts = hostMounts();
  name = hostname();
});
afterEach(() => {
  expect(hostMounts()).toBe(mounts);
  expect(hostname()).toBe(name);
});

/** Started with a jail on the scope's root, and up. */
async function up(scope: Scope, lines: readonly string[], option = "namespace"): Promise<Supervisor> {
  const supervisor = started(scope, lines, option);
  await supervisor.untilLog(/reeve is up/);
  await trackInit(scope, supervisor);
  return supervisor;
}

function started(scope: Scope, lines: readonly string[], option = "namespace"): Supervisor {
  if (!existsSync(scope.path("root"))) busyboxRoot(scope);
  return scope.reeve(scope.config([`${option} = ${scope.path("root")}`, ...lines]));
}

async function trackInit(scope: Scope, supervisor: Supervisor): Promise<void> {
  const found = await supervisor.untilLog(/the jail is made pid=(\d+)/);
  scope.track(identify(Number(found[1])));
}

const mode = (path: string): number => statSync(path).mode & 0o7777;
const owner = (path: string): number[] => [statSync(path).uid, statSync(path).gid];

check(
  "every file action acts in the jail, with the names of its passwd and relative to where chdir led",
  NEEDS,
  async (scope) => {
    busyboxRoot(scope);
    makeFifo(scope.path("root/tmp/fifo"), 0o600);
    const supervisor = await up(scope, [
      "umask = 027",
      "hook-in-jail = mkdir:/made",
      "hook-in-jail = chdir:/made",
      "hook-in-jail = mkdir:deeper",
      "hook-as-root = chdir:/made",
      "hook-as-root = write:file one",
      "hook-as-root = appendn:file  two",
      "hook-as-root = writen:line three",
      "hook-as-root = create:empty",
      "hook-as-root = create:gone",
      "hook-as-root = unlink:gone",
      "hook-as-root = chmod:file 640",
      "hook-as-root = chown:file guest guest",
      "hook-as-root = chown2:line 77 78",
      "hook-as-root = sticky:deeper",
      "hook-as-root = writefifo:/tmp/fifo nobody reads this",
      "hook-as-root = wait_for_file:/made/file",
      "attach-daemon = sleep 84001",
    ]);
    const made = scope.path("root/made");
    expect(mode(made)).toBe(0o750);
    expect(readFileSync(`${made}/file`, "utf8")).toBe("one two\n");
    expect(readFileSync(`${made}/line`, "utf8")).toBe("three\n");
    expect([existsSync(`${made}/empty`), existsSync(`${made}/gone`)]).toEqual([true, false]);
    expect([mode(`${made}/file`), owner(`${made}/file`), owner(`${made}/line`)]).toEqual([
      0o640,
      [4321, 4322],
      [77, 78],
    ]);
    expect(mode(`${made}/deeper`)).toBe(0o1750);
    expect(existsSync("/made")).toBe(false);
    expect((await supervisor.stop()).code).toBe(0);
  },
);

check("actions of the user's phases have the user's rights, in the jail", NEEDS, async (scope) => {
  busyboxRoot(scope);
  const supervisor = await up(scope, [
    "uid = guest",
    "gid = guest",
    "hook-as-user = write:/tmp/mine x",
    "hook-as-user = chmod:/tmp/mine 600",
    "hook-as-user = mkdir:/tmp/dir",
    "hook-as-user-atexit = write:/tmp/end done",
    "hook-as-user-atexit = unlink:/etc/passwd",
    "attach-daemon = sleep 84011",
  ]);
  expect([owner(scope.path("root/tmp/mine")), mode(scope.path("root/tmp/mine"))]).toEqual([
    [4321, 4322],
    0o600,
  ]);
  expect(owner(scope.path("root/tmp/dir"))).toEqual([4321, 4322]);
  const { code, output } = await supervisor.stop();
  expect(code).toBe(0);
  expect(scope.read("root/tmp/end")).toBe("done");
  expect(output).toContain('cannot unlink "/etc/passwd": permission denied');
  expect(existsSync(scope.path("root/etc/passwd"))).toBe(true);
});

check("mounts, umounts and the host name are the jail's alone", NEEDS, async (scope) => {
  busyboxRoot(scope);
  for (const point of ["mnt", "bound", "gone", "data", "moved"]) mkdirSync(scope.path("root", point));
  scope.write("root/data/file", "x");
  const supervisor = await up(scope, [
    "hook-in-jail = hostname:inner",
    "hook-in-jail = mount:tmpfs none /gone",
    "mount-in-jail = tmpfs none ./gone",
    "umount-in-jail = /gone",
    "mount-in-jail = tmpfs none /mnt nosuid,nodev size=64k,mode=0711",
    "mount-in-jail = none /data /bound bind,ro,nosuid,private",
    "mount-in-jail = none /mnt /moved move",
    "hook-as-root = chdir:/moved",
    "hook-as-root = write:file on the tmpfs",
    "exec-as-root = cat /proc/self/mountinfo > /tmp/mounts; hostname > /tmp/name; cat file > /tmp/copy",
    "exec-as-root = touch /bound/new 2> /tmp/refused || true",
    "attach-daemon = sleep 84021",
  ]);
  const lines = scope.read("root/tmp/mounts").trim().split("\n").map((line) => line.split(" "));
  const options = (point: string): string[] =>
    lines.filter((line) => line[4] === point).map((line) => line[5]!);
  expect(options("/moved")).toEqual(["rw,nosuid,nodev,relatime"]);
  expect(options("/bound")).toEqual([expect.stringMatching(/^ro,nosuid/)]);
  expect(options("/gone")).toHaveLength(1);
  expect(scope.read("root/tmp/name")).toBe("inner\n");
  expect(scope.read("root/tmp/copy")).toBe("on the tmpfs");
  expect(scope.read("root/tmp/refused")).toMatch(/read-only file system/i);
  expect((await supervisor.stop()).code).toBe(0);
});

check(
  "a mount that cannot be made in the jail fails the start with its place, and leaves nothing",
  NEEDS,
  async (scope) => {
    busyboxRoot(scope);
    const missing = started(scope, [
      "mount-as-root = tmpfs none /missing/deep",
      "attach-daemon = sleep 84031",
    ]);
    const first = await missing.untilExit();
    expect(first.code).toBe(1);
    expect(first.output).toMatch(
      /test\.ini:4: cannot mount "none" on "\/missing\/deep": no such file or directory/,
    );
    const user = started(scope, ["uid = guest", "gid = guest", "hook-as-user = mount:tmpfs none /tmp"]);
    const second = await user.untilExit();
    expect(second.code).toBe(1);
    expect(second.output).toContain(
      'cannot mount "none" on "/tmp": only root may; use a hook of the phase as-root',
    );
  },
);

check("waits look into the jail: files, directories, mounts and sockets of it", NEEDS, async (scope) => {
  busyboxRoot(scope, "root", ["listen_on"]);
  symlinkSync("/run/app", scope.path("root/way"));
  const supervisor = await up(scope, [
    "wait-for-dir = /etc",
    "wait-for-file = /etc/group",
    "wait-for-mountpoint = /proc",
    "wait-for-interface = lo",
    "exec-in-jail = mkdir /run/app; setsid listen_on /run/app/socket < /dev/null > /dev/null 2>&1 &",
    "hook-as-root = wait_for_socket:/way/socket",
    "attach-daemon = sleep 84041",
  ]);
  expect(supervisor.log()).toMatch(/\/way\/socket ready/);
  expect((await supervisor.stop()).code).toBe(0);
});

check(
  "a jail with a network of its own: its interfaces, ports and abstract sockets are waited for",
  NEEDS,
  async (scope) => {
    busyboxRoot(scope, "root", ["listen_on"]);
    const listen = (address: string): string =>
      `exec-in-jail = setsid listen_on ${address} < /dev/null > /dev/null 2>&1 &`;
    const supervisor = await up(
      scope,
      [
        "wait-for-interface = lo",
        listen("84051"),
        listen("@reeve-84052"),
        "hook-as-root = wait_for_socket:127.0.0.1:18405",
        "hook-as-root = wait_for_socket:@reeve-84052",
        "attach-daemon = sleep 84051",
      ].map((line) => line.replace("listen_on 84051", "listen_on 18405")),
      "namespace-net",
    );
    expect((await supervisor.stop()).code).toBe(0);
    const far = started(scope, ["wait-for-socket = 10.1.2.3:80"], "namespace-net");
    const { code, output } = await far.untilExit();
    expect(code).toBe(1);
    expect(output).toContain('cannot wait for "10.1.2.3:80" in a network namespace of the jail\'s own');
  },
);

check(
  "a wait for what the jail has not, though the host has it, ends with its time-out",
  NEEDS,
  async (scope) => {
    const supervisor = started(scope, [
      "wait-for-fs-timeout = 1",
      `wait-for-file = ${scope.write("here", "x")}`,
    ]);
    const { code, output } = await supervisor.untilExit();
    expect(code).toBe(1);
    expect(output).toMatch(/cannot go on without file ".*here": it is not there after 1 seconds/);
  },
);

check(
  "a daemon's touch file is the jail's, through links of the jail, relative ones in its chdir",
  NEEDS,
  async (scope) => {
    busyboxRoot(scope);
    scope.write("root/run/v1/flag", "");
    symlinkSync("/run/v1", scope.path("root/run/current"));
    scope.write("root/tmp/here", "");
    const supervisor = await up(scope, [
      "chdir = /tmp",
      "attach-daemon2 = cmd=sleep 84061,touch=/run/current/flag",
      "attach-daemon2 = cmd=sleep 84062,touch=here",
    ]);
    await scope.run(["touch", "-d", "+10 seconds", scope.path("root/run/v1/flag")]);
    await supervisor.untilLog(/\*\*\* \/run\/current\/flag has been touched/);
    await scope.run(["touch", "-d", "+10 seconds", scope.path("root/tmp/here")]);
    await supervisor.untilLog(/\*\*\* here has been touched/);
    expect((await supervisor.stop()).code).toBe(0);
  },
);

check("logto2 is a file of the jail and of its user, rotated and reopened there", NEEDS, async (scope) => {
  busyboxRoot(scope);
  scope.directoryFor("root/log");
  const rotate = scope.path("rotate");
  scope.write("rotate", "");
  const supervisor = started(scope, [
    "uid = guest",
    "gid = guest",
    "logto2 = /log/reeve.log",
    "log-backupname = /log/old.log",
    `touch-logrotate = ${rotate}`,
    "attach-daemon = sh -c 'echo from the daemon; exec sleep 84071'",
  ]);
  await scope.untilFile("root/log/reeve.log", /from the daemon/);
  await scope.untilFile("root/log/reeve.log", /reeve is up/);
  await trackInit(scope, supervisor);
  expect(owner(scope.path("root/log/reeve.log"))).toEqual([4321, 4322]);
  expect(supervisor.log()).toContain("the jail is made");
  expect(existsSync("/log/reeve.log")).toBe(false);
  await scope.run(["touch", "-d", "+10 seconds", rotate]);
  await scope.untilFile("root/log/old.log", /from the daemon/);
  supervisor.signal("SIGHUP");
  await scope.untilFile("root/log/reeve.log", /reeve is back/);
  expect((await supervisor.stop()).code).toBe(0);
  expect(scope.read("root/log/reeve.log")).toContain("goodbye");
});

check("logto2 that the jail has made a link, a device or a directory is refused", NEEDS, async (scope) => {
  busyboxRoot(scope);
  scope.write("outside", "untouched");
  symlinkSync(scope.path("outside"), scope.path("root/link"));
  for (
    const [file, why] of [
      ["/link", "it is a symbolic link inside the jail"],
      ["/dev/null", "not the jail's|it is no file inside the jail"],
      ["/tmp", "it is a directory"],
    ]
  ) {
    const supervisor = started(scope, [`logto2 = ${file}`, "attach-daemon = sleep 84081"]);
    const { code, output } = await supervisor.untilExit();
    expect(code).toBe(1);
    expect(output).toMatch(new RegExp(`cannot open log file "${file}": (${why})`));
  }
  expect(scope.read("outside")).toBe("untouched");
});

check("smart daemons in a jail: their numbers are the jail's, on both sides", NEEDS, async (scope) => {
  busyboxRoot(scope, "root", ["daemonize_with_pidfile"]);
  symlinkSync("../run", scope.path("root/tmp/way"));
  const supervisor = await up(scope, [
    "smart-attach-daemon2 = /tmp/way/two.pid sleep 84091",
    "attach-daemon2 = cmd=sleep 84092,pidfile=/run/own.pid,daemonize=true,ns_pid=true",
  ]);
  await scope.untilFile("root/run/two.pid", /^\d+\n$/);
  await scope.untilFile("root/run/own.pid", /^\d+\n$/);
  await until("both have small numbers", () => {
    const numbers = ["two", "own"].map((one) => Number(scope.read(`root/run/${one}.pid`)));
    return numbers.every((number) => number > 1 && number < 1000);
  });
  expect(supervisor.log()).not.toMatch(/ error | warning /);
  expect((await supervisor.stop()).code).toBe(0);
});

check(
  "a daemon with a root of its own has its pidfile and its touch files there, in a jail and without one",
  [reeve, root, pidNamespace, busybox],
  async (scope) => {
    busyboxRoot(scope);
    const own = (word: string, where: string): string =>
      `attach-daemon2 = name=${word},cmd=sleep ${word},pidfile=/run/own.pid,daemonize=1,touch=/run/flag,root=${where}`;
    const plain = scope.reeve(
      scope.config([own("84101", scope.path("root")), "attach-daemon = sleep 84102"]),
    );
    await plain.untilLog(/reeve is up/);
    await scope.untilFile("root/run/own.pid", /^\d+\n$/);
    expect(existsSync("/run/own.pid")).toBe(false);
    scope.write("root/run/flag", "");
    await plain.untilLog(/\*\*\* \/run\/flag has been touched/);
    const again = plain.log().length;
    plain.signal("SIGHUP");
    await plain.untilLog(/reeve is back/, { from: again });
    expect(plain.log().slice(again)).not.toContain(': spawning "sleep 84101"'); // the touch may respawn it
    expect((await plain.stop("SIGQUIT")).code).toBe(0);
    const left = identify(Number(scope.read("root/run/own.pid")))!;
    signal(left, "SIGKILL");
    await until("what the first one left is gone", () => !isAlive(left));
    busyboxRoot(scope, "root/inner");
    const jailed = await up(scope, [own("84103", "/inner")]);
    await scope.untilFile("root/inner/run/own.pid", /^\d{1,3}\n$/);
    expect((await jailed.stop()).code).toBe(0);
  },
);
