/** Signals to real processes: never to one that only has the number. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProcessId } from "../../lib/sys/process_id.ts";
import { holdProcess, signalDaemon, UNKNOWN_START } from "../../lib/process/signaller.ts";
import { closePidfd, signalPidfd } from "../../lib/sys/process/pidfd.ts";
import { readStat } from "../../lib/sys/process/process_table.ts";
import type { SpawnedChild } from "../../lib/sys/child/spawn.ts";
import { endAll, ended, start } from "../sys/process/children.ts";
import { PLAIN } from "../sys/child/plain.ts";
import { until } from "../support/until.ts";
import { openDescriptors, openedSince } from "../support/descriptors.ts";

const SIGHUP = 1;
const SIGKILL = 9;
const SIGTERM = 15;
const SIGSTOP = 19;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-signal-"));
});
afterEach(async () => {
  await endAll();
  rmSync(directory, { recursive: true, force: true });
});

const state = (pid: number): string | undefined => readStat(pid)?.state;

function identify(child: SpawnedChild): ProcessId {
  return { pid: child.pid, startTime: readStat(child.pid)!.startTime };
}

/** A shell script, ready once it has written the file "ready". */
async function script(text: string, session: "new" | "same" = "new"): Promise<SpawnedChild> {
  const child = start({
    ...PLAIN,
    args: ["sh", "-c", text],
    file: { path: "/bin/sh", searchPath: null },
    environment: ["PATH=/usr/bin:/bin", `D=${directory}`],
    session,
  });
  await until(() => written("ready") !== "", "the script is ready");
  return child;
}

function written(name: string): string {
  try {
    return readFileSync(join(directory, name), "utf8");
  } catch {
    return "";
  }
}

test("the process gets the signal", async () => {
  const child = await script(
    `trap 'echo hup > $D/hup; exit 3' HUP; echo > $D/ready; while :; do sleep 0.01; done`,
  );
  expect(signalDaemon(identify(child), SIGHUP)).toBe(true);
  expect(await ended(child)).toEqual({ kind: "exited", code: 3 });
  expect(written("hup")).toBe("hup\n");
});

test("another process of that number is never signalled", async () => {
  const child = await script("echo > $D/ready; exec sleep 1000");
  const { pid, startTime } = identify(child);
  expect(signalDaemon({ pid, startTime: startTime - 1n }, SIGKILL)).toBe(false);
  expect(signalDaemon({ pid, startTime: startTime + 1n }, SIGKILL)).toBe(false);
  expect(["S", "R"]).toContain(state(pid)!);
});

test("a process that is gone is not signalled, and that is no error", async () => {
  const child = start(PLAIN);
  const id = identify(child);
  await ended(child);
  expect(signalDaemon(id, SIGTERM)).toBe(false);
  expect(holdProcess(id)).toBeNull();
});

test("the whole group of a process that leads one is signalled", async () => {
  const child = await script("sleep 1000 & echo $! > $D/ready; wait");
  const grandchild = Number(written("ready"));
  signalDaemon(identify(child), SIGKILL);
  await ended(child);
  await until(() => state(grandchild) === undefined || state(grandchild) === "Z", "the grandchild ended");
});

test("a process that leads no group is signalled alone: its group may be anybody's", async () => {
  const child = await script("echo > $D/ready; exec sleep 1000", "same");
  const id = identify(child);
  expect(readStat(child.pid)!.pgrp).not.toBe(child.pid);
  expect(signalDaemon(id, SIGTERM)).toBe(true);
  expect(await ended(child)).toMatchObject({ kind: "killed", signal: SIGTERM });
});

test("a stopped process is continued, or it could not act on what it was told", async () => {
  const child = await script("echo > $D/ready; exec sleep 1000");
  const id = identify(child);
  signalDaemon(id, SIGSTOP);
  await until(() => state(child.pid) === "T", "it is stopped");
  signalDaemon(id, SIGTERM);
  expect(await ended(child)).toMatchObject({ kind: "killed", signal: SIGTERM });
});

test("a stop signal stops, and is not undone at once", async () => {
  const child = await script("echo > $D/ready; exec sleep 1000");
  const id = identify(child);
  signalDaemon(id, SIGSTOP);
  await until(() => state(child.pid) === "T", "it is stopped");
  signalDaemon(id, 18);
  await until(() => state(child.pid) === "S", "it goes on");
});

test("a zombie keeps its number: its group can still be told", async () => {
  const child = await script("sleep 1000 & echo $! > $D/ready; exit 0");
  const grandchild = Number(written("ready"));
  await until(() => state(child.pid) === "Z", "the leader has ended");
  expect(signalDaemon(identify(child), SIGKILL)).toBe(true);
  await until(() => state(grandchild) === undefined || state(grandchild) === "Z", "the grandchild ended");
});

test("a child whose start time could not be read is signalled, somebody else's is not", async () => {
  const child = await script("sleep 1000 & echo $! > $D/ready; wait");
  const grandchild = Number(written("ready"));
  expect(signalDaemon({ pid: grandchild, startTime: UNKNOWN_START }, SIGKILL)).toBe(false);
  expect(["S", "R"]).toContain(state(grandchild)!);
  expect(signalDaemon({ pid: child.pid, startTime: UNKNOWN_START }, SIGTERM)).toBe(true);
  expect(await ended(child)).toMatchObject({ kind: "killed", signal: SIGTERM });
});

test("a held process is that process", async () => {
  const child = await script("echo > $D/ready; exec sleep 1000");
  const id = identify(child);
  expect(holdProcess({ ...id, startTime: id.startTime + 1n })).toBeNull();
  const pidfd = holdProcess(id)!;
  try {
    expect(signalPidfd(pidfd, SIGTERM)).toBe(true);
  } finally {
    closePidfd(pidfd);
  }
  await until(() => state(child.pid) === "Z", "it has ended");
  expect(holdProcess(id)).toBeNull();
});

test("no descriptor is left open", async () => {
  const child = await script("echo > $D/ready; exec sleep 1000");
  const id = identify(child);
  signalDaemon(id, 18);
  const before = openDescriptors();
  for (let round = 0; round < 20; round++) {
    signalDaemon(id, 18);
    signalDaemon({ ...id, startTime: 5n }, 18);
    holdProcess({ ...id, startTime: 5n });
  }
  expect(openedSince(before)).toEqual([]);
});
