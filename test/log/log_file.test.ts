import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
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
import { Repeats } from "../../lib/log/repeats.ts";
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
  const state = {
    fd: -1,
    lines: [] as string[],
    armed: null as (() => void) | null,
    written: [] as string[],
    kept: new Map<string, () => void>(),
  };
  const log = (level: string, text: string): void => void state.lines.push(`${level} ${text}`);
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
      log,
      repeats: new Repeats({ timers: new FakeTimers(), log }),
      written: (path) => void state.written.push(path),
      keep: (path, kept) => {
        state.kept.set(path, kept.restore);
        return { remove: () => state.kept.delete(path) };
      },
      now: () => 1_800_000_000_123 + timers.now,
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
  file.watch();
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
  const [backup = ""] = readdirSync(directory).filter((name) => name !== "log");
  expect(backup).toMatch(/^log\.180000000\d$/);
  expect(readFileSync(join(directory, backup), "utf8")).toBe("12345678901\n");
  expect(state.written).toEqual([join(directory, backup)]);
  timers.advance(1000);
  expect(state.armed).not.toBeNull();
  expect([...state.kept.keys()]).toEqual([path]);
  file.close();
  expect(state.armed).toBeNull();
  expect(state.kept.size).toBe(0);
});

/** Writes `bytes` each 10 ms, `ticks` times; how often the file was looked at meanwhile. */
async function writeSteadily(
  made: ReturnType<typeof makeLog>,
  bytes: number,
  ticks: number,
): Promise<number> {
  const { state, timers } = made;
  let looks = 0;
  for (let count = 0; count < ticks; count++) {
    writeSync(state.fd, "x".repeat(bytes));
    state.armed?.();
    timers.advance(10);
    if (state.armed !== null) looks++;
    // The rotation that is under way goes on.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return looks;
}

test("a fast writer exceeds log-maxsize by less than half", async () => {
  const made = makeLog({ maxSize: 100_000 });
  made.file.open({ truncate: false });
  made.file.watch();
  await writeSteadily(made, 10_000, 200);
  const sizes = readdirSync(directory).map((name) => statSync(join(directory, name)).size);
  expect(sizes.length).toBeGreaterThan(12);
  expect(Math.max(...sizes)).toBeLessThan(150_000);
  made.file.close();
});

test("a log to which little is written without a pause is looked at four times a second", async () => {
  const made = makeLog({ maxSize: 100_000 });
  made.file.open({ truncate: false });
  made.file.watch();
  expect(await writeSteadily(made, 10, 1000)).toBeLessThan(45);
  made.file.close();
});

test("a log that is gone is made again, and one that was replaced is opened, each with one line", () => {
  const { file, state, path } = makeLog();
  file.open({ truncate: false });
  file.watch();
  const restore = state.kept.get(path);
  rmSync(path);
  restore?.();
  writeSync(state.fd, "one\n");
  renameSync(path, `${path}.1`);
  writeFileSync(path, "");
  restore?.();
  writeSync(state.fd, "two\n");
  expect(readFileSync(`${path}.1`, "utf8")).toBe("one\n");
  expect(readFileSync(path, "utf8")).toBe("two\n");
  expect(state.lines).toEqual([
    `info log file "${path}" was gone: it is made again`,
    `info log file "${path}" was replaced: the new one is open`,
  ]);
});

test("a name of an open descriptor is neither rotated nor watched, which is said once", async () => {
  const target = join(directory, "target");
  writeFileSync(target, "x".repeat(100));
  const fd = openSync(target, "a");
  open.push(fd);
  const links = { descriptor: `/proc/self/fd/${fd}`, link: join(directory, "link") };
  symlinkSync(links.descriptor, links.link);
  for (const path of Object.values(links)) {
    const { file, state } = makeLog({ path, maxSize: 10, asRoot: false, mode: 0o600 });
    file.open({ truncate: false });
    file.watch();
    expect([state.armed, state.kept.size]).toEqual([null, 0]);
    expect(await file.rotate()).toBe(false);
    const why = "is the name of an open descriptor; name the file itself";
    expect(state.lines).toEqual([
      `warning log-maxsize has no effect: log file "${path}" ${why}`,
      `error cannot rotate log file "${path}": it ${why}`,
    ]);
    file.close();
  }
  expect(readdirSync(directory).sort()).toEqual(["link", "target"]);
  expect(statSync(target).mode & 0o777).toBe(0o644);
});

test("logfile-chmod is the mode of a file that is made and of one that is there", () => {
  const { file, path } = makeLog({ mode: 0o604 });
  file.open({ truncate: false });
  expect(statSync(path).mode & 0o777).toBe(0o604);
  chmodSync(path, 0o666);
  file.reopen();
  expect(statSync(path).mode & 0o777).toBe(0o604);
});

rootTest(
  "logfile-chown gives away the file that is there too, but none with a second name [needs root]",
  () => {
    const owner = { uid: 65534, gid: 65534 };
    const { file, path } = makeLog({ owner, ownsExisting: true });
    writeFileSync(path, "");
    file.open({ truncate: false });
    expect([statSync(path).uid, statSync(path).gid]).toEqual([65534, 65534]);
    rmSync(path);
    writeFileSync(join(directory, "victim"), "");
    linkSync(join(directory, "victim"), path);
    expect(() => makeLog({ owner, ownsExisting: true }).file.open({ truncate: false })).toThrow(
      /second name \(hard link\), whose owner and mode would be changed/,
    );
    expect(statSync(join(directory, "victim")).uid).toBe(0);
  },
);
