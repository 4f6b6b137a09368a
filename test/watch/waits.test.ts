import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WaitKind } from "../../lib/config/plan/hook_plan.ts";
import { LOOP_TIMERS } from "../../lib/sys/timers.ts";
import { connectionSucceeds } from "../../lib/watch/wait_probes.ts";
import { type WaitDeps, waitFor, WaitTimeout } from "../../lib/watch/waits.ts";
import { Inotify } from "../../lib/sys/file/inotify.ts";
import { watcher } from "../../lib/sys/file/watcher.ts";
import { fixture } from "../fixtures/compile.ts";
import { FakeTimers } from "../sys/fake_timers.ts";
import { until } from "../support/until.ts";

let directory: string;
let servers: Server[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-wait-"));
  servers = [];
});
afterEach(() => {
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true, force: true });
});

let inotify: Inotify | null = null;
function makeWorld(extra: Partial<WaitDeps> = {}): WaitDeps & { lines: string[] } {
  inotify ??= new Inotify(watcher());
  const lines: string[] = [];
  return {
    inotify,
    timers: LOOP_TIMERS,
    onProblem: () => {},
    cwd: directory,
    log: (_level, text) => lines.push(text),
    lines,
    ...extra,
  };
}

/** Starts a wait and tells whether it has ended. */
function begin(
  what: WaitKind,
  target: string,
  world: WaitDeps,
  timeout = 30,
) {
  const state = { done: false, error: null as unknown };
  const control = new AbortController();
  const ended = waitFor({ what, target, timeout }, world, control.signal).then(
    () => {
      state.done = true;
    },
    (error: unknown) => {
      state.error = error;
    },
  );
  return { state, control, ended };
}

function listen(where: { path: string } | { host: string; port: number }): Promise<Server> {
  const { promise, resolve } = Promise.withResolvers<Server>();
  const server = createServer((socket) => socket.destroy());
  servers.push(server);
  server.listen(where, () => resolve(server));
  return promise;
}

test("what is there already is not waited for", async () => {
  const world = makeWorld();
  await waitFor({ what: "dir", target: directory, timeout: 1 }, world, new AbortController().signal);
  expect(world.lines[0]).toBe(`waiting for ${directory} (max 1 seconds) ...`);
  expect(world.lines[1]).toStartWith(`${directory} ready after 0.`);
});

test("a file is waited for through directories that do not exist, and a directory of its name is no file", async () => {
  const { state, ended } = begin("file", "a/file", makeWorld());
  mkdirSync(join(directory, "a/file"), { recursive: true });
  const other = begin("dir", "a/file", makeWorld());
  await other.ended;
  expect([state.done, other.state.done]).toEqual([false, true]);
  rmSync(join(directory, "a/file"), { recursive: true });
  writeFileSync(join(directory, "a/file"), "");
  await ended;
  expect(state.done).toBe(true);
});

test("a socket is waited for until somebody listens", async () => {
  const path = join(directory, "socket");
  const { state, ended } = begin("socket", path, makeWorld());
  await listen({ path });
  await ended;
  expect(state.done).toBe(true);
});

test("who accepts and hangs up at once is there", async () => {
  const path = join(directory, "socket");
  const server = Bun.spawn([fixture("listen_on"), path], { stdio: ["ignore", "ignore", "ignore"] });
  try {
    await begin("socket", path, makeWorld()).ended;
    for (let turn = 0; turn < 20; turn++) expect(await connectionSucceeds(path)).toBe(true);
  } finally {
    server.kill("SIGKILL");
    await server.exited;
  }
  expect(await connectionSucceeds(path)).toBe(false);
});

test("a socket that is there without a listener is tried again", async () => {
  const path = join(directory, "socket");
  writeFileSync(path, "");
  const attempts: string[] = [];
  const timers = new FakeTimers();
  const world = makeWorld({
    timers,
    connects: (target) => {
      attempts.push(target);
      return Promise.resolve(attempts.length === 3);
    },
  });
  const { state, ended } = begin("socket", path, world);
  for (let turn = 1; turn < 3; turn++) {
    await until(() => attempts.length === turn && timers.pending === 2);
    timers.advance(1000);
  }
  await ended;
  expect(state.done).toBe(true);
  expect(timers.pending).toBe(0);
});

test("a port is waited for", async () => {
  const first = await listen({ host: "127.0.0.1", port: 0 });
  const address = first.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  await new Promise((resolve) => first.close(resolve));
  const { state, ended } = begin("socket", `127.0.0.1:${address.port}`, makeWorld());
  await listen({ host: "127.0.0.1", port: address.port });
  await ended;
  expect(state.done).toBe(true);
});

test("an interface that exists is found, another is looked for again", async () => {
  await begin("interface", "lo", makeWorld()).ended;
  const timers = new FakeTimers();
  const names = new Set<string>();
  const { state, ended } = begin(
    "interface",
    "eth7",
    makeWorld({ timers, hasInterface: (name) => names.has(name) }),
  );
  timers.advance(100);
  expect(state.done).toBe(false);
  names.add("eth7");
  timers.advance(100);
  await ended;
  expect([state.done, timers.pending]).toEqual([true, 0]);
});

test("a mount point is looked for until something is mounted", async () => {
  const timers = new FakeTimers();
  let mounted = false;
  const seen: string[] = [];
  const { state, ended } = begin(
    "mountpoint",
    "data",
    makeWorld({
      timers,
      isMounted: (path) => {
        seen.push(path);
        return mounted;
      },
    }),
  );
  timers.advance(100);
  expect(state.done).toBe(false);
  mounted = true;
  timers.advance(100);
  await ended;
  expect([state.done, timers.pending, new Set(seen)]).toEqual([true, 0, new Set([`${directory}/data`])]);
});

test("a mount point of the system is there, also through a link; a plain directory is none", async () => {
  symlinkSync("/", join(directory, "root"));
  symlinkSync("/proc", join(directory, "link"));
  for (const path of ["/proc", "/proc/", join(directory, "root", "proc"), join(directory, "link")]) {
    const { state, ended } = begin("mountpoint", path, makeWorld());
    await ended;
    expect([path, state.done]).toEqual([path, true]);
  }
  const timers = new FakeTimers();
  const { state, ended } = begin("mountpoint", directory, makeWorld({ timers }), 1);
  timers.advance(1000);
  await ended;
  expect(String((state.error as Error).message)).toBe(
    `cannot go on without mount point "${directory}": nothing is mounted there after 1 seconds`,
  );
});

test("a wait ends with its time-out", async () => {
  const timers = new FakeTimers();
  const { state, ended } = begin("file", "never", makeWorld({ timers }), 7);
  timers.advance(7000);
  await ended;
  expect(state.error).toBeInstanceOf(WaitTimeout);
  expect(String((state.error as Error).message)).toBe(
    'cannot go on without file "never": it is not there after 7 seconds',
  );
});

test("a wait without limit ends at once when it is aborted, and leaves nothing behind", async () => {
  const timers = new FakeTimers();
  const { state, control, ended } = begin("socket", "never", makeWorld({ timers }), 0);
  expect(timers.pending).toBe(0);
  control.abort(new Error("told to stop"));
  await ended;
  expect((state.error as Error).message).toBe("told to stop");
});
