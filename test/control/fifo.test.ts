import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chownSync,
  closeSync,
  constants,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FifoDeps, MasterFifo } from "../../lib/control/fifo.ts";
import { makeFifo } from "../../lib/sys/file/fifo.ts";
import { watcher } from "../../lib/sys/file/watcher.ts";
import { Repeats } from "../../lib/log/repeats.ts";
import { Inotify } from "../../lib/sys/file/inotify.ts";
import { LOOP_TIMERS } from "../../lib/sys/timers.ts";
import { KeptPath } from "../../lib/watch/kept_path.ts";
import { FakeTimers } from "../sys/fake_timers.ts";
import { until } from "../support/until.ts";
import { rootTest } from "../support/need_root.ts";

const inotify = new Inotify(watcher());
const now = (): number => performance.now();
const uid = process.getuid?.() ?? -1;
let directory: string;
let fifos: MasterFifo[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-fifo-"));
  fifos = [];
});
afterEach(() => {
  for (const fifo of fifos) fifo.close(false);
  rmSync(directory, { recursive: true, force: true });
});

function makeMaster(names: string[], extra: Partial<FifoDeps> = {}) {
  const done: string[] = [];
  const lines: string[] = [];
  const log = (level: string, text: string): void => void lines.push(`${level} ${text}`);
  const paths = names.map((name) => join(directory, name));
  const fifo = new MasterFifo(
    paths,
    {
      watcher: watcher(),
      log,
      repeats: new Repeats({ timers: LOOP_TIMERS, log }),
      keep: (path, kept) =>
        new KeptPath(path, { inotify, timers: LOOP_TIMERS, now, onProblem: () => {}, log }, kept),
      timers: LOOP_TIMERS,
      now,
      uid,
      owner: null,
      ...extra,
    },
    (command) => void done.push(command.do),
  );
  fifos.push(fifo);
  return { fifo, done, lines, paths };
}

function send(name: string, text: string): void {
  const fd = openSync(join(directory, name), constants.O_WRONLY | constants.O_NONBLOCK);
  writeSync(fd, text);
  closeSync(fd);
}

test("each letter is one command, in order, and a writer may come again", async () => {
  const { fifo, done } = makeMaster(["fifo"]);
  fifo.start();
  expect(statSync(join(directory, "fifo")).mode & 0o777).toBe(0o600);
  send("fifo", "l\nLs");
  await until(() => done.length === 3);
  send("fifo", "rRpPqQ");
  await until(() => done.length === 9);
  expect(done).toEqual([
    "reopenLog",
    "rotateLog",
    "logState",
    "reload",
    "reload",
    "pause",
    "updatePidfiles",
    "stop",
    "stopNow",
  ]);
});

test("letters of the application server are answered with a line, unknown bytes are ignored", async () => {
  const { fifo, done, lines } = makeMaster(["fifo"]);
  fifo.start();
  send("fifo", "wxyz!\n\u00ffs");
  await until(() => done.length === 1);
  expect(lines).toEqual([
    'info master-fifo: "w" is a command for the application server, nothing is done',
    'info master-fifo: "s" received',
  ]);
});

test("a digit makes another slot the active one and leaves the old path", async () => {
  const { fifo, done, lines } = makeMaster(["zero", "one"]);
  fifo.start();
  send("zero", "1");
  await until(() => lines.length === 1);
  expect(lines).toEqual([`info active master fifo is now ${join(directory, "one")}`]);
  expect(() => send("zero", "s")).toThrow(/ENXIO/);
  send("one", "7s");
  await until(() => done.length === 1);
  expect(lines[1]).toBe("warning master-fifo: there is no slot 7, the configuration has 2");
});

test("a FIFO of ours is made afresh", async () => {
  makeFifo(join(directory, "fifo"), 0o666);
  const before = lstatSync(join(directory, "fifo")).ino;
  const holder = openSync(join(directory, "fifo"), constants.O_RDWR);
  const { fifo, done } = makeMaster(["fifo"]);
  fifo.start();
  expect(lstatSync(join(directory, "fifo")).ino).not.toBe(before);
  closeSync(holder);
  send("fifo", "s");
  await until(() => done.length === 1);
});

test("what is no FIFO is not unlinked", () => {
  writeFileSync(join(directory, "fifo"), "precious");
  const { fifo, paths } = makeMaster(["fifo"]);
  expect(() => fifo.start()).toThrow(
    `cannot make master-fifo "${
      paths[0]
    }": there is something that is not a FIFO; remove it or choose another path`,
  );
  expect(readFileSync(join(directory, "fifo"), "utf8")).toBe("precious");
});

rootTest("a FIFO of another user is not unlinked, the instance's user's is", () => {
  makeFifo(join(directory, "fifo"), 0o600);
  chownSync(join(directory, "fifo"), 65534, 65534);
  expect(() => makeMaster(["fifo"]).fifo.start()).toThrow(/there is a FIFO of user 65534/);
  makeMaster(["fifo"], { owner: { uid: 65534, gid: 65534 } }).fifo.start();
  expect(statSync(join(directory, "fifo")).uid).toBe(65534);
});

