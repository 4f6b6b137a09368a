/**
 * The jail's PID 1, and children that live with it: all through spawnChild, as the supervisor does it. Needs
 * root.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type ChildSpec, CLONE_NEW, type MountStep, UNCONFINED } from "../../../lib/sys/child/child_spec.ts";
import { helperFd } from "../../../lib/sys/native/native.ts";
import { closeFd, openPipe } from "../../../lib/sys/file/descriptor.ts";
import { namespaceInode, openNamespace, pidFromNamespace } from "../../../lib/sys/child/namespaces.ts";
import { signalGroup, signalProcess } from "../../../lib/sys/process/pidfd.ts";
import { readStat } from "../../../lib/sys/process/process_table.ts";
import { drainReports } from "../../../lib/sys/child/reports.ts";
import { spawnChild } from "../../../lib/sys/child/spawn.ts";
import { stageName } from "../../../lib/sys/child/stage.ts";
import { missing, needsRoot, testUnless } from "../../native/build.ts";
import { hostMounts } from "../../native/host_mounts.ts";
import {
  endOf,
  endPiped,
  Jail,
  JAILS,
  makeRoot,
  PROC,
  readAll,
  readReady,
  runPiped,
  shell,
  startPiped,
} from "./jails.ts";
import { PLAIN } from "../child/plain.ts";
import { until } from "../until.ts";

const reason = needsRoot() ?? missing("busybox");
const check = (name: string, body: () => void | Promise<void>): void => testUnless(reason, name, body);

const SYS = join(import.meta.dir, "../../..", "lib", "sys");
const SIGKILL = 9;
const SIGTERM = 15;
const SIGSTOP = 19;
const SIGCONT = 18;
const MEMORY_LIMIT_KB = 64;

let before: readonly string[] = [];
beforeEach(() => {
  before = hostMounts(JAILS);
});
afterEach(() => {
  endPiped();
  expect(hostMounts(JAILS)).toEqual([...before]);
});

const children = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);

/** What a process is called in each PID namespace that it is in, the outermost first. */
function pidsOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return /^NSpid:\s*(.*)$/m.exec(text)![1]!.split("\t").map(Number);
}

/** Where the descriptors of a process lead. */
function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return "closed in between";
    }
  });
}

describe("the jail's init", () => {
  check("is PID 1 of its namespace, has its own name, no descriptor and little memory", async () => {
    using jail = new Jail();
    expect(jail.field("NSpid")).toBe(`${jail.init.pid}\t1`);
    expect(jail.field("Name")).toBe("reeve-jail");
    await until("it has closed all", () => readdirSync(`/proc/${jail.init.pid}/fd`).length === 0);
    for (const link of ["root", "cwd"]) {
      expect(statSync(`/proc/${jail.init.pid}/${link}`).ino).toBe(statSync(jail.root).ino);
    }
    await until(
      `it keeps less than ${MEMORY_LIMIT_KB} KB`,
      () => Number.parseInt(jail.field("VmRSS")) < MEMORY_LIMIT_KB,
    );
  });

  check("outlives every signal but SIGKILL, from outside and from inside, and queues none", async () => {
    using jail = new Jail();
    for (let signal = 1; signal <= 64; signal++) {
      if (signal !== SIGKILL && signal !== SIGSTOP) signalProcess(jail.init.pid, signal);
    }
    const inside = await jail.run("kill -9 1; kill -15 1; kill -19 1; cat /proc/1/status");
    expect(inside.output).toMatch(/^State:\tS/m);
    expect(jail.field("ShdPnd")).toBe("0000000000000000");
    expect(readStat(jail.init.pid)?.state).toBe("S");
  });

  check("reaps whoever is orphaned in the jail, even while it is stopped", async () => {
    using jail = new Jail();
    await jail.run("for i in 1 2 3 4 5; do (true & ) ; done");
    await until("no orphan is left", () => children(jail.init.pid).length === 0);
    signalProcess(jail.init.pid, SIGSTOP);
    await until("it is stopped", () => readStat(jail.init.pid)?.state === "T");
    await jail.run("(sleep 0 & ) ; true");
    await until("no orphan is left", () => children(jail.init.pid).length === 0);
    signalProcess(jail.init.pid, SIGCONT);
  });

  check("takes everything in the jail with it when it is killed", async () => {
    using jail = new Jail();
    const { child, reader } = startPiped({
      ...shell("setsid sleep 1000 & sleep 1000"),
      confinement: jail.confinement,
    });
    await until("both sleep", () => children(child.pid).length === 1);
    signalProcess(jail.init.pid, SIGKILL);
    expect(readAll(reader)).toBe(""); // whoever could still write to it is dead
    expect(await endOf(child)).toEqual({ kind: "killed", signal: SIGKILL, core: false });
  });

  check("does not stay when nobody waits for it to be ready", async () => {
    const { reader, writer } = openPipe({ nonblock: false });
    closeFd(reader);
    const confinement = { ...UNCONFINED, newPid: true, unshare: CLONE_NEW.mnt, readyFd: writer };
    const child = spawnChild({ ...PLAIN, role: "jail", confinement });
    closeFd(writer);
    expect(await endOf(child)).toEqual({ kind: "exited", code: 125 });
  });

  check("says at which step it failed, and nothing of it is left", async () => {
    const { reader, writer } = openPipe({ nonblock: false });
    drainReports();
    const child = spawnChild({
      ...PLAIN,
      role: "jail",
      confinement: {
        ...UNCONFINED,
        newPid: true,
        unshare: CLONE_NEW.mnt,
        root: { path: "/nonexistent", how: "pivot" },
        readyFd: writer,
      },
    });
    closeFd(writer);
    expect(readReady(reader)).toBe(false);
    expect(await endOf(child)).toEqual({ kind: "exited", code: 125 });
    expect(drainReports()).toMatchObject([{ errno: 2, pid: 1 }]);
  });
});

