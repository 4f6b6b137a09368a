import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chownSync,
  closeSync,
  constants,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FifoWorld, MasterFifo } from "../../lib/supervisor/fifo.ts";
import { makeFifo } from "../../lib/sys/file/fifo.ts";
import { watcher } from "../../lib/sys/file/watcher.ts";
import { until } from "../support/until.ts";
import { rootTest } from "../support/need_root.ts";

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

function makeMaster(names: string[], extra: Partial<FifoWorld> = {}) {
  const done: string[] = [];
  const lines: string[] = [];
  const paths = names.map((name) => join(directory, name));
  const fifo = new MasterFifo(
    paths,
    {
      watcher: watcher(),
      log: (level, text) => void lines.push(`${level} ${text}`),
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