test("with vacuum the FIFO goes at the end, unless another has taken its place", () => {
  const first = makeMaster(["fifo"]);
  first.fifo.start();
  first.fifo.close(true);
  expect(lstatSync(join(directory, "fifo"), { throwIfNoEntry: false })).toBeUndefined();
  const second = makeMaster(["fifo"]);
  second.fifo.start();
  const third = makeMaster(["fifo"]);
  third.fifo.start();
  second.fifo.close(true);
  expect(lstatSync(join(directory, "fifo")).isFIFO()).toBe(true);
});

test("a FIFO that is removed is made again, with one line", async () => {
  const { fifo, done, lines, paths } = makeMaster(["fifo"]);
  fifo.start();
  unlinkSync(join(directory, "fifo"));
  await until(() => lines.length === 1);
  expect(lines).toEqual([`warning master-fifo "${paths[0]}" was gone: it is made again`]);
  expect(statSync(join(directory, "fifo")).mode & 0o777).toBe(0o600);
  send("fifo", "s");
  await until(() => done.length === 1);
});

test("a FIFO that another takes the place of is read to its end, then the new one is used", async () => {
  const { fifo, done, lines, paths } = makeMaster(["fifo"]);
  fifo.start();
  const writer = openSync(join(directory, "fifo"), constants.O_WRONLY | constants.O_NONBLOCK);
  makeFifo(join(directory, "next"), 0o666);
  renameSync(join(directory, "next"), join(directory, "fifo"));
  writeSync(writer, "l");
  // Written before anybody reads it, as by a shell that waits for a reader.
  const early = openSync(join(directory, "fifo"), constants.O_RDWR);
  writeSync(early, "s");
  closeSync(early);
  await until(() => lines.some((line) => line.includes("was replaced")));
  closeSync(writer);
  send("fifo", "L");
  await until(() => done.includes("rotateLog"));
  expect(done[0]).toBe("reopenLog");
  expect(lines).toContain(`warning master-fifo "${paths[0]}" was replaced: the new one is open`);
  expect(statSync(join(directory, "fifo")).mode & 0o777).toBe(0o600);
});

test("what is no FIFO stays in its place, and once it goes the FIFO is made again", async () => {
  const { fifo, lines, paths } = makeMaster(["fifo"]);
  fifo.start();
  writeFileSync(join(directory, "file"), "precious");
  renameSync(join(directory, "file"), join(directory, "fifo"));
  await until(() => lines.length === 1);
  expect(lines[0]).toStartWith(
    `error cannot use the new master-fifo "${paths[0]}": there is something that is not`,
  );
  expect(readFileSync(join(directory, "fifo"), "utf8")).toBe("precious");
  unlinkSync(join(directory, "fifo"));
  await until(() => lines.length === 2);
  expect(lines[1]).toContain("was gone: it is made again");
});

test("a FIFO of another instance in its place is left to that one", async () => {
  const first = makeMaster(["fifo"]);
  first.fifo.start();
  const second = makeMaster(["fifo"]);
  second.fifo.start();
  await until(() => first.lines.length === 1);
  expect(first.lines[0]).toContain("somebody reads it already; give each instance a FIFO of its own");
  for (const letter of "slLpP") send("fifo", letter);
  await until(() => second.done.length === 5);
  expect(first.done).toEqual([]);
});

rootTest("a FIFO that another user puts there is not read", async () => {
  const { fifo, lines, done } = makeMaster(["fifo"]);
  fifo.start();
  makeFifo(join(directory, "next"), 0o666);
  chownSync(join(directory, "next"), 65534, 65534);
  renameSync(join(directory, "next"), join(directory, "fifo"));
  await until(() => lines.length === 1);
  expect(lines[0]).toContain("there is a FIFO of user 65534");
  expect(() => send("fifo", "q")).toThrow(/ENXIO/);
  expect(done).toEqual([]);
});

test("a flood of letters is a line a second for each kind, and one change of the slot", async () => {
  const timers = new FakeTimers();
  const lines: string[] = [];
  const log = (level: string, text: string): void => void lines.push(`${level} ${text}`);
  const { fifo, done } = makeMaster(["zero", "one"], {
    log,
    repeats: new Repeats({ timers, log }),
    timers,
    now: () => timers.now,
  });
  fifo.start();
  send("zero", "w".repeat(5000) + "sB".repeat(2000) + "\u0000x".repeat(2000));
  await until(() => lines.length >= 2);
  timers.advance(1000);
  expect(lines).toEqual([
    'info master-fifo: "w" is a command for the application server, nothing is done',
    'info master-fifo: "s" received',
    'info master-fifo: "B" is a command for the application server, nothing is done (6999 such lines within a second, this is the last)',
    'info master-fifo: "s" received (1999 such lines within a second, this is the last)',
  ]);
  lines.length = 0;
  send("zero", "1");
  await until(() => lines.length === 1);
  for (let count = 0; count < 100; count++) send("one", "01");
  send("one", "0L");
  await until(() => done.includes("rotateLog"));
  const isSlot = (line: string): boolean => line.includes("active");
  expect(lines.filter(isSlot)).toEqual([`info active master fifo is now ${join(directory, "one")}`]);
  timers.advance(1000);
  expect(lines.filter(isSlot).slice(1)).toEqual([
    `info active master fifo is now ${join(directory, "zero")}`,
  ]);
});
