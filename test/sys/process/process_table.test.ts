import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync } from "node:fs";
import { bootId, bootOffset, startedAt } from "../../../lib/sys/process/identity.ts";
import {
  listChildren,
  listProcesses,
  parseStat,
  readProcess,
  readStat,
} from "../../../lib/sys/process/process_table.ts";
import { endAll, ended, start } from "./children.ts";
import { PLAIN } from "../child/plain.ts";
import { Scratch } from "../file/scratch.ts";
import { until } from "../until.ts";

afterEach(endAll);

const SLEEP = { ...PLAIN, args: ["sleep", "600"], file: { path: "/bin/sleep", searchPath: null } };

describe("a stat line", () => {
  const rest = "S 7 8 9 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 184467440737095 2 3";
  for (const comm of ["plain", "a b", "x) S 1 2 (y", "(", ")", "new\nline", "", "((()))"]) {
    test(`is read right when the name is ${JSON.stringify(comm)}`, () => {
      expect(parseStat(`42 (${comm}) ${rest}\n`)).toEqual({
        pid: 42,
        comm,
        state: "S",
        ppid: 7,
        pgrp: 8,
        session: 9,
        startTime: 184_467_440_737_095n,
        isKernelThread: false,
        isExiting: false,
        hasTerminal: false,
      });
    });
  }
  test("tells a kernel thread", () => {
    const line = "6 (kworker/R-kvfree) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 0 -20 1 0 25 0 0";
    expect(parseStat(line)).toMatchObject({ pid: 6, isKernelThread: true });
  });
  test("tells a process that ends, and one that has a terminal", () => {
    const line = "42 (sh) S 7 8 9 34816 42 4194564 1 0 0 0 0 0 0 0 20 0 1 0 5 2 3";
    expect(parseStat(line)).toMatchObject({ isExiting: true, hasTerminal: true });
  });
  test("that is cut short is no process", () => {
    expect(parseStat("42 (x) S 1 2 3")).toBeNull();
    expect(parseStat("42 (x")).toBeNull();
    expect(parseStat("")).toBeNull();
  });
});

test("a process with parentheses and a newline in its name is read right", async () => {
  using scratch = new Scratch();
  const program = scratch.at("a) R\n(b");
  copyFileSync("/bin/sleep", program);
  chmodSync(program, 0o755);
  const child = start({ ...SLEEP, file: { path: program, searchPath: null } });
  const found = await until("it runs", () => {
    const record = readProcess(child.pid);
    return record?.comm === "a) R\n(b" && record;
  });
  expect(found.ppid).toBe(process.pid);
  expect(found.uid).toEqual({ real: process.getuid!(), effective: process.geteuid!() });
});

test("a process that is not there is null", async () => {
  const child = start(PLAIN);
  await ended(child);
  expect(readStat(child.pid)).toBeNull();
  expect(readProcess(child.pid)).toBeNull();
  expect(readStat(0x7fff_ffff)).toBeNull();
});

test("our children are listed, dead ones too, until they are reaped", async () => {
  const living = start(SLEEP);
  const dead = start(PLAIN);
  await until("one is dead", () => readStat(dead.pid)?.state === "Z");
  expect(listChildren()).toContain(living.pid);
  expect(listChildren()).toContain(dead.pid);
  await ended(dead);
  expect(listChildren()).not.toContain(dead.pid);
});

test("the table has this process and its child", () => {
  const child = start(SLEEP);
  const table = new Map(listProcesses().map((found) => [found.pid, found]));
  expect(table.get(process.pid)).toBeDefined();
  expect(table.get(child.pid)?.ppid).toBe(process.pid);
});

test("a start time as wall-clock time is when the process was started", () => {
  const before = Date.now();
  const child = start(SLEEP);
  const after = Date.now();
  const at = startedAt(readStat(child.pid)!);
  // A tick is 10 ms, and the clocks are read one after the other.
  expect(at).toBeGreaterThan(before - 30);
  expect(at).toBeLessThan(after + 30);
});

test("the boot has a name and a time that stay", () => {
  expect(bootId()).toMatch(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
  expect(Math.abs(bootOffset() - bootOffset())).toBeLessThan(5);
  expect(bootOffset()).toBeLessThan(Date.now());
});
