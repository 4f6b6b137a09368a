/** What a process uses, read of this one. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { readUsage } from "../../lib/process/usage.ts";
import { readStat } from "../../lib/sys/process/process_table.ts";

test("memory, time, threads and descriptors of a process are those of /proc", () => {
  const startTime = readStat(process.pid)?.startTime ?? 0n;
  const usage = readUsage({ pid: process.pid, startTime }, true);
  const status = readFileSync("/proc/self/status", "utf8");
  const resident = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
  expect(Math.abs((usage?.memory ?? 0) - resident)).toBeLessThan(resident / 2);
  expect(usage?.threads).toBe(Number(/^Threads:\s+(\d+)/m.exec(status)?.[1]));
  const { user, system } = process.cpuUsage();
  expect(Math.abs((usage?.cpu ?? 0) - (user + system) / 1e6)).toBeLessThan(0.5);
  const descriptors = readdirSync("/proc/self/fd").length;
  expect(Math.abs((usage?.descriptors ?? 0) - descriptors)).toBeLessThan(3);
  expect(readUsage({ pid: process.pid, startTime }, false)?.descriptors).toBeNull();
});

test("of another process with the same number nothing is told", () => {
  expect(readUsage({ pid: process.pid, startTime: 1n }, false)).toBeNull();
  expect(readUsage({ pid: 4_194_304, startTime: 1n }, false)).toBeNull();
});
