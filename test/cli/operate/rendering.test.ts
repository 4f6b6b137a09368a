/** What people are shown of daemons: the table, all of one, and the reason. */
import { describe, expect, test } from "bun:test";
import { detailLines } from "../../../lib/cli/operate/show/detail.ts";
import {
  memorySize,
  momentText,
  processorTime,
  readDuration,
  shortDuration,
} from "../../../lib/cli/operate/show/quantity.ts";
import { reasonOf } from "../../../lib/cli/operate/show/reason.ts";
import { isUp, readService } from "../../../lib/cli/operate/show/service.ts";
import { cut, tableLines, widthOf } from "../../../lib/cli/operate/show/table.ts";
import { STATES } from "../../../lib/daemon/state.ts";
import { CRASHED, NOW, service } from "./services.ts";

const plain = { now: NOW, paint: (text: string) => text };

describe("quantities", () => {
  test.each([
    [0, "0s"],
    [-3, "0s"],
    [59.9, "59s"],
    [60, "1m"],
    [192, "3m12s"],
    [3600, "1h"],
    [11520, "3h12m"],
    [86400 * 5 + 3 * 3600, "5d3h"],
    [86400 * 400, "400d"],
  ])("%p seconds are %p", (seconds, text) => expect(shortDuration(seconds)).toBe(text));
  test.each([
    [0, "0B"],
    [900, "900B"],
    [1023, "1023B"],
    [1024, "1K"],
    [4404019, "4.2M"],
    [73400320, "70M"],
    [
      1610612736,
      "1.5G",
    ],
    [1048575, "1M"],
    [5e12, "4.5T"],
  ])("%p bytes are %p", (bytes, text) => expect(memorySize(bytes)).toBe(text));
  test.each([[0.04, "0s"], [0.45, "0.4s"], [12.7, "12.7s"], [75, "1m15s"]])(
    "%p seconds of the processor are %p",
    (seconds, text) => expect(processorTime(seconds)).toBe(text),
  );
  test.each([["90s", 90], ["90", 90], ["2m", 120], ["1h30m", 5400], ["500ms", 0.5], ["1.5s", 1.5]])(
    "%p is a length of time",
    (text, seconds) => expect(readDuration(text)).toBeCloseTo(seconds),
  );
  test.each(["", "s", "-1s", "1x", "1s ", "1 s", "1e3", "0x10"])("%p is no length of time", (text) => {
    expect(readDuration(text)).toBeNull();
  });
  test("a moment of today is a time of day, another has its date", () => {
    const now = new Date(2026, 10, 30, 21, 30).getTime();
    expect(momentText(new Date(2026, 10, 30, 7, 5, 9).getTime(), now)).toBe("07:05:09");
    expect(momentText(new Date(2026, 10, 29, 7, 5, 9).getTime(), now)).toBe("2026-11-29 07:05:09");
  });
});

describe("the reason", () => {
  test("of one that runs is what it says of itself, or what it lacks", () => {
    expect(reasonOf(service(), NOW)).toBe("");
    expect(reasonOf(service({ "status-text": "accepting on 8000" }), NOW)).toBe("accepting on 8000");
    expect(reasonOf(service({ ready: false }), NOW)).toBe("not ready yet");
    expect(reasonOf(service({ health: "down" }), NOW)).toBe("unhealthy");
  });
  test("of one that waits is its last end, and when it is started again", () => {
    const fields = { "state": "waiting", "last-exit": CRASHED, "next-start": "2026-11-30T21:30:02.5Z" };
    expect(reasonOf(service(fields), NOW)).toBe("exit code 1 after 2s, next start in 3s");
    expect(reasonOf(service({ ...fields, streak: 4 }), NOW)).toBe(
      "exit code 1 after 2s, 4 times in a row, next start in 3s",
    );
  });
  test("of one that is down is who stopped it, the legion, or how it ended", () => {
    const down = { state: "down", pid: 0 };
    expect(reasonOf(service({ ...down, held: { by: "root", at: null } }), NOW)).toBe("stopped by root");
    expect(reasonOf(service({ ...down, legion: "db", lord: false }), NOW)).toBe(
      "another node is the lord of legion db",
    );
    expect(reasonOf(service({ ...down, closed: ["requirement"] }), NOW)).toBe("waits for what it requires");
    expect(reasonOf(service({ ...down, startup: "disabled" }), NOW)).toBe("not started with the instance");
    const killed = { ...CRASHED, code: null, signal: "KILL", oom: true };
    expect(reasonOf(service({ ...down, "last-exit": killed }), NOW)).toBe(
      "killed by SIGKILL: out of memory after 2s",
    );
  });
  test("cannot forge lines or colours", () => {
    expect(reasonOf(service({ "status-text": "a\n\x1b[2Jb" }), NOW)).toBe("a\\n\\e[2Jb");
  });
});

