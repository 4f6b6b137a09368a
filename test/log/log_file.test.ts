import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogFile, type LogFileSettings } from "../../lib/log/log_file.ts";
import { FakeTimers } from "../sys/fake_timers.ts";

const isRoot = process.getuid?.() === 0;
const rootTest = test.skipIf(!isRoot && process.env["MUST_WORK"] !== "1");
let directory: string;
let open: number[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-logfile-"));
  open = [];
});
afterEach(() => {
  for (const fd of open) closeSync(fd);
  rmSync(directory, { recursive: true, force: true });
});

function makeLog(settings: Partial<LogFileSettings> = {}, shared = false) {
  const timers = new FakeTimers();
  const state = { fd: -1, lines: [] as string[], armed: null as (() => void) | null };
  const file = new LogFile(
    {
      path: join(directory, "log"),
      maxSize: 0,
      backupName: null,
      owner: null,
      asRoot: isRoot,
      setBlocking: () => {},
      ...settings,
    },
    {
      install(fd) {
        open.push(fd);
        state.fd = fd;
        return fd;
      },
      isShared: () => shared,
      log: (level, text) => state.lines.push(`${level} ${text}`),
      now: () => 1_800_000_000_123,
      timers,
      watch(_path, _mask, onEvent) {
        state.armed = onEvent;
        return { remove: () => state.armed = null };
      },
    },
  );
  return { file, state, timers, path: join(directory, "log") };
}

