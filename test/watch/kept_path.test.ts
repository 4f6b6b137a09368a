import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Inotify } from "../../lib/sys/file/inotify.ts";
import { watcher } from "../../lib/sys/file/watcher.ts";
import { LOOP_TIMERS } from "../../lib/sys/timers.ts";
import { KeptPath } from "../../lib/watch/kept_path.ts";
import { until } from "../support/until.ts";
import { FakeTimers } from "../sys/fake_timers.ts";

let directory: string;
let path: string;
let undo: (() => void)[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-kept-"));
  path = join(directory, "sub", "file");
  mkdirSync(join(directory, "sub"));
  undo = [];
});
afterEach(() => {
  for (const step of undo) step();
  rmSync(directory, { recursive: true, force: true });
});

/** Keeps a file at `path`; `fail`: with what its restoring fails. */
function keepFile() {
  const timers = new FakeTimers();
  const state = { ino: 0, made: 0, fail: null as string | null, lines: [] as string[] };
  const make = (): void => {
    if (state.fail !== null) throw new Error(state.fail);
    writeFileSync(path, "");
    state.ino = statSync(path).ino;
    state.made++;
  };
  make();
  const kept = new KeptPath(
    path,
    {
      inotify: new Inotify(watcher()),
      // What gathers the events of one change is as quick as it is; the seconds are the test's.
      timers: { after: (ms, run) => (ms < 100 ? LOOP_TIMERS : timers).after(ms, run) },
      now: () => timers.now,
      onProblem: () => {},
      log: (level, text) => void state.lines.push(`${timers.now} ${level} ${text}`),
    },
    { isThere: () => existsSync(path) && statSync(path).ino === state.ino, restore: make },
  );
  undo.push(() => kept.remove());
  return { state, timers, kept };
}

test("what is gone, replaced, or gone with its directory is restored", async () => {
  const { state, timers } = keepFile();
  unlinkSync(path);
  await until(() => state.made === 2);
  timers.advance(1000);
  writeFileSync(`${path}.next`, "");
  renameSync(`${path}.next`, path);
  await until(() => state.made === 3);
  timers.advance(1000);
  renameSync(join(directory, "sub"), join(directory, "away"));
  mkdirSync(join(directory, "sub"));
  await until(() => state.made === 4);
});

test("somebody who removes it all the time has it restored once a second", async () => {
  const { state, timers } = keepFile();
  unlinkSync(path);
  await until(() => state.made === 2);
  unlinkSync(path);
  await until(() => timers.pending === 1);
  expect(state.made).toBe(2);
  timers.advance(1000);
  expect(state.made).toBe(3);
});

test("what cannot be restored is said once, and tried again until it can be", async () => {
  const { state, timers } = keepFile();
  state.fail = "cannot make it";
  unlinkSync(path);
  await until(() => state.lines.length === 1);
  for (let count = 0; count < 10; count++) {
    timers.advance(5000);
    await Promise.resolve();
  }
  state.fail = null;
  timers.advance(5000);
  expect(state.made).toBe(2);
  expect(state.lines).toEqual(["0 error cannot make it; tried again every 5 s"]);
});

test("what is let go of is not restored", async () => {
  const { state, timers, kept } = keepFile();
  kept.remove();
  unlinkSync(path);
  await Bun.sleep(50);
  timers.advance(60_000);
  expect(state.made).toBe(1);
});
