/** What units run on, on the real system: starts, follows, pidfiles. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DaemonPlan } from "../../../lib/config/plan/daemon_plan.ts";
import type { ProcessId } from "../../../lib/sys/process_id.ts";
import type { SetupFailure } from "../../../lib/process/registry.ts";
import { signalDaemon } from "../../../lib/process/signaller.ts";
import { readStat } from "../../../lib/sys/process/process_table.ts";
import { DUMB_PLAN, SMART2_PLAN, SMART_PLAN } from "../../support/plans.ts";
import { openDescriptors, openedSince } from "../../support/descriptors.ts";
import { RealHost } from "./real_host.ts";

const SIGKILL = 9;
let directory: string;
let real: RealHost;
let foreigners: ProcessId[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-host-"));
  real = new RealHost();
  foreigners = [];
});
afterEach(async () => {
  for (const target of foreigners) signalDaemon(target, SIGKILL);
  await real.close();
  rmSync(directory, { recursive: true, force: true });
});

function command(...words: string[]): DaemonPlan["command"] {
  return { kind: "words", text: words.join(" "), words };
}

const SLEEP = command("sleep", "1000");

/** Not our child: its parent is a shell that lives until it is told to end. */
async function foreigner(): Promise<ProcessId> {
  const file = join(directory, "foreign");
  const text = `sleep 1000 & echo $! > ${file}.new; mv ${file}.new ${file}; wait`;
  real.spawn({ ...DUMB_PLAN, command: { kind: "shell", text, shell: "/bin/sh" } });
  await real.until(() => existsSync(file));
  const pid = Number(readFileSync(file, "utf8"));
  const target = { pid, startTime: readStat(pid)!.startTime };
  foreigners.push(target);
  return target;
}

test("a daemon that is started is identified by pid and start time", async () => {
  const process = real.spawn({ ...DUMB_PLAN, command: SLEEP });
  expect(readStat(process.pid)?.startTime).toBe(process.startTime);
  expect(real.log).toContain(`spawning "sleep 1000" (uid: `);
  await real.until(() => readStat(process.pid)?.comm === "sleep");
});

test("a program that is not there: the stage and the errno come with the death", async () => {
  const failures: (SetupFailure | null)[] = [];
  const process = real.spawn({ ...DUMB_PLAN, command: command("/no/such/program") });
  real.registry.set(process.pid, { reaped: (_pid, _cause, failure) => void failures.push(failure) });
  await real.until(() => failures.length > 0);
  expect(failures).toEqual([{ stage: "exec", errno: 2 }]);
});

test("an exit code of 127 of the program's own is no failed set-up", async () => {
  const failures: (SetupFailure | null)[] = [];
  const plan: DaemonPlan = { ...DUMB_PLAN, command: { kind: "shell", text: "exit 127", shell: "/bin/sh" } };
  const process = real.spawn(plan);
  real.registry.set(process.pid, { reaped: (_pid, _cause, failure) => void failures.push(failure) });
  await real.until(() => failures.length > 0);
  expect(failures).toEqual([null]);
});

test("smart2: the pidfile holds the pid, whole, before anybody hears of the start", () => {
  const pidfile = join(directory, "d.pid");
  const process = real.spawn({ ...SMART2_PLAN, command: SLEEP, pidfile });
  expect(readFileSync(pidfile, "utf8")).toBe(`${process.pid}\n`);
  expect(readdirSync(directory)).toEqual(["d.pid"]);
});

test("smart2: where the pidfile cannot be written nothing is started", () => {
  const plan = { ...SMART2_PLAN, command: SLEEP, pidfile: join(directory, "no", "d.pid") };
  expect(() => real.spawn(plan)).toThrow("no such file or directory");
  expect(real.log).not.toContain("spawning");
});

test("smart2: a pidfile that cannot be put in its place ends what was started, and leaves no file", async () => {
  const pidfile = join(directory, "d.pid");
  mkdirSync(pidfile);
  expect(() => real.spawn({ ...SMART2_PLAN, command: SLEEP, pidfile })).toThrow();
  expect(readdirSync(directory)).toEqual(["d.pid"]);
  await real.close();
});

test("a foreign process that is followed is seen to end", async () => {
  const target = await foreigner();
  let ended = 0;
  const unit = real.unit({ ...SMART_PLAN, name: "f" });
  const watch = real.host.follow(target, unit, () => ended++);
  expect(real.registry.get(target.pid)).toBe(unit);
  signalDaemon(target, SIGKILL);
  await real.until(() => ended === 1);
  watch.remove();
});