test("a log file is created with mode 0640 and appended to", () => {
  const { file, state, path } = makeLog();
  writeFileSync(path, "old\n");
  chmodSync(path, 0o600);
  file.open({ truncate: false });
  writeSync(state.fd, "new\n");
  expect(readFileSync(path, "utf8")).toBe("old\nnew\n");
  rmSync(path);
  file.reopen();
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test("log-truncate empties the file at start", () => {
  const { file, path } = makeLog();
  writeFileSync(path, "old\n");
  file.open({ truncate: true });
  expect(readFileSync(path, "utf8")).toBe("");
});

test("a directory that does not exist is a clear error", () => {
  const { file } = makeLog({ path: join(directory, "none", "log") });
  expect(() => file.open({ truncate: false })).toThrow(
    /^cannot open log file ".*": no such directory; create it/,
  );
});

test("a FIFO without a reader is an error and does not wait", () => {
  const { file, path } = makeLog();
  spawnSync("mkfifo", [path]);
  expect(() => file.open({ truncate: false })).toThrow(/FIFO without a reader/);
});

rootTest("a link in a directory that everybody can write to is refused [needs root]", () => {
  const { file, path } = makeLog();
  writeFileSync(join(directory, "victim"), "precious\n");
  symlinkSync("victim", path);
  file.open({ truncate: false });
  chmodSync(directory, 0o1777);
  expect(() => makeLog().file.open({ truncate: true })).toThrow(
    /symbolic link in a directory that everybody/,
  );
  expect(readFileSync(join(directory, "victim"), "utf8")).toBe("precious\n");
});

rootTest("a link that another user made is refused [needs root]", () => {
  const { file, path } = makeLog();
  symlinkSync("victim", path);
  lchownSync(path, 65534, 65534);
  expect(() => file.open({ truncate: false })).toThrow(/symbolic link that user 65534 made/);
});

rootTest("a hard link in a directory that everybody can write to is refused [needs root]", () => {
  const { file, path } = makeLog();
  writeFileSync(join(directory, "victim"), "precious\n");
  linkSync(join(directory, "victim"), path);
  chmodSync(directory, 0o1777);
  expect(() => file.open({ truncate: false })).toThrow(/hard link/);
});

rootTest(
  "a log file that is created belongs to the instance's user, one that exists keeps its owner [needs root]",
  () => {
    const { file, path } = makeLog({ owner: { uid: 65534, gid: 65534 } });
    file.open({ truncate: false });
    expect(statSync(path).uid).toBe(65534);
    writeFileSync(join(directory, "other"), "");
    renameSync(join(directory, "other"), path);
    file.reopen();
    expect(statSync(path).uid).toBe(0);
  },
);

test("reopen follows the name, and keeps the open file when that fails", () => {
  const { file, state, path } = makeLog();
  file.open({ truncate: false });
  renameSync(path, `${path}.1`);
  file.reopen();
  writeSync(state.fd, "new\n");
  expect(readFileSync(path, "utf8")).toBe("new\n");
  rmSync(path);
  mkdirSync(path);
  file.reopen();
  writeSync(state.fd, "still\n");
  expect(state.lines.at(-1)).toMatch(
    /^error cannot reopen the log, going on with the file that is open: cannot open/,
  );
});

test("a rotation renames when only reeve has the file", async () => {
  const { file, state, path } = makeLog();
  file.open({ truncate: false });
  writeSync(state.fd, "first\n");
  const ino = statSync(path).ino;
  expect(await file.rotate()).toBe(true);
  writeSync(state.fd, "second\n");
  expect(readFileSync(`${path}.1800000000`, "utf8")).toBe("first\n");
  expect(statSync(`${path}.1800000000`).ino).toBe(ino);
  expect(readFileSync(path, "utf8")).toBe("second\n");
  expect(await file.rotate()).toBe(true);
  expect(readFileSync(`${path}.1800000000.1`, "utf8")).toBe("second\n");
});

test("a rotation copies and empties in place when daemons hold the file", async () => {
  const { file, state, path } = makeLog({ backupName: join(directory, "old-%Y") }, true);
  file.open({ truncate: false });
  const text = "x".repeat(99) + "\n";
  writeSync(state.fd, text.repeat(50_000));
  const ino = statSync(path).ino;
  const done = file.rotate();
  // A daemon writes meanwhile, through the same open file.
  const daemon = state.fd;
  writeSync(daemon, "meanwhile\n");
  expect(await done).toBe(true);
  writeSync(daemon, "later\n");
  expect(statSync(path).ino).toBe(ino);
  expect(readFileSync(path, "utf8")).toBe("later\n");
  expect(readFileSync(join(directory, "old-2027"), "utf8")).toBe(text.repeat(50_000) + "meanwhile\n");
  expect(statSync(join(directory, "old-2027")).mode & 0o777).toBe(0o640);
  expect(readdirSync(directory).sort()).toEqual(["log", "old-2027"]);
});

test("a rotation that cannot write its copy leaves the log as it is", async () => {
  const { file, state, path } = makeLog({ backupName: join(directory, "none", "old") }, true);
  file.open({ truncate: false });
  writeSync(state.fd, "first\n");
  expect(await file.rotate()).toBe(false);
  expect(readFileSync(path, "utf8")).toBe("first\n");
  expect(state.lines.at(-1)).toMatch(/^error cannot rotate log file /);
});

test("a log that another program moved away is reopened and nothing is renamed", async () => {
  const { file, state, path } = makeLog();
  file.open({ truncate: false });
  renameSync(path, `${path}.1`);
  writeFileSync(path, "the other's\n");
  await file.rotate();
  writeSync(state.fd, "new\n");
  expect(readFileSync(path, "utf8")).toBe("the other's\nnew\n");
  expect(readdirSync(directory).sort()).toEqual(["log", "log.1"]);
});

test("log-maxsize rotates once the file is larger, and an idle log sets no timer", async () => {
  const { file, state, timers, path } = makeLog({ maxSize: 10 });
  file.open({ truncate: false });
  file.watchSize();
  expect(timers.pending).toBe(0);
  writeSync(state.fd, "1234567890");
  state.armed?.();
  expect(timers.pending).toBe(1);
  timers.advance(1000);
  expect(readdirSync(directory)).toEqual(["log"]);
  expect(timers.pending).toBe(0);
  writeSync(state.fd, "1\n");
  state.armed?.();
  timers.advance(1000);
  // Joins the rotation that is under way.
  await file.rotate();
  expect(readFileSync(`${path}.1800000000`, "utf8")).toBe("12345678901\n");
  timers.advance(1000);
  expect(state.armed).not.toBeNull();
  file.close();
  expect(state.armed).toBeNull();
});
