/**
 * The helper's role init, run by hand: as an ordinary process (a subreaper) and as PID 1 of a PID namespace.
 */
import { afterAll, afterEach, describe, expect } from "bun:test";
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { allProcesses, exists, identify, type ProcessId, signal } from "../e2e/process.ts";
import { until } from "../e2e/wait.ts";
import { fixture } from "../fixtures/compile.ts";
import { artefacts, needsRoot, run, sanitizedHelper, testUnless } from "./build.ts";
import { endStarted, FREESTANDING, type HelperBuild, SANITIZED, startInit } from "./helper.ts";

const SIGHUP = 1, SIGINT = 2, SIGKILL = 9, SIGUSR1 = 10, SIGSEGV = 11, SIGTERM = 15, SIGCHLD = 17;
const SIGCONT = 18, SIGSTOP = 19;
const ROOM = mkdtempSync(join(tmpdir(), "reeve-native-"));
afterEach(endStarted);
afterAll(() => rmSync(ROOM, { recursive: true, force: true }));

let serial = 0;
const fresh = (name: string) => join(ROOM, `${name}-${++serial}`);
const file = (name: string) => ({ path: fixture(name), searchPath: null });
const spec = (name: string, ...args: string[]) => ({ args: [name, ...args], file: file(name) });
const lines = (path: string) =>
  existsSync(path) ? readFileSync(path, "utf8").split("\n").filter((line) => line !== "") : [];

const NAMESPACES = needsRoot() ??
  (run(["unshare", "--pid", "--fork", "true"]).status === 0 ? null : "needs PID namespaces");

/** Starts init as PID 1. The pid of it, as seen from here, is in `pidfile`. */
function startFirst(
  build: HelperBuild,
  child: Parameters<typeof startInit>[1],
  init: Parameters<typeof startInit>[2] = {},
  pidfile = fresh("first"),
) {
  const started = startInit(build, child, init, {
    wrap: [fixture("call_as"), "first", pidfile, "reeve-init"],
  });
  const first = async (): Promise<ProcessId> =>
    await until("PID 1 is there", () => {
      const pid = Number(lines(pidfile)[0] ?? 0);
      return pid === 0 ? null : identify(pid);
    });
  return { ...started, first };
}

/** The process whose pid a fixture wrote into `path`. */
const writtenIn = (path: string) => until(`a pid in ${path}`, () => identify(Number(lines(path)[0] ?? 0)));

