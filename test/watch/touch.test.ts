import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOOP_TIMERS } from "../../lib/sys/timers.ts";
import { watchDaemonTouches, watchInstanceTouches } from "../../lib/watch/touch.ts";
import { Inotify } from "../../lib/sys/file/inotify.ts";
import { writeAtomically } from "../../lib/sys/file/atomic_file.ts";
import { watcher } from "../../lib/sys/file/watcher.ts";
import { OwnFiles } from "../../lib/watch/own_files.ts";
import { FakeTimers } from "../sys/fake_timers.ts";
import { until } from "../support/until.ts";

let directory: string;
let undo: (() => void)[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-touch-"));
  undo = [];
});
afterEach(() => {
  for (const step of undo) step();
  rmSync(directory, { recursive: true, force: true });
});

let inotify: Inotify | null = null;
function makeWorld() {
  inotify ??= new Inotify(watcher());
  const lines: string[] = [];
  const own = new OwnFiles();
  const timers = new FakeTimers();
  const log = (level: string, text: string) => void lines.push(`${level} ${text}`);
  const world = { inotify, timers: LOOP_TIMERS, onProblem: () => {}, cwd: directory, log };
  // Of the clock only the seconds are the test's: what gathers the events of one change is quicker than that.
  const after = (ms: number, run: () => void) => (ms < 100 ? LOOP_TIMERS : timers).after(ms, run);
  const paced = { timers: { after }, now: () => timers.now, isReload: false, own };
  return { world: { ...world, ...paced }, lines, timers, own };
}

test("each kind of touch does its own thing, with uWSGI's line", async () => {
  const { world, lines, timers } = makeWorld();
  const done: string[] = [];
  mkdirSync(join(directory, "tree"));
  writeFileSync(join(directory, "reload"), "");
  const touches = watchInstanceTouches(
    {
      touchReload: ["reload"],
      touchLogReopen: ["reopen"],
      touchLogRotate: [join(directory, "rotate")],
      touchExec: [{ path: "run", command: "echo hello", origin: { file: "x", line: 1 } }],
      fsReload: ["tree"],
    },
    world,
    (command) => done.push(command.do === "run" ? command.command : command.do),
  );
  undo.push(() => touches.remove());
  expect(lines).toContain(
    "info unable to stat() reopen, events will be triggered as soon as the file is created",
  );
  const act = async (step: () => void, result: string) => {
    const before = done.length;
    step();
    await until(() => done.length > before);
    expect(done.slice(before)).toEqual([result]);
  };
  await act(() => utimesSync(join(directory, "reload"), 4e9, 4e9), "reload");
  expect(lines.at(-1)).toBe("info *** reload has been touched... grace them all !!! ***");
  await act(() => writeFileSync(join(directory, "reopen"), ""), "reopenLog");
  await act(() => writeFileSync(join(directory, "rotate"), ""), "rotateLog");
  await act(() => writeFileSync(join(directory, "run"), ""), "echo hello");
  timers.advance(1000);
  await act(() => writeFileSync(join(directory, "tree/file"), ""), "reload");
});

test("a daemon's touch list says which file was touched, and nothing once removed", async () => {
  const { world } = makeWorld();
  const touched: string[] = [];
  const touches = watchDaemonTouches(["one", "two"], world, (path) => touched.push(path));
  writeFileSync(join(directory, "two"), "");
  await until(() => touched.length > 0);
  touches.remove();
  writeFileSync(join(directory, "one"), "");
  const after: string[] = [];
  const others = watchDaemonTouches(["three"], world, (path) => after.push(path));
  undo.push(() => others.remove());
  writeFileSync(join(directory, "three"), "");
  await until(() => after.length > 0);
  expect(touched).toEqual(["two"]);
});

const NOTHING = { touchReload: [], touchLogReopen: [], touchLogRotate: [], touchExec: [], fsReload: [] };

function watchReloads(
  plan: Partial<typeof NOTHING> | Record<string, string[]>,
  made: ReturnType<typeof makeWorld>,
) {
  const { world, lines, timers } = made;
  const touches = watchInstanceTouches(
    { ...NOTHING, ...plan },
    world,
    (command) => void lines.push(`${timers.now} ${command.do}`),
  );
  undo.push(() => touches.remove());
}

