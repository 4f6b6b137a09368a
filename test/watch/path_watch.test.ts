import { afterEach, beforeEach, expect, setSystemTime, test } from "bun:test";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOOP_TIMERS } from "../../lib/sys/timers.ts";
import { pathChain } from "../../lib/watch/path_chain.ts";
import { type PathChange, PathWatch, type PathWatchOptions } from "../../lib/watch/path_watch.ts";
import { Inotify } from "../../lib/sys/file/inotify.ts";
import { watcher } from "../../lib/sys/file/watcher.ts";
import { until } from "../support/until.ts";

let inotify: Inotify | null = null;
let directory: string;
let watches: PathWatch[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-watch-"));
  watches = [];
});
afterEach(() => {
  for (const watch of watches) watch.remove();
  rmSync(directory, { recursive: true, force: true });
});

function watch(path: string, options: PathWatchOptions = {}) {
  const changes: PathChange[] = [];
  const problems: string[] = [];
  inotify ??= new Inotify(watcher());
  const world = { inotify, timers: LOOP_TIMERS, onProblem: (text: string) => void problems.push(text) };
  watches.push(new PathWatch(path, world, (change) => void changes.push(change), options));
  return { changes, problems };
}

const later = (seconds: number) => new Date(Date.now() + seconds * 1000);

/** Everything before it has been seen once this has: the events of one inotify come in order. */
async function settled(): Promise<void> {
  const path = join(directory, "settled");
  const { changes } = watch(path);
  writeFileSync(path, "");
  await until(() => changes.length > 0);
}

test("a file whose modification time increases fires once", async () => {
  const path = join(directory, "touch");
  writeFileSync(path, "");
  const { changes } = watch(path);
  utimesSync(path, later(5), later(5));
  await until(() => changes.length > 0);
  await settled();
  expect(changes).toEqual(["changed"]);
});

test("a file that is written fires once for truncation, writes and close", async () => {
  const path = join(directory, "touch");
  writeFileSync(path, "a");
  utimesSync(path, later(-5), later(-5));
  const { changes } = watch(path);
  writeFileSync(path, "abc");
  await settled();
  expect(changes).toEqual(["changed"]);
});

/** A baseline that was taken so many milliseconds after the file's last change. */
function watchAfter(
  path: string,
  milliseconds: number,
): { readonly changes: PathChange[]; readonly time: Date } {
  const time = new Date(Math.floor(Date.now() / 1000) * 1000);
  utimesSync(path, time, time);
  try {
    setSystemTime(time.getTime() + milliseconds);
    return { ...watch(path), time };
  } finally {
    setSystemTime();
  }
}

test("a touch within the tick of the clock in which the file was looked at fires", async () => {
  const path = join(directory, "touch");
  writeFileSync(path, "");
  const { changes, time } = watchAfter(path, 2);
  utimesSync(path, time, time);
  await until(() => changes.length > 0);
  await settled();
  expect(changes).toEqual(["changed"]);
});

test("what leaves the time of a file as it was does not fire later than that, unless its size is another", async () => {
  const path = join(directory, "touch");
  writeFileSync(path, "");
  const { changes, time } = watchAfter(path, 500);
  utimesSync(path, time, time);
  chmodSync(path, 0o600);
  await settled();
  expect(changes).toEqual([]);
  writeFileSync(path, "more");
  utimesSync(path, time, time);
  await until(() => changes.length > 0);
  expect(changes).toEqual(["changed"]);
});

test("a modification time that decreases does not fire, and is the new baseline", async () => {
  const path = join(directory, "touch");
  writeFileSync(path, "");
  const { changes } = watch(path);
  utimesSync(path, 1000, 1000);
  await settled();
  expect(changes).toEqual([]);
  utimesSync(path, 1001, 1001);
  await until(() => changes.length > 0);
  expect(changes).toEqual(["changed"]);
});

test("a file that appears and disappears fires for each, more than once", async () => {
  const path = join(directory, "touch");
  const { changes } = watch(path);
  for (let turn = 1; turn <= 2; turn++) {
    writeFileSync(path, "");
    await until(() => changes.length === 2 * turn - 1);
    unlinkSync(path);
    await until(() => changes.length === 2 * turn);
  }
  expect(changes).toEqual(["appeared", "disappeared", "appeared", "disappeared"]);
});

test("directories that appear one after the other are followed to the file", async () => {
  const path = join(directory, "a/b/c/touch");
  const { changes } = watch(path);
  mkdirSync(join(directory, "a"));
  await settled();
  mkdirSync(join(directory, "a/b/c"), { recursive: true });
  writeFileSync(path, "");
  await until(() => changes.length > 0);
  expect(changes).toEqual(["appeared"]);
});

test("a whole tree that is moved into place is seen", async () => {
  mkdirSync(join(directory, "new/b"), { recursive: true });
  writeFileSync(join(directory, "new/b/touch"), "");
  const { changes } = watch(join(directory, "a/b/touch"));
  renameSync(join(directory, "new"), join(directory, "a"));
  await until(() => changes.length > 0);
  renameSync(join(directory, "a"), join(directory, "gone"));
  await until(() => changes.length > 1);
  expect(changes).toEqual(["appeared", "disappeared"]);
});