describe("a child in a jail", () => {
  check("is reeve's own, and sees the jail alone", async () => {
    using jail = new Jail();
    const { child, reader } = startPiped({
      ...shell("echo $$; ps -o pid,comm; sleep 1000; true"),
      confinement: jail.confinement,
    });
    await until("it sleeps", () => children(child.pid).some((pid) => readStat(pid)?.comm === "sleep"));
    expect(readStat(child.pid)?.ppid).toBe(process.pid);
    for (const kind of ["pid", "mnt", "uts", "ipc"] as const) {
      expect(namespaceInode(child.pid, kind)).toBe(namespaceInode(jail.init.pid, kind));
      expect(namespaceInode(child.pid, kind)).not.toBe(namespaceInode("self", kind));
    }
    expect(namespaceInode(child.pid, "net")).toBe(namespaceInode("self", "net"));
    signalGroup(child.pid, SIGTERM);
    expect(await endOf(child)).toMatchObject({ kind: "killed", signal: SIGTERM });
    expect(readAll(reader)).toBe("2\nPID   COMMAND\n    1 reeve-jail\n    2 sh\n    3 ps\n");
  });

  check("has pids that are translated to reeve's, in nested namespaces too", async () => {
    using jail = new Jail();
    const nested = { ...jail.confinement, newPid: true, unshare: CLONE_NEW.mnt };
    const { child, reader } = startPiped({ ...shell("sleep 1000"), confinement: nested });
    const [daemon] = await until("its init has a child", () => {
      const found = children(child.pid);
      return found.length === 1 ? found : null;
    });
    expect(pidFromNamespace(jail.pidNamespace, 1)).toBe(jail.init.pid);
    for (const pid of [child.pid, daemon!]) {
      const [outside, inJail] = pidsOf(pid);
      expect(outside).toBe(pid);
      expect(pidFromNamespace(jail.pidNamespace, inJail!)).toBe(pid);
    }
    expect(pidFromNamespace(jail.pidNamespace, 4711)).toBeNull();
    const inner = openNamespace(child.pid, "pid");
    expect(pidFromNamespace(inner, 2)).toBe(daemon!);
    closeFd(inner);
    expect(() => pidFromNamespace(jail.pidNamespace, 0)).toThrow(/pid is 0/);
    signalGroup(child.pid, SIGKILL);
    await endOf(child);
    readAll(reader);
  });

  check("dies with reeve by the parent-death signal, and knows that its parent lives", async () => {
    using jail = new Jail();
    const ended = await jail.run("echo started", { parentDeathSignal: SIGKILL });
    expect(ended).toMatchObject({ output: "started\n", status: { kind: "exited", code: 0 }, reports: [] });
  });

  check("dies with a reeve that is killed, and the jail with a daemon that outlives it stays", async () => {
    const script = `
      import { closeFd } from ${JSON.stringify(join(SYS, "file/descriptor.ts"))};
      import { Jail, shell, startPiped } from ${JSON.stringify(join(import.meta.dir, "jails.ts"))};
      const jail = new Jail();
      const start = (parentDeathSignal) =>
        startPiped({ ...shell("sleep 1000"), confinement: jail.confinement, parentDeathSignal }).child.pid;
      console.log(JSON.stringify([jail.root, jail.init.pid, start(9), start(null)]));
      setInterval(() => {}, 1000);
    `;
    const reeve = Bun.spawn([process.execPath, "-e", script], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    const { value } = await reeve.stdout.getReader().read();
    const [root, init, dumb, smart] = JSON.parse(new TextDecoder().decode(value)) as [
      string,
      number,
      number,
      number,
    ];
    const starts = [init, smart].map((pid) => readStat(pid)?.startTime);
    reeve.kill(SIGKILL);
    await reeve.exited;
    try {
      await until("the dumb one is dead", () => (readStat(dumb)?.state ?? "X").match(/[XZ]/) !== null);
      expect([init, smart].map((pid) => readStat(pid)?.startTime)).toEqual(starts);
    } finally {
      signalProcess(init, SIGKILL);
      await until("the jail is gone", () => (readStat(smart)?.state ?? "X").match(/[XZ]/) !== null);
      rmSync(dirname(root), { recursive: true, force: true });
    }
  });

  check("cannot be born into a jail whose init is gone", async () => {
    const jail = new Jail();
    const { confinement } = jail;
    const kept = openNamespace(jail.init.pid, "pid");
    jail[Symbol.dispose]();
    expect(() => spawnChild({ ...PLAIN, confinement: { ...confinement, pidNamespace: kept, join: [] } }))
      .toThrow(
        /cannot start a process: cannot allocate memory/,
      );
    closeFd(kept);
    const { status } = await runPiped(shell("true"));
    expect(status).toEqual({ kind: "exited", code: 0 });
  });
});

describe("a mount in a running jail", () => {
  const step = { ...PROC, source: "t", type: "tmpfs", target: "/mounted" };
  const runIn = (jail: Jail, mounts: readonly MountStep[], join = jail.namespaces.slice(1)) =>
    runPiped({ role: "none", args: [], confinement: { ...jail.confinement, join, mounts } });

  check("is made and taken away by a child without a program, which is gone at once", async () => {
    using jail = new Jail();
    const made = await runIn(jail, [step, { ...step, target: "/mounted/below" }]);
    expect(made).toMatchObject({ status: { kind: "exited", code: 0 }, reports: [] });
    const points = (await jail.run("cat /proc/mounts")).output;
    expect(points).toMatch(/^t \/mounted tmpfs/m);
    expect(points).toMatch(/^t \/mounted\/below tmpfs/m);
    const taken = await runIn(jail, [{ ...step, kind: "umount", recursive: true }]);
    expect(taken).toMatchObject({ status: { kind: "exited", code: 0 }, reports: [] });
    expect((await jail.run("cat /proc/mounts")).output).not.toContain("mounted");
  });

  check("stays in the jail, whatever link the jail has put in its way", async () => {
    using jail = new Jail();
    await jail.run("ln -s /proc/1/root/etc /etc; ln -s ../../../../etc /up; mkdir /real");
    const through = await runIn(jail, [{ ...step, target: "/etc" }]);
    expect(through.reports).toMatchObject([{ detail: 0, errno: 40 }]);
    expect((await runIn(jail, [{ ...step, target: "/up", create: false }])).reports).toMatchObject([{
      errno: 40,
    }]);
    const away = await runIn(jail, [{ ...step, target: "/../../../../real/x" }]);
    expect(away.reports).toEqual([]);
    expect((await jail.run("cat /proc/mounts")).output).toMatch(/^t \/real\/x tmpfs/m);
  });

  check("is made by who joins with one pidfd for all namespaces", async () => {
    using jail = new Jail();
    const all = jail.namespaces.slice(1).reduce((flags, one) => flags | one.flags, 0);
    const made = await runIn(jail, [step], [{ fd: jail.init.pidfd!, flags: all }]);
    expect(made).toMatchObject({ status: { kind: "exited", code: 0 }, reports: [] });
    expect((await jail.run("cat /proc/mounts")).output).toContain("/mounted");
  });
});

describe("a role", () => {
  test("that does not fit the PID namespace is refused before anything is started", () => {
    const start = (role: ChildSpec["role"], newPid: boolean) => () =>
      spawnChild({
        ...PLAIN,
        ...(role === undefined ? {} : { role }),
        confinement: { ...UNCONFINED, newPid },
      });
    expect(start("init", false)).toThrow(/needs a new PID namespace/);
    expect(start("exec", true)).toThrow(/role is "exec", which is no init/);
    expect(start("none", true)).toThrow(/role is "none", which is no init/);
    expect(start("guard" as "none", false)).toThrow(/role is "guard"/);
  });
});

describe("reeve's own image", () => {
  check("cannot be written to by who sees it executed", async () => {
    {
      using jail = new Jail();
      const ended = await jail.run("echo x >/proc/1/exe; echo x >>/proc/1/exe");
      expect(ended.output).toMatch(/busy.*\n.*busy/);
    }
    // Nobody runs it, so that it can be opened; its seals hold.
    const fd = openSync(`/proc/self/fd/${helperFd()}`, "r+");
    expect(() => writeSync(fd, "x")).toThrow(/EPERM/);
    expect(() => ftruncateSync(fd, 1)).toThrow(/EPERM/);
    closeSync(fd);
    expect((await runPiped(shell("exit 4"))).status).toEqual({ kind: "exited", code: 4 });
  });
});

describe("a hostile jail", () => {
  // Whoever is root in a jail may stop all in it, and does so as fast as it can.
  const stopper = "while :; do kill -STOP -1; done 2>/dev/null";

  check("that stops everything in it holds nobody up outside", async () => {
    using jail = new Jail();
    const { child } = startPiped({ ...shell(stopper), confinement: jail.confinement });
    await until("it has the word", () => readStat(child.pid)?.state === "R");
    const born: ReturnType<typeof startPiped>[] = [];
    for (let i = 0; i < 20; i++) {
      const started = startPiped({ ...shell("exit 3"), confinement: jail.confinement });
      expect(readStat(started.child.pid)?.ppid).toBe(process.pid);
      born.push(started);
    }
    await until(
      "one of them was stopped",
      () => born.some(({ child }) => readStat(child.pid)?.state === "T"),
    );
    // A namespace within it needs a process that is held, so there is none, after a short time.
    let refused = 0;
    for (let i = 0; i < 4; i++) {
      try {
        born.push(startPiped({ ...shell("exit 3"), confinement: { ...jail.confinement, newPid: true } }));
      } catch (error) {
        expect(String(error)).toMatch(
          /cannot start a process: (resource temporarily unavailable|no such process)/,
        );
        refused++;
      }
    }
    expect(refused + born.length).toBe(24);
    endPiped();
    for (const { reader } of born) closeFd(reader);
    await until("nobody is left behind", () => children(jail.init.pid).length === 0);
  });
});

describe("a PID namespace of a daemon's own", () => {
  const own = { ...UNCONFINED, newPid: true, unshare: CLONE_NEW.mnt, mounts: [PROC] };

  check("has its init as 1 and the daemon as 2, a /proc of its own, and the daemon's exit code", async () => {
    const ended = await runPiped({
      ...shell("echo $$; cat /proc/1/comm; for p in /proc/[0-9]*; do echo $p; done; exit 7"),
      confinement: own,
    });
    expect(ended.output).toStartWith("2\nreeve-init\n");
    expect(ended.output).toEndWith("\n/proc/1\n/proc/2\n");
    expect(ended.status).toEqual({ kind: "exited", code: 7 });
  });

  check("passes a signal to the group on to the daemon, once, and its handler runs", async () => {
    const line =
      'trap "echo got TERM" TERM; trap "exit 3" USR1; echo ready; while :; do sleep 1000 & wait; done';
    const { child, reader } = startPiped({ ...shell(line), confinement: own });
    const buffer = new Uint8Array(64);
    const { readInto } = await import("../../../lib/sys/file/descriptor.ts");
    const line1 = readInto(reader, buffer);
    expect(new TextDecoder().decode(buffer.subarray(0, line1 ?? 0))).toBe("ready\n");
    signalGroup(child.pid, SIGTERM);
    const line2 = readInto(reader, buffer);
    expect(new TextDecoder().decode(buffer.subarray(0, line2 ?? 0))).toBe("got TERM\n");
    signalGroup(child.pid, 10);
    expect(await endOf(child)).toEqual({ kind: "exited", code: 3 });
    expect(readAll(reader)).toBe(""); // not a second one, and the sleep that held it is gone
  });

  check("ends with the daemon, with all that is left in it", async () => {
    const { child, reader } = startPiped({ ...shell("setsid sleep 1000 & exit 0"), confinement: own });
    expect(readAll(reader)).toBe("");
    expect(await endOf(child)).toEqual({ kind: "exited", code: 0 });
  });

  check("ends when its init is killed", async () => {
    const { child, reader } = startPiped({ ...shell("setsid sleep 1000 & sleep 1000"), confinement: own });
    await until("the daemon runs", () => children(child.pid).length === 1);
    signalProcess(child.pid, SIGKILL);
    expect(readAll(reader)).toBe("");
    expect(await endOf(child)).toEqual({ kind: "killed", signal: SIGKILL, core: false });
  });

  check("tells a daemon's death by a signal as 128 and its number", async () => {
    const ended = await runPiped({ ...shell("kill -11 $$"), confinement: own });
    expect(ended.status).toEqual({ kind: "exited", code: 139 });
  });

  check("reaps orphans while the daemon runs", async () => {
    const ended = await runPiped({
      ...shell("(true & ) ; (true & ) ; sleep 0; while ls /proc | grep -q '^[3-9]$'; do :; done; echo alone"),
      confinement: own,
    });
    expect(ended).toMatchObject({ status: { kind: "exited", code: 0 } });
  });

  check("reports a program that is not there, as without a namespace", async () => {
    const ended = await runPiped({
      ...shell(""),
      file: { path: "/nonexistent", searchPath: null },
      confinement: own,
    });
    expect(ended.status).toEqual({ kind: "exited", code: 127 });
    expect(ended.reports.map(({ stage, errno }) => [stageName(stage), errno])).toEqual([["exec", 2]]);
  });

  check("the init holds nothing of reeve's once the daemon is executed", async () => {
    const { child, reader } = startPiped({
      ...shell("sleep 1000"),
      confinement: own,
      parentDeathSignal: SIGKILL,
    });
    await until("its descriptors are /dev/null alone", () => {
      const fds = openFiles(child.pid);
      return fds.length === 3 && fds.every((path) => path === "/dev/null");
    });
    signalGroup(child.pid, SIGTERM);
    expect(await endOf(child)).toEqual({ kind: "exited", code: 128 + SIGTERM });
    readAll(reader);
  });

  check("leads a session of its own, and so does the daemon", async () => {
    const { child, reader } = startPiped({ ...shell("sleep 1000"), confinement: own });
    const [daemon] = await until("it runs", () => {
      const found = children(child.pid);
      return found.length === 1 && readStat(found[0]!)?.comm !== "reeve-init" ? found : null;
    });
    expect(readStat(child.pid)).toMatchObject({ pgrp: child.pid, session: child.pid });
    expect(readStat(daemon!)).toMatchObject({ pgrp: daemon!, session: daemon! });
    signalGroup(child.pid, SIGKILL);
    await endOf(child);
    readAll(reader);
  });

  check("within a user namespace of the daemon's, whose root is none outside", async () => {
    const ended = await runPiped({
      ...shell("id -u; mount -t tmpfs t /proc 2>&1; echo x 2>&1 >/proc/1/oom_score_adj; true"),
      confinement: { ...own, unshare: CLONE_NEW.mnt | CLONE_NEW.user },
    });
    expect(ended.output).toMatch(/^0\n.*(denied|permitted)/s);
  });
});

describe("what a root beneath another is for", () => {
  check("a daemon in a jail gets a root of its own there", async () => {
    using jail = new Jail();
    const inner = makeRoot();
    await Bun.$`cp -a ${inner} ${join(jail.root, "inner")}`.quiet();
    await Bun.$`rm -rf ${inner}`.quiet();
    const confinement = {
      ...jail.confinement,
      unshare: CLONE_NEW.mnt,
      root: { path: "/inner", how: "pivot" } as const,
      mounts: [PROC],
    };
    const ended = await runPiped({ ...shell("ls /; cat /proc/1/comm"), confinement });
    expect(ended).toMatchObject({ output: "bin\nproc\nreeve-jail\n", reports: [] });
  });
});