test("a daemon is up when it runs, is ready and not unhealthy: in no other state", () => {
  expect(STATES.filter((state) => isUp(service({ state })))).toEqual(["running"]);
  expect(isUp(service({ ready: false }))).toBe(false);
  expect(isUp(service({ health: "down" }))).toBe(false);
  expect(isUp(service({ health: null }))).toBe(true);
});

test("an answer of another version is shown as far as it goes; without a name there is nothing to show", () => {
  expect(readService({})).toBeNull();
  const read = readService({
    "name": "x",
    "state": "hovering",
    "memory": 3,
    "last-exit": "soon",
    "pid": "7",
  });
  if (read === null) throw new Error("it has a name and a state");
  expect(tableLines([read], { ...plain, width: 80 })).toHaveLength(2);
  expect(detailLines(read, plain)[1]).toBe("  state:      hovering");
});

describe("the table", () => {
  const many = [
    service(),
    service({
      "name": "worker-of-the-night",
      "state": "waiting",
      "pid": 0,
      "memory": null,
      "cpu": null,
      "last-exit": CRASHED,
      "next-start": "2026-11-30T21:30:09Z",
      "streak": 3,
    }),
    service({ name: "db", state: "down", pid: 0, held: { by: "root", at: null }, memory: null, cpu: null }),
  ];
  test("fits into 80 columns, and cuts the reason alone", () => {
    expect(tableLines(many, { ...plain, width: 80 })).toEqual([
      "NAME                 STATE     SINCE   PID  RESTARTS  MEM    CPU  STATUS",
      "web                  running  17m59s  4711         2  70M  12.7s",
      "worker-of-the-night  waiting  17m59s     -         2    -      -  exit code 1...",
      "db                   down     17m59s     -         2    -      -  stopped by ...",
    ]);
  });
  test("is not cut where nobody looks", () => {
    expect(tableLines(many, { ...plain, width: null })[2]).toEndWith(
      "exit code 1 after 2s, 3 times in a row, next start in 9s",
    );
  });
  test.each([20, 30, 40, 50, 60, 72, 80, 100, 132])("is never wider than %p columns", (width) => {
    const lines = tableLines([...many, service({ name: "n".repeat(300) })], { ...plain, width });
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
    expect(lines[0]).toContain("STATE");
  });
  test("colours are no width", () => {
    const painted = tableLines(many, { now: NOW, width: 80, paint: (text) => `<${text}>` });
    expect(painted.map((line) => line.replaceAll(/[<>]/g, "").trimEnd())).toEqual(
      tableLines(many, { ...plain, width: 80 }),
    );
    expect(painted[1]).toContain("<running>");
  });
  test("a wide character counts as two", () => {
    expect(widthOf("日本")).toBe(4);
    expect(cut("日本日本", 7)).toBe("日本...");
    const lines = tableLines([service({ name: "日本" }), service({ name: "abcd" })], {
      ...plain,
      width: null,
    });
    expect(lines[1]?.indexOf("running")).toBe(4);
    expect(lines[2]?.indexOf("running")).toBe(6);
  });
});

test("all of one daemon: what it does, why, what it uses and its last words", () => {
  const lines = detailLines(
    service({
      "state": "waiting",
      "pid": 0,
      "last-exit": CRASHED,
      "requires": ["cache", "db"],
      "last-lines": ["Traceback", "\x1b[31mOSError"],
      "held": { by: "root", at: "2026-11-30T21:00:00Z" },
    }),
    plain,
  ).join("\n");
  expect(lines).toContain("  state:      waiting: exit code 1 after 2s\n");
  expect(lines).toContain("  requires:   cache, db\n");
  expect(lines).toContain("  uses:       memory 70M of 256M, CPU 12.7s, 9 tasks, 31 open files\n");
  expect(lines).toContain("  config:     app.ini:12\n");
  expect(lines).toMatch(/ {2}held: {7}stopped by root at .*, until "reeve start web"\n/);
  expect(lines).toEndWith("  last lines:\n    Traceback\n    \\e[31mOSError");
});