for (const build of [FREESTANDING, SANITIZED]) {
  const check = (name: string, body: () => Promise<void>) => testUnless(build.missing(), name, body);
  const asFirst = (name: string, body: () => Promise<void>) =>
    testUnless(build.missing() ?? NAMESPACES, name, body);

  describe(`role init, ${build.name}`, () => {
    check("ends with the status of its child", async () => {
      for (const status of [0, 1, 42, 127, 255]) {
        expect(await startInit(build, spec("exit_with", `${status}`)).outcome).toMatchObject({
          status,
          stderr: "",
        });
      }
    });

    check("ends with 128+n when signal n killed its child", async () => {
      for (const number of [SIGHUP, SIGSEGV, SIGKILL, SIGTERM, 34, 64]) {
        expect(await startInit(build, spec("crash_at_once", `${number}`)).outcome).toMatchObject({
          status: 128 + number,
        });
      }
    });

    check("says in one line why a program cannot be started", async () => {
      const absent = await startInit(build, {
        args: ["x"],
        file: { path: "/nonexistent/x", searchPath: null },
      }).outcome;
      expect(absent).toMatchObject({
        status: 127,
        stderr: `reeve: cannot start "/nonexistent/x": exec: no such file or directory\n`,
      });
      const denied = await startInit(build, { args: ["x"], file: { path: "/etc", searchPath: null } })
        .outcome;
      expect(denied).toMatchObject({
        status: 126,
        stderr: `reeve: cannot start "/etc": exec: permission denied\n`,
      });
      const before = await startInit(build, { chdir: "/nonexistent" }, { restart: true }).outcome;
      expect(before).toMatchObject({
        status: 125,
        stderr: `reeve: cannot start "/bin/true": chdir: no such file or directory\n`,
      });
    });

    check("does not take an end with 127 for a program that is not there", async () => {
      expect(await startInit(build, spec("exit_with", "127")).outcome).toMatchObject({
        status: 127,
        stderr: "",
      });
    });

    check("forwards every signal to the child", async () => {
      const log = fresh("signals");
      const started = startInit(build, spec("record_signals", log));
      await until("the child is ready", () => lines(log).length > 0);
      const sent: number[] = [];
      for (let number = 1; number <= 64; number++) {
        // 32 and 33 are the C library's own; TERM ends the child and comes last
        if ([SIGKILL, SIGSTOP, SIGCHLD, SIGTERM, 32, 33].includes(number)) continue;
        sendTo(started.pid, number);
        sent.push(number);
        await until(`signal ${number} has arrived`, () => lines(log).includes(`signal ${number}`));
      }
      sendTo(started.pid, SIGTERM);
      expect(await started.outcome).toMatchObject({ status: 0 });
      expect(lines(log).slice(1)).toEqual([...sent, SIGTERM].map((number) => `signal ${number}`));
    });

    check("forwards to the whole group, or to the child alone", async () => {
      for (const forwardGroup of [true, false]) {
        const log = fresh("group");
        const child = fresh("child");
        const words = `${fixture("record_signals")} ${log} & ${
          fixture("record_signals")
        } ${child} & wait; wait`;
        const started = startInit(build, {
          args: ["sh", "-c", `trap : USR1; ${words}`],
          file: { path: "/bin/sh", searchPath: null },
        }, { forwardGroup, graceMs: 5000 });
        await until("both are ready", () => lines(log).length > 0 && lines(child).length > 0);
        sendTo(started.pid, SIGUSR1);
        if (forwardGroup) {
          await until("both have it", () => lines(log).length > 1 && lines(child).length > 1);
          expect([lines(log)[1], lines(child)[1]]).toEqual([`signal ${SIGUSR1}`, `signal ${SIGUSR1}`]);
        }
        sendTo(started.pid, SIGTERM); // the shell dies of it; what it leaves is told to end
        await started.outcome;
        expect(lines(log)).toContain(`signal ${SIGTERM}`);
        expect(lines(log).includes(`signal ${SIGUSR1}`)).toBe(forwardGroup);
      }
    });

    check("a signal that comes before the program runs is not lost", async () => {
      for (let i = 0; i < 20; i++) {
        const log = fresh("early");
        const started = startInit(build, spec("hang", log));
        // it takes its name after it has blocked its signals
        await until("it is init", () => statusField(started.pid, "Name") === "reeve-init");
        sendTo(started.pid, SIGINT);
        expect(await started.outcome).toMatchObject({ status: 128 + SIGINT });
      }
    });

    check("ends what its child left behind, as a subreaper", async () => {
      const pids = fresh("left");
      const outcome = await startInit(build, spec("leave_child_behind", "20", pids)).outcome;
      expect(outcome).toMatchObject({ status: 7 });
      expect(lines(pids).filter((pid) => identify(Number(pid)) !== null)).toEqual([]);
      expect(lines(pids)).toHaveLength(20);
    });

    check("ends a daemon that left its session", async () => {
      const pidfile = fresh("daemon");
      const started = startInit(build, {
        args: ["sh", "-c", `${fixture("fork_twice")} ${pidfile}; while ! test -s ${pidfile}; do :; done`],
        file: { path: "/bin/sh", searchPath: null },
      });
      expect(await started.outcome).toMatchObject({ status: 0 });
      expect(identify(Number(lines(pidfile)[0]))).toBeNull();
    });

    check("kills what ignores the request to end, once its grace is over", async () => {
      const pids = fresh("deaf");
      const before = performance.now();
      const started = startInit(build, spec("leave_child_behind", "3", "ignore", pids), { graceMs: 300 });
      expect(await started.outcome).toMatchObject({ status: 7 });
      expect(performance.now() - before).toBeGreaterThan(290);
      expect(lines(pids).filter((pid) => identify(Number(pid)) !== null)).toEqual([]);
    });

    check("a second TERM ends the grace", async () => {
      const pids = fresh("impatient");
      const started = startInit(build, spec("leave_child_behind", "1", "ignore", pids), {
        graceMs: 3_600_000,
      });
      const left = await writtenIn(pids);
      await until(
        "init has reaped its child",
        () => childrenOf(started.pid).map((child) => child.pid).join() === `${left.pid}`,
      );
      sendTo(started.pid, SIGTERM);
      expect(await started.outcome).toMatchObject({ status: 7 });
      expect(exists(left)).toBe(false);
    });

    check("leaves orphans alone unless told", async () => {
      const pids = fresh("kept");
      const started = startInit(build, spec("leave_child_behind", "1", pids), { stopOrphans: false });
      expect(await started.outcome).toMatchObject({ status: 7 });
      const left = await writtenIn(pids);
      expect(signal(left, SIGKILL)).toBe(true);
      await until("it is gone", () => !exists(left));
    });

    check("starts a child that a signal killed again, and gives up after five times", async () => {
      const outcome = await startInit(build, spec("crash_at_once", `${SIGSEGV}`), { restart: true }).outcome;
      expect(outcome.status).toBe(128 + SIGSEGV);
      const again = "reeve: the core died of signal 11, started again\n";
      const last = "reeve: the core died of signal 11, not started again: five times in a minute is enough\n";
      expect(outcome.stderr).toBe(again.repeat(5) + last);
    });

    check("starts a killed child again, and ends with it when that ends", async () => {
      const pidfile = fresh("core");
      const started = startInit(build, spec("hang", pidfile), { restart: true });
      const core = await writtenIn(pidfile);
      signal(core, SIGKILL);
      const next = await until("another core", () => {
        const found = identify(Number(lines(pidfile)[0] ?? 0));
        return found !== null && found.pid !== core.pid ? found : null;
      });
      expect(parentOf(next.pid)).toBe(started.pid);
      sendTo(started.pid, SIGTERM);
      expect(await started.outcome).toMatchObject({
        status: 128 + SIGTERM,
        stderr: "reeve: the core died of signal 9, started again\n",
      });
    });

    check("a child that died of a signal it was forwarded has not crashed", async () => {
      const pidfile = fresh("asked");
      const started = startInit(build, spec("hang", pidfile), { restart: true });
      await writtenIn(pidfile);
      sendTo(started.pid, SIGHUP);
      expect(await started.outcome).toMatchObject({ status: 128 + SIGHUP, stderr: "" });
    });

    check("a crash on the way down is the end", async () => {
      const pidfile = fresh("down");
      const started = startInit(build, spec("ignore_term", pidfile), { restart: true });
      const core = await writtenIn(pidfile);
      sendTo(started.pid, SIGTERM);
      await until("init has taken the signal", () => pendingOf(started.pid) === 0n);
      signal(core, SIGKILL);
      expect(await started.outcome).toMatchObject({ status: 128 + SIGKILL, stderr: "" });
    });

    check("a stderr that nobody reads does the child no harm", async () => {
      const log = fresh("unread");
      const words = [...build.command("reeve-init").words].map((word) => `'${word}'`).join(" ");
      const wrap = ["/bin/bash", "-c", `(exec -a reeve-init ${words} 2> >(:))`];
      const started = startInit(
        build,
        { ...spec("record_signals", log), fds: new Map<number, number | "null">([[0, "null"], [1, 1]]) },
        { restart: true },
        { wrap },
      );
      const pidOf = (at: number) => {
        const ready = lines(log).filter((line) => line.startsWith("ready"))[at];
        return ready === undefined ? null : identify(Number(ready.split(" ")[1]));
      };
      signal(await until("the child is ready", () => pidOf(0)), SIGKILL);
      const next = await until("the child is ready again", () => pidOf(1));
      sendTo(parentOf(next.pid), SIGTERM);
      expect(await started.outcome).toMatchObject({ status: 0 });
      expect(lines(log).filter((line) => line.startsWith("signal"))).toEqual([`signal ${SIGTERM}`]);
    });

    check("a pipe ends when the child closes it", async () => {
      const pipe = fresh("pipe");
      expect(run(["mkfifo", pipe]).status).toBe(0);
      const writer = openSync(pipe, "r+");
      const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
      const log = fresh("closed");
      const child = `exec 9>&-; echo $$ > ${log}; exec ${fixture("hang")} ${log}`;
      const started = startInit(
        build,
        {
          args: ["sh", "-c", child],
          file: { path: "/bin/sh", searchPath: null },
          fds: new Map<number, number | "null">([[0, "null"], [1, 1], [2, 2], [9, 5]]),
        },
        {},
        { fds: [writer] },
      );
      closeSync(writer);
      await until("the child has closed it", () => lines(log).length > 0);
      await until("nobody holds the writing end", () => readSync(reader, new Uint8Array(1)) === 0);
      closeSync(reader);
      sendTo(started.pid, SIGTERM);
      expect(await started.outcome).toMatchObject({ status: 128 + SIGTERM });
    });

    check("ignored and blocked signals that it inherits change nothing", async () => {
      const wrap = [fixture("call_as"), "ignore-signals", "reeve-init"];
      const outcome = await startInit(build, spec("exit_with", "9"), {}, { wrap }).outcome;
      expect(outcome).toMatchObject({ status: 9 });
    });

    asFirst("as PID 1 ends with each of the 256 statuses", async () => {
      const statuses = [...Array(256).keys()];
      const ended: number[] = [];
      for (let at = 0; at < 256; at += 8) {
        const some = statuses.slice(at, at + 8).map((status) =>
          startFirst(build, spec("exit_with", `${status}`)).outcome
        );
        for (const outcome of await Promise.all(some)) ended.push(outcome.status);
      }
      expect(ended).toEqual(statuses);
    });

    asFirst("as PID 1 forwards signals that come from outside", async () => {
      const log = fresh("outside");
      const started = startFirst(build, spec("record_signals", log));
      const first = await started.first();
      await until("the child is ready", () => lines(log).length > 0);
      for (const number of [SIGHUP, SIGINT, SIGUSR1, 28, 35, SIGCONT, 20, SIGTERM]) {
        sendTo(first.pid, number);
        await until(`signal ${number} has arrived`, () => lines(log).includes(`signal ${number}`));
      }
      expect(await started.outcome).toMatchObject({ status: 0 });
    });

    asFirst("as PID 1 reaps orphans while its child runs", async () => {
      const outcome = await startFirst(build, spec("make_orphans", "500")).outcome;
      expect(outcome.stdout).toMatch(/^500 /);
      expect(outcome.status).toBe(0);
    });

    asFirst("as PID 1 ends everything that is left, a stopped process too", async () => {
      const started = startFirst(build, {
        args: ["sh", "-c", `${fixture("fork_twice")} & ${fixture("hang")} & kill -STOP $!; exit 5`],
        file: { path: "/bin/sh", searchPath: null },
      }, { graceMs: 3_600_000 });
      expect(await started.outcome).toMatchObject({ status: 5 });
    });

    asFirst("as PID 1 starts a killed core again", async () => {
      const log = fresh("core");
      const started = startFirst(build, spec("record_signals", log), { restart: true });
      const first = await started.first();
      await until("the core is ready", () => lines(log).length > 0);
      const core = await until("the core's pid", () => childrenOf(first.pid)[0]);
      signal(core, SIGKILL);
      await until(
        "the core is ready again",
        () => lines(log).filter((line) => line.startsWith("ready")).length === 2,
      );
      sendTo(first.pid, SIGTERM);
      expect(await started.outcome).toMatchObject({
        status: 0,
        stderr: "reeve: the core died of signal 9, started again\n",
      });
    });
  });
}

