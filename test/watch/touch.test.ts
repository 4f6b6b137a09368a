import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOOP_TIMERS } from "../../lib/sys/timers.ts";
import { watchDaemonTouches, watchInstanceTouches } from "../../lib/watch/touch.ts";
import { Inotify } from "../../lib/sys/file/inotify.ts";
import { watcher } from "../../lib/sys/file/watcher.ts";
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
  const log = (level: string, text: string) => void lines.push(`${level} ${text}`);
  const world = { inotify, timers: LOOP_TIMERS, onProblem: () => {}, cwd: directory, log };
  return { world, lines };
}

test("each kind of touch does its own thing, with uWSGI's line", async () => {
  const { world, lines } = makeWorld();
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
