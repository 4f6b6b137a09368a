import { afterEach, expect, test } from "bun:test";
import { closeSync, constants, openSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Logger, wantsColour } from "../../lib/log/logger.ts";
import { withoutBlocking } from "../../lib/log/line_sink.ts";
import { FakeTimers } from "../sys/fake_timers.ts";

const undo: (() => void)[] = [];
afterEach(() => {
  for (const step of undo.splice(0).reverse()) step();
});

function makeLogger(write?: (fd: number, bytes: Uint8Array, offset: number) => number, fd = -1) {
  const timers = new FakeTimers();
  const logger = new Logger({
    fd,
    format: { format: "text", date: null, prefix: null, colour: false },
    least: "info",
    timers,
    now: () => 0,
    ...(write === undefined ? {} : { write }),
  });
  return { logger, timers };
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Takes lines while `broken` is null, else fails with it. */
function makeTarget() {
  const target = { text: "", calls: 0, broken: null as string | null, room: Infinity };
  const write = (_fd: number, bytes: Uint8Array, offset: number): number => {
    target.calls++;
    if (target.broken !== null) throw failure(target.broken);
    const taken = Math.min(target.room, bytes.length - offset);
    target.text += Buffer.from(bytes.subarray(offset, offset + taken)).toString("utf8");
    return taken;
  };
  return { target, write };
}

test("each line is one write", () => {
  const { target, write } = makeTarget();
  const { logger } = makeLogger(write);
  logger.info("redis", "one");
  logger.info(null, "two");
  expect(target.calls).toBe(2);
  expect(target.text).toBe("1970-01-01T00:00:00.000Z info redis: one\n1970-01-01T00:00:00.000Z info two\n");
});

test("a level below the least is not written", () => {
  const { target, write } = makeTarget();
  const { logger } = makeLogger(write);
  logger.debug(null, "hidden");
  expect(target.calls).toBe(0);
});

for (const code of ["EAGAIN", "ENOSPC"]) {
  test(`lines that meet ${code} come out later, in order`, () => {
    const { target, write } = makeTarget();
    const { logger, timers } = makeLogger(write);
    target.broken = code;
    logger.info(null, "one");
    logger.info(null, "two");
    expect(timers.pending).toBe(1);
    target.broken = null;
    timers.advance(50);
    expect(target.text).toMatch(/one\n.*two\n$/);
    expect(timers.pending).toBe(0);
  });
}

test("a log whose reader is gone sets no timer and never throws", () => {
  const { target, write } = makeTarget();
  const { logger, timers } = makeLogger(write);
  target.broken = "EPIPE";
  for (let count = 0; count < 10_000; count++) logger.info(null, `line ${count}`);
  expect(timers.pending).toBe(0);
  expect(logger.flush()).toBe(false);
});

test("lines beyond the buffer are dropped and their number is told where they are missing", () => {
  const { target, write } = makeTarget();
  const { logger, timers } = makeLogger(write);
  target.broken = "EAGAIN";
  for (let count = 0; count < 10_000; count++) logger.info(null, `line ${count} ${"x".repeat(100)}`);
  target.broken = null;
  timers.advance(10_000);
  logger.info(null, "after");
  const lines = target.text.trimEnd().split("\n");
  const told = lines.at(-2) ?? "";
  const dropped = Number(/(\d+) lines of this log were dropped/.exec(told)?.[1]);
  expect(lines.length - 2 + dropped).toBe(10_000);
  expect(lines.at(-1)).toEndWith("after");
});

test("a line that went out in part is continued, and begun anew in another file", () => {
  const { target, write } = makeTarget();
  const { logger } = makeLogger((fd, bytes, offset) => {
    if (target.text.length >= 10 && target.broken === null) target.broken = "EAGAIN";
    return write(fd, bytes, offset);
  });
  target.room = 10;
  logger.info(null, "whole");
  expect(target.text).toBe("1970-01-01");
  target.text = "";
  target.room = Infinity;
  target.broken = null;
  logger.moveTo(7);
  expect(target.text).toBe("1970-01-01T00:00:00.000Z info whole\n");
});

test("a full pipe whose reader sleeps holds nobody up and the descriptor of the daemons stays blocking", () => {
  const directory = mkdtempSync(join(tmpdir(), "reeve-log-"));
  undo.push(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "pipe");
  spawnSync("mkfifo", [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  const own = withoutBlocking(writer);
  undo.push(() => [reader, writer, own].forEach((fd) => closeSync(fd)));
  expect(own).not.toBe(writer);
  const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${writer}`, "utf8"))?.[1] ?? "";
  expect(parseInt(flags, 8) & constants.O_NONBLOCK).toBe(0);

  const { logger, timers } = makeLogger(undefined, own);
  for (let count = 0; count < 3000; count++) logger.info(null, `line ${count} ${"x".repeat(60)}`);
  let text = "";
  const buffer = Buffer.alloc(65536);
  for (let turn = 0; turn < 100 && !text.includes("line 2999 "); turn++) {
    try {
      text += buffer.toString("latin1", 0, readSync(reader, buffer));
    } catch {
      // Empty: the timer's turn.
    }
    timers.advance(5000);
  }
  expect(text.trimEnd().split("\n").length).toBe(3000);
});

const hasPerl = spawnSync("perl", ["-MSocket", "-e", "1"]).status === 0;

test.skipIf(!hasPerl && process.env["MUST_WORK"] !== "1")(
  "a full socket that blocks, as a service manager gives it, holds nobody up [needs perl]",
  () => {
    const program = `
      const { standardLogger } = await import(${
      JSON.stringify(join(import.meta.dir, "../../lib/log/logger.ts"))
    });
      const { fstatSync, writeSync } = await import("node:fs");
      const logger = standardLogger({}, false);
      for (let count = 0; count < 20000; count++) logger.info(null, "line " + count + " " + "x".repeat(60));
      writeSync(1, (fstatSync(2).isSocket() ? "socket" : "no socket") + " " + logger.flush());
      process.exit(0);
    `;
    // The other end stays open in the program, where nobody reads it.
    const perl =
      `$^F = 99; socketpair(A, B, AF_UNIX, SOCK_STREAM, 0) or die; open(STDERR, ">&A"); exec @ARGV`;
    const run = spawnSync("perl", ["-MSocket", "-e", perl, process.execPath, "-e", program], {
      timeout: 20_000,
    });
    expect(run.stdout.toString()).toBe("socket false");
  },
);

test("a regular file is not opened a second time", () => {
  const directory = mkdtempSync(join(tmpdir(), "reeve-log-"));
  undo.push(() => rmSync(directory, { recursive: true }));
  const fd = openSync(join(directory, "log"), "a");
  undo.push(() => closeSync(fd));
  writeSync(fd, "x");
  expect(withoutBlocking(fd)).toBe(fd);
});

test("colour needs a terminal, no NO_COLOR and a terminal that can", () => {
  expect(wantsColour(true, { TERM: "xterm" })).toBe(true);
  expect(wantsColour(true, { NO_COLOR: "" })).toBe(true);
  expect(wantsColour(true, { NO_COLOR: "1" })).toBe(false);
  expect(wantsColour(true, { TERM: "dumb" })).toBe(false);
  expect(wantsColour(false, {})).toBe(false);
});

test("every line goes to a second place as well, until the log is alone", () => {
  const directory = mkdtempSync(join(tmpdir(), "reeve-logger-"));
  undo.push(() => rmSync(directory, { recursive: true }));
  const [one, two] = ["one", "two"].map((name) => openSync(join(directory, name), "a"));
  const logger = new Logger({
    fd: one ?? -1,
    ownsFd: true,
    format: { format: "text", date: null, prefix: null, colour: false },
    least: "info",
    timers: new FakeTimers(),
    now: () => 0,
  });
  logger.info(null, "a");
  logger.logAlsoTo(two ?? -1, true);
  logger.info(null, "b");
  logger.debug(null, "not of this level");
  logger.logAlone();
  logger.info(null, "c");
  const textOf = (name: string): string => readFileSync(join(directory, name), "utf8");
  const line = (text: string, level = "info"): string => `1970-01-01T00:00:00.000Z ${level} ${text}\n`;
  expect(textOf("one")).toBe(line("a") + line("b") + line("c"));
  expect(textOf("two")).toBe(line("b", "\x1b[32minfo\x1b[0m"));
  closeSync(one ?? -1);
  expect(() => closeSync(two ?? -1)).toThrow(/EBADF/);
});
