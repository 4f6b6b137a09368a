import { afterEach, expect, test } from "bun:test";
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { openPipe, readInto } from "../../../lib/sys/file/descriptor.ts";
import { IN, Inotify, type InotifyEvent } from "../../../lib/sys/file/inotify.ts";
import { openPidfd, signalPidfd } from "../../../lib/sys/process/pidfd.ts";
import { watcher } from "../../../lib/sys/file/watcher.ts";
import { endAll, ended, start } from "../process/children.ts";
import { PLAIN } from "../child/plain.ts";
import { Scratch } from "./scratch.ts";
import { until } from "../until.ts";

afterEach(endAll);

test("a watched pipe calls for each write, until it is removed", async () => {
  const pipe = openPipe({ nonblock: true });
  const got: number[] = [];
  const buffer = new Uint8Array(16);
  const watch = watcher().add(pipe.reader, () => {
    const count = readInto(pipe.reader, buffer);
    if (count !== null) got.push(count);
  });
  writeSync(pipe.writer, "ab");
  await until("the first is seen", () => got.length === 1);
  writeSync(pipe.writer, "cde");
  await until("the second is seen", () => got.length === 2);
  expect(got).toEqual([2, 3]);
  watch.remove();
  watch.remove();
  writeSync(pipe.writer, "f");
  // A later event of another watch proves that the removed one's would have come.
  const other = openPipe({ nonblock: true });
  let seen = false;
  const second = watcher().add(other.reader, () => {
    seen = true;
    second.remove();
  });
  writeSync(other.writer, "x");
  await until("the other is seen", () => seen);
  expect(got).toEqual([2, 3]);
  for (const fd of [pipe.reader, pipe.writer, other.reader, other.writer]) closeSync(fd);
});

test("what is left unread is told again", async () => {
  const pipe = openPipe({ nonblock: true });
  writeSync(pipe.writer, "abc");
  const one = new Uint8Array(1);
  let read = "";
  const watch = watcher().add(pipe.reader, () => {
    if (readInto(pipe.reader, one) === 1) read += String.fromCharCode(one[0]!);
  });
  await until("all three are read", () => read === "abc");
  watch.remove();
  closeSync(pipe.reader);
  closeSync(pipe.writer);
});

test("the death of a process is told through its pidfd", async () => {
  const child = start({ ...PLAIN, args: ["sleep", "600"], file: { path: "/bin/sleep", searchPath: null } });
  const pidfd = openPidfd(child.pid)!;
  let died = false;
  const watch = watcher().add(pidfd, () => {
    died = true;
    watch.remove();
  });
  expect(signalPidfd(pidfd, 0)).toBe(true);
  expect(died).toBe(false);
  signalPidfd(pidfd, 9);
  await until("the death is told", () => died);
  await ended(child);
  expect(signalPidfd(pidfd, 0)).toBe(false);
  expect(openPidfd(child.pid)).toBeNull();
  closeSync(pidfd);
});

test("thousands of events at once are all told", async () => {
  const pipes = Array.from({ length: 2_000 }, () => openPipe({ nonblock: true }));
  const told = new Set<number>();
  const watches = pipes.map((pipe, index) =>
    watcher().add(pipe.reader, () => {
      told.add(index);
      watches[index]!.remove();
    })
  );
  for (const pipe of pipes) writeSync(pipe.writer, "x");
  await until("all are told", () => told.size === pipes.length);
  for (const pipe of pipes) {
    closeSync(pipe.reader);
    closeSync(pipe.writer);
  }
});

function recorder(): { readonly events: InotifyEvent[]; readonly record: (event: InotifyEvent) => void } {
  const events: InotifyEvent[] = [];
  return { events, record: (event) => void events.push(event) };
}

test("a file made, written and moved in a watched directory is told by name", async () => {
  using scratch = new Scratch();
  const inotify = new Inotify(watcher());
  const { events, record } = recorder();
  inotify.watch(scratch.path, IN.create | IN.closeWrite | IN.movedFrom | IN.movedTo, record);
  writeFileSync(scratch.at("é"), "x");
  renameSync(scratch.at("é"), scratch.at("b"));
  await until("the move is told", () => events.some((event) => (event.mask & IN.movedTo) !== 0));
  expect(events.map((event) => [event.mask, event.name])).toEqual([
    [IN.create, "é"],
    [IN.closeWrite, "é"],
    [IN.movedFrom, "é"],
    [IN.movedTo, "b"],
  ]);
  expect(events[2]!.cookie).toBe(events[3]!.cookie);
});

test("watches of one directory hear what each asked for, and one's end is not the other's", async () => {
  using scratch = new Scratch();
  const inotify = new Inotify(watcher());
  const made = recorder();
  const gone = recorder();
  mkdirSync(scratch.at("d"));
  const first = inotify.watch(scratch.at("d"), IN.create, made.record);
  inotify.watch(scratch.at("d", "..", "d"), IN.delete, gone.record);
  writeFileSync(scratch.at("d", "x"), "");
  rmSync(scratch.at("d", "x"));
  await until("the deletion is told", () => gone.events.length === 1);
  expect(made.events.map((event) => event.mask)).toEqual([IN.create]);
  expect(gone.events.map((event) => event.mask)).toEqual([IN.delete]);
  first.remove();
  writeFileSync(scratch.at("d", "x"), "");
  rmSync(scratch.at("d", "x"));
  await until("the second deletion is told", () => gone.events.length === 2);
  expect(made.events.length).toBe(1);
});

test("a watched directory that goes away is told to all, and can be watched again when it is back", async () => {
  using scratch = new Scratch();
  const inotify = new Inotify(watcher());
  const one = recorder();
  const two = recorder();
  mkdirSync(scratch.at("d"));
  const watch = inotify.watch(scratch.at("d"), IN.create, one.record);
  inotify.watch(scratch.at("d"), IN.delete, two.record);
  rmdirSync(scratch.at("d"));
  await until("both know", () => one.events.length > 0 && two.events.length > 0);
  expect(one.events.at(-1)!.mask & IN.ignored).toBe(IN.ignored);
  watch.remove();
  mkdirSync(scratch.at("d"));
  const again = recorder();
  inotify.watch(scratch.at("d"), IN.create, again.record);
  writeFileSync(scratch.at("d", "x"), "");
  await until("the new watch hears", () => again.events.length > 0);
});

test("a watch of what is not there is an error that names it", () => {
  const inotify = new Inotify(watcher());
  expect(() => inotify.watch("/nonexistent", IN.create, () => {})).toThrow(
    'cannot watch "/nonexistent": no such file or directory',
  );
});

test("a file that is appended to is told", async () => {
  using scratch = new Scratch();
  const inotify = new Inotify(watcher());
  const { events, record } = recorder();
  writeFileSync(scratch.at("f"), "");
  inotify.watch(scratch.at("f"), IN.modify | IN.attrib, record);
  appendFileSync(scratch.at("f"), "x");
  await until(
    "the change is told",
    () => events.some((event) => event.mask === IN.modify && event.name === ""),
  );
});