test("touches have one reload a second, and the one that is held back is said", async () => {
  const made = makeWorld();
  const { lines, timers } = made;
  writeFileSync(join(directory, "one"), "");
  mkdirSync(join(directory, "tree"));
  watchReloads({ touchReload: ["one"], fsReload: ["tree"] }, made);
  utimesSync(join(directory, "one"), 4e9, 4e9);
  await until(() => lines.length === 2);
  timers.advance(400);
  writeFileSync(join(directory, "tree/file"), "");
  await until(() => lines.length === 3);
  utimesSync(join(directory, "one"), 4e9 + 5, 4e9 + 5);
  timers.advance(600);
  expect(lines).toEqual([
    "info *** one has been touched... grace them all !!! ***",
    "0 reload",
    "info the next reload is held back for 0.6 s: the last was less than a second ago",
    expect.stringMatching(/^info \*\*\* (tree|one) has been (modified|touched)/),
    "1000 reload",
  ]);
});

test("after a reload the first touch waits for its second", async () => {
  const made = makeWorld();
  const { lines, timers } = made;
  watchReloads({ touchReload: ["one"] }, { ...made, world: { ...made.world, isReload: true } });
  lines.length = 0;
  writeFileSync(join(directory, "one"), "");
  await until(() => lines.length === 1);
  timers.advance(1000);
  expect(lines.at(-1)).toBe("1000 reload");
});

test("a daemon is restarted once a second at most, for the file that was touched last", async () => {
  const { world, lines, timers } = makeWorld();
  const touched: string[] = [];
  const touches = watchDaemonTouches(["one", "two"], world, (path) => void touched.push(path));
  undo.push(() => touches.remove());
  writeFileSync(join(directory, "one"), "");
  await until(() => touched.length === 1);
  writeFileSync(join(directory, "two"), "");
  await until(() => lines.some((line) => line.includes("the next restart is held back")));
  timers.advance(1000);
  expect(touched).toEqual(["one", "two"]);
});

for (const option of ["fsReload", "touchReload"]) {
  test(`${option} of a directory: files of ours there do not count, others do`, async () => {
    const made = makeWorld();
    const { lines, timers, own } = made;
    const tree = join(directory, "tree");
    mkdirSync(tree);
    symlinkSync("tree", join(directory, "link"));
    own.add(join(directory, "link/ours"));
    watchReloads({ [option]: [join(directory, "tree/../tree")] }, made);
    lines.length = 0;
    for (let count = 0; count < 20; count++) {
      writeFileSync(join(tree, "ours"), `${count}`);
      writeAtomically(join(tree, "ours"), Buffer.from("x"), { mode: 0o600 });
      unlinkSync(join(tree, "ours"));
      await Bun.sleep(5);
    }
    // Its event comes after all of these.
    writeFileSync(join(tree, "theirs"), "");
    await until(() => lines.length > 0);
    timers.advance(5000);
    expect(lines).toHaveLength(2);
    lines.length = 0;
    // Ours and theirs within one look.
    writeFileSync(join(tree, "ours"), "");
    writeFileSync(join(tree, "theirs too"), "");
    await until(() => lines.length > 0);
  });
}

test("a path that leads to a file of ours is warned about, and its changes do not count", async () => {
  const made = makeWorld();
  const { lines, own } = made;
  own.add(join(directory, "ours"));
  writeFileSync(join(directory, "ours"), "");
  symlinkSync("ours", join(directory, "link"));
  watchReloads({ touchReload: ["link", "other"] }, made);
  expect(lines).toEqual([
    'warning "link" is a file that reeve itself writes: its changes cause no reload',
    "info unable to stat() other, events will be triggered as soon as the file is created",
  ]);
  writeFileSync(join(directory, "ours"), "changed");
  writeAtomically(join(directory, "ours"), Buffer.from("x"), { mode: 0o600 });
  unlinkSync(join(directory, "ours"));
  writeFileSync(join(directory, "other"), "");
  await until(() => lines.length > 2);
  expect(lines.slice(2)).toEqual(["info *** other has been touched... grace them all !!! ***", "0 reload"]);
});