describe("role init as it ships", () => {
  testUnless(NAMESPACES, "is resident with less than 64 KB", async () => {
    const log = fresh("small");
    const started = startFirst(FREESTANDING, spec("record_signals", log));
    const first = await started.first();
    await until("the child is ready", () => lines(log).length > 0);
    const resident = Number(
      /^Rss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${first.pid}/smaps_rollup`, "utf8"))?.[1],
    );
    sendTo(first.pid, SIGTERM);
    await started.outcome;
    expect(resident).toBeLessThan(64);
    expect(resident).toBeGreaterThan(0);
  });
});

testUnless(SANITIZED.missing(), "both builds of the helper are there", () => {
  expect(existsSync(artefacts().helper) && existsSync(sanitizedHelper())).toBe(true);
});

function sendTo(pid: number, number: number): void {
  if (pid <= 1) throw new Error(`pid is ${pid}`);
  process.kill(pid, number);
}

function statusField(pid: number, name: string): string {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(text)?.[1] ?? "";
}

const parentOf = (pid: number) => Number(statusField(pid, "PPid"));
const pendingOf = (pid: number) => BigInt(`0x${statusField(pid, "ShdPnd")}`) & ~(1n << 16n);

const childrenOf = (pid: number) => allProcesses().filter((process) => process.parent === pid);