test("a directory that is removed and made again while a process works in it is seen", async () => {
  const nested = join(directory, "app");
  mkdirSync(nested);
  const path = join(nested, "touch");
  writeFileSync(path, "");
  const { changes } = watch(path);
  const inside = Bun.spawn(["sleep", "60"], { cwd: nested });
  try {
    unlinkSync(path);
    await until(() => changes.length === 1);
    rmdirSync(nested);
    await settled();
    mkdirSync(nested);
    writeFileSync(path, "");
    await until(() => changes.length === 2);
    expect(changes).toEqual(["disappeared", "appeared"]);
  } finally {
    inside.kill();
    await inside.exited;
  }
});

test("a file that another is renamed onto fires, also when that one is older", async () => {
  const path = join(directory, "touch");
  writeFileSync(path, "");
  writeFileSync(join(directory, "older"), "");
  utimesSync(join(directory, "older"), 1000, 1000);
  const { changes } = watch(path);
  renameSync(join(directory, "older"), path);
  await until(() => changes.length > 0);
  expect(changes).toEqual(["changed"]);
});

test("a link is followed: its target's change fires, and so does another target", async () => {
  for (const name of ["one", "two"]) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, "touch"), "");
  }
  symlinkSync("one", join(directory, "current"));
  const { changes } = watch(join(directory, "current/touch"));
  utimesSync(join(directory, "one/touch"), later(5), later(5));
  await until(() => changes.length === 1);
  symlinkSync("two", join(directory, "next"));
  renameSync(join(directory, "next"), join(directory, "current"));
  await until(() => changes.length === 2);
  utimesSync(join(directory, "two/touch"), later(9), later(9));
  await until(() => changes.length === 3);
  expect(changes).toEqual(["changed", "changed", "changed"]);
});

test("a link to nowhere fires when its target appears", async () => {
  const path = join(directory, "link");
  symlinkSync(join(directory, "far/target"), path);
  const { changes } = watch(path);
  mkdirSync(join(directory, "far"));
  writeFileSync(join(directory, "far/target"), "");
  await until(() => changes.length > 0);
  expect(changes).toEqual(["appeared"]);
});

test("a loop of links is watched without end and without harm", async () => {
  symlinkSync("b", join(directory, "a"));
  symlinkSync("a", join(directory, "b"));
  const { changes } = watch(join(directory, "a"));
  unlinkSync(join(directory, "b"));
  writeFileSync(join(directory, "b"), "");
  await until(() => changes.length > 0);
  expect(changes).toEqual(["appeared"]);
});

test("a second hard link to the file that goes away does not fire", async () => {
  const path = join(directory, "touch");
  writeFileSync(path, "");
  linkSync(path, join(directory, "other"));
  const { changes } = watch(path);
  unlinkSync(join(directory, "other"));
  await settled();
  expect(changes).toEqual([]);
});

test("with any event an entry of the directory that is written fires", async () => {
  mkdirSync(join(directory, "tree"));
  writeFileSync(join(directory, "tree/file"), "");
  const { changes } = watch(join(directory, "tree"), { anyEvent: true });
  writeFileSync(join(directory, "tree/file"), "new");
  await until(() => changes.length > 0);
  expect(changes).toEqual(["changed"]);
});

test("a directory's own touch fires when an entry is made", async () => {
  mkdirSync(join(directory, "tree"));
  utimesSync(join(directory, "tree"), 1000, 1000);
  const { changes } = watch(join(directory, "tree"));
  writeFileSync(join(directory, "tree/file"), "");
  await until(() => changes.length > 0);
  expect(changes).toEqual(["changed"]);
});

test("two watches of one file are independent", async () => {
  const path = join(directory, "touch");
  writeFileSync(path, "");
  const first = watch(path);
  const second = watch(path);
  watches.shift()?.remove();
  utimesSync(path, later(5), later(5));
  await until(() => second.changes.length > 0);
  expect(first.changes).toEqual([]);
});

test("inotify's limit is told once and never thrown", () => {
  const problems: string[] = [];
  const world = {
    inotify: {
      watch(): never {
        throw new Error("cannot watch: no space left on device");
      },
    },
    timers: LOOP_TIMERS,
    onProblem: (text: string) => void problems.push(text),
  };
  const path = join(directory, "touch");
  watches.push(new PathWatch(path, world, () => {}));
  expect(problems).toEqual([
    `cannot watch all of "${path}", changes may go unnoticed: cannot watch: no space left on device`,
  ]);
});

test("the chain of a path ends at the nearest directory that exists", () => {
  expect(pathChain(join(directory, "none/deeper/file")).at(-1)).toEqual({
    path: directory,
    name: "none",
    kind: "missing",
  });
  writeFileSync(join(directory, "file"), "");
  expect(pathChain(join(directory, "file")).at(-1)).toEqual({
    path: join(directory, "file"),
    name: null,
    kind: "target",
  });
});