test("a process that is gone, or another of that number, has ended", async () => {
  const target = await foreigner();
  let ended = 0;
  const unit = real.unit({ ...SMART_PLAN, name: "f" });
  real.host.follow({ ...target, startTime: target.startTime - 1n }, unit, () => ended++);
  expect(ended).toBe(0);
  await real.until(() => ended === 1);
  expect(real.registry.has(target.pid)).toBe(false);
});

test("a follow that was ended says nothing any more, and holds no descriptor", async () => {
  const target = await foreigner();
  let ended = 0;
  const before = openDescriptors();
  const watch = real.host.follow(target, null, () => ended++);
  watch.remove();
  watch.remove();
  expect(openedSince(before)).toEqual([]);
  let other = 0;
  const second = real.host.follow(target, null, () => other++);
  signalDaemon(target, SIGKILL);
  await real.until(() => other === 1);
  second.remove();
  expect(ended).toBe(0);
});

test("a child that is followed is told of by its reaping alone", async () => {
  const child = real.spawn({ ...DUMB_PLAN, command: SLEEP });
  const unit = real.unit({ ...SMART_PLAN, name: "f" });
  let ended = 0;
  let reaped = 0;
  const watch = real.host.follow(child, unit, () => ended++);
  real.registry.set(child.pid, { reaped: () => reaped++ });
  signalDaemon(child, SIGKILL);
  await real.until(() => reaped === 1);
  expect(ended).toBe(0);
  watch.remove();
});

test("without a free descriptor a process is followed as soon as there is one", async () => {
  const target = await foreigner();
  let ended = 0;
  const limit = Bun.spawnSync([
    "prlimit",
    "--pid",
    `${process.pid}`,
    "--nofile",
    "--noheadings",
    "--raw",
    "-o",
    "SOFT",
  ]);
  if (!limit.success) throw new Error("needs prlimit: apt-get install util-linux");
  const setLimit = (soft: string): void => {
    expect(Bun.spawnSync(["prlimit", "--pid", `${process.pid}`, `--nofile=${soft}:`]).success).toBe(true);
  };
  setLimit(`${openDescriptors().size + 60}`);
  const taken: number[] = [];
  let watch: { remove(): void };
  try {
    for (;;) taken.push(openSync("/dev/null", "r"));
  } catch {
    watch = real.host.follow(target, null, () => ended++);
  } finally {
    for (const fd of taken) closeSync(fd);
    setLimit(limit.stdout.toString().trim());
  }
  expect(real.log).toContain(`cannot follow pid ${target.pid}: `);
  signalDaemon(target, SIGKILL);
  await real.until(() => ended === 1);
  watch.remove();
});

test("a pidfile that names another daemon of the instance is not believed", () => {
  const pidfile = join(directory, "d.pid");
  const first = real.spawn({ ...DUMB_PLAN, command: SLEEP });
  const unit = real.unit({ ...DUMB_PLAN, name: "first" });
  real.host.own(first, unit);
  writeFileSync(pidfile, `${first.pid}\n`);
  const look = (name: string) => real.host.readPidfile({ ...SMART_PLAN, name, pidfile }, null);
  expect(look("second")).toMatchObject({
    valid: false,
    found: `pidfile "${pidfile}" names pid ${first.pid}, which belongs to the daemon "first"`,
  });
  expect(look("first").valid).toBe(true);
  real.host.disown(first, unit);
  expect(look("second").valid).toBe(true);
});

test("a timer longer than the runtime can is not one that fires at once", async () => {
  let fired = false;
  const timer = real.host.timers.after(2 ** 31, () => {
    fired = true;
  });
  await new Promise<void>((done) => void real.host.timers.after(5, done));
  expect(fired).toBe(false);
  timer.cancel();
});

test("a signal that cannot be sent is said and nothing else", () => {
  real.host.signal({ pid: process.pid, startTime: readStat(process.pid)!.startTime }, 999);
  expect(real.log).toContain(`cannot signal pid ${process.pid}: `);
});

test("what one daemon has to say is a bounded number of lines a second, what others have is said all the same", () => {
  for (let count = 0; count < 1000; count++) {
    real.host.logger.log("warning", "one", `its pidfile names ${count}`);
  }
  real.host.logger.log("info", "two", "running");
  const lines = real.log.trimEnd().split("\n");
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toEndWith("info two: running");
});
