/**
 * What a killed reeve left is ended only when it is its: a session whose number was given away is somebody
 * else's.
 */
import { expect, test } from "bun:test";
import { PidTurnover } from "../../lib/records/pid_turnover.ts";
import { findRemainders, type RunningProcess } from "../../lib/records/remainder.ts";
import { Scope } from "../e2e/harness.ts";

const ENTRY = { name: "a", smart: false, process: { pid: 50, startTime: 100n }, uid: 0, aliveAt: 100n };
const process = (pid: number, startTime: bigint): RunningProcess => {
  return { pid, startTime, session: 50, pgrp: 50, state: "S" };
};

test("where no pid came twice, every member of the session is the daemon's", () => {
  const found = findRemainders([ENTRY], [process(60, 150n)], true);
  expect(found[0]?.proved.map(({ pid }) => pid)).toEqual([60]);
});

test("another process of the leader's number has a session of its own, which is left alone", () => {
  const found = findRemainders([ENTRY], [process(50, 140n), process(60, 150n)], true);
  expect(found[0]?.proved).toEqual([]);
  expect(found[0]?.doubtful.length).toBe(2);
});

test("a mark counts in the same boot alone, and not when it is spoilt", async () => {
  await using scope = new Scope();
  const path = scope.path("pids");
  expect(new PidTurnover(path, "boot").none).toBe(false);
  new PidTurnover(path, "boot").mark();
  expect(new PidTurnover(path, "boot").none).toBe(true);
  expect(new PidTurnover(path, "another").none).toBe(false);
  scope.write("pids", `1 ${scope.read("pids").split(" ")[1]}`);
  const made = Number(/^processes (\d+)$/m.exec(await Bun.file("/proc/stat").text())?.[1]);
  const pids = Number(await Bun.file("/proc/sys/kernel/pid_max").text());
  expect(new PidTurnover(path, "boot").none).toBe(made - 1 < pids - 1000);
  scope.write("pids", "nonsense");
  expect(new PidTurnover(path, "boot").none).toBe(false);
  expect(new PidTurnover(null, "boot").none).toBe(false);
});
