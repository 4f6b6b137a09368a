/**
 * The log at the mercy of whoever reads it: reeve never waits for them.
 */
import { expect } from "bun:test";
import { constants, openSync, writeSync } from "node:fs";
import { check, program, reeve } from "../e2e/need.ts";

check("logto names a FIFO that is full and that nobody reads: reeve starts, answers and stops", [
  reeve,
  program("mkfifo", "coreutils"),
], async (scope) => {
  const fifo = scope.path("log.fifo");
  expect((await scope.run(["mkfifo", fifo])).code).toBe(0);
  const reader = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const page = Buffer.alloc(4096, "x");
  expect(() => {
    for (;;) writeSync(reader, page);
  }).toThrow(/EAGAIN/);
  const supervisor = scope.reeve(scope.config([`logto = ${fifo}`, "attach-daemon = sleep 78301"]));
  await scope.untilOne(/^sleep 78301/);
  supervisor.signal("SIGUSR1");
  expect((await supervisor.stop()).code).toBe(0);
  expect(scope.matching(/^sleep 78301/)).toEqual([]);
});
