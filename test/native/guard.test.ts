/**
 * The helper's role guard, run by hand and through lib/sys/child/guard.ts: what is left of a namespace when
 * its time is over.
 */
import { afterAll, afterEach, describe, expect } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { closeFd, openPipe, readInto, writeAll } from "../../lib/sys/file/descriptor.ts";
import { bootTime } from "../../lib/sys/process/identity.ts";
import { memfdOf } from "../../lib/sys/file/memfd.ts";
import { descendants, identify, isAlive, type ProcessId, signal } from "../e2e/process.ts";
import { until } from "../e2e/wait.ts";
import { fixture } from "../fixtures/compile.ts";
import { type Life, readLives } from "../fixtures/lives.ts";
import { needsRoot, run, testUnless } from "./build.ts";
import { FREESTANDING, type HelperBuild, SANITIZED } from "./helper.ts";

const SIGKILL = 9, SIGUSR1 = 10, SIGTERM = 15, SIGSTOP = 19;
const PUSH = 1, WATCH = 2, HUSH = 3;
const READY = 1, FAILED = 2, TOLD = 3;
const ROOM = mkdtempSync(join(tmpdir(), "reeve-guard-"));
const NAMESPACES = needsRoot() ??
  (run(["unshare", "--pid", "--fork", "true"]).status === 0 ? null : "needs PID namespaces");

const started = new Set<ProcessId>();
afterEach(() => {
  for (const id of started) {
    const below = descendants(id.pid);
    signal(id, SIGKILL);
    for (const one of below) signal(one, SIGKILL);
  }
  started.clear();
});
afterAll(() => rmSync(ROOM, { recursive: true, force: true }));

// Compiled and built before anything is timed.
const KEEP_TIME = fixture("keep_time");
for (const build of [FREESTANDING, SANITIZED]) if (build.missing() === null) build.command("reeve-guard");

let serial = 0;
const fresh = (): string => {
  const path = join(ROOM, `${++serial}`);
  mkdirSync(path);
  return path;
};

function track(pid: number): ProcessId {
  const id = identify(pid);
  if (id === null) throw new Error(`pid ${pid} was gone before it could be looked at`);
  started.add(id);
  return id;
}

/** A guard that a test drives as the core does. Times: milliseconds of the boot-time clock. */
class Driven {
  readonly id: ProcessId;
  readonly exited: Promise<number>;
  readonly #commands: number;
  readonly #news: number;
  readonly #seen: { kind: number; value: number }[] = [];

  constructor(build: HelperBuild, deadline: number, magic = 0x31444752) {
    const commands = openPipe({ nonblock: true });
    const news = openPipe({ nonblock: true });
    const bytes = new DataView(new ArrayBuffer(96));
    bytes.setUint32(0, magic, true);
    bytes.setInt32(4, 4, true);
    bytes.setInt32(8, 5, true);
    bytes.setInt32(12, -1, true);
    bytes.setBigUint64(16, BigInt(Math.round(deadline * 1e6)), true);
    const request = memfdOf("request", new Uint8Array(bytes.buffer));
    const { words, argv0 } = build.command("reeve-guard");
    const child = Bun.spawn(words, {
      argv0,
      stdio: ["ignore", "ignore", "inherit", request, commands.reader, news.writer],
      env: {},
    });
    for (const fd of [request, commands.reader, news.writer]) closeFd(fd);
    this.#commands = commands.writer;
    this.#news = news.reader;
    this.id = track(child.pid);
    this.exited = child.exited.then(() => child.signalCode === null ? child.exitCode ?? -1 : 128 + SIGKILL);
  }

  news(kind: number): number | null {
    const bytes = new Uint8Array(8 * 64);
    const count = readInto(this.#news, bytes) ?? 0;
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < count; at += 8) {
      this.#seen.push({ kind: view.getUint32(at, true), value: view.getInt32(at + 4, true) });
    }
    return this.#seen.find((one) => one.kind === kind)?.value ?? null;
  }

  /** PID 1 of its namespace. */
  async ready(): Promise<number> {
    return await until("the guard is ready", () => this.news(READY), {
      explain: () => `errno ${this.news(FAILED)}`,
    });
  }

  command(kind: number, pid: number, number: number, milliseconds: number): void {
    const bytes = new DataView(new ArrayBuffer(24));
    bytes.setUint32(0, kind, true);
    bytes.setInt32(4, pid, true);
    bytes.setUint32(8, number, true);
    bytes.setBigUint64(16, BigInt(Math.round(milliseconds * 1e6)), true);
    writeAll(this.#commands, new Uint8Array(bytes.buffer));
  }

  /** What a core that is gone no longer holds. */
  hangUp(): void {
    closeFd(this.#commands);
  }
}

/** Runs a fixture in the namespace of `init`; resolves with its pid as seen from here. */
async function inside(init: number, ...words: string[]): Promise<ProcessId> {
  const nsenter = Bun.spawn(["nsenter", `--pid=/proc/${init}/ns/pid`, ...words], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  track(nsenter.pid);
  return await until("the daemon runs", () => {
    const child = descendants(nsenter.pid).find((one) =>
      one.parent === nsenter.pid && one.name !== "nsenter"
    );
    return child === undefined ? null : identify(child.pid);
  });
}

const untilLife = (directory: string): Promise<Life> =>
  until("it keeps time", () => readLives(directory)[0] ?? null);

for (const build of [FREESTANDING, SANITIZED]) {
  const check = (name: string, body: () => Promise<void>): void =>
    testUnless(build.missing() ?? NAMESPACES, name, body);

  describe(`role guard, ${build.name}`, () => {
    check("what ignores every signal and has left its session is dead at the deadline", async () => {
      const directory = fresh();
      const deadline = bootTime() + 700;
      const guard = new Driven(build, deadline);
      const init = await guard.ready();
      const first = identify(init)!;
      const words = [`--pid=/proc/${init}/ns/pid`, "setsid", "-f", KEEP_TIME, directory, "run", "ignore"];
      track(Bun.spawn(["nsenter", ...words], { stdio: ["ignore", "ignore", "ignore"] }).pid);
      const life = await untilLife(directory);
      expect(life.last).toBeGreaterThan(0);
      expect(await guard.exited).toBe(128 + SIGKILL);
      await until("PID 1 is dead", () => !isAlive(first));
      const end = readLives(directory)[0]!.last;
      expect(end).toBeGreaterThan(deadline - 100);
      expect(end).toBeLessThan(deadline + 100);
    });

    check("a guard that is stopped dies at the deadline, and all with it", async () => {
      const directory = fresh();
      const deadline = bootTime() + 600;
      const guard = new Driven(build, deadline);
      const init = await guard.ready();
      await inside(init, KEEP_TIME, directory, "run", "ignore");
      const first = identify(init)!;
      await untilLife(directory);
      signal(guard.id, SIGSTOP);
      guard.command(PUSH, 0, 0, deadline + 60_000); // nobody reads it
      expect(await guard.exited).toBe(128 + SIGKILL);
      await until("PID 1 is dead", () => !isAlive(first));
      expect(readLives(directory)[0]!.last).toBeLessThan(deadline + 100);
    });

    check("the deadline moves on when it is pushed, and never back", async () => {
      const deadline = bootTime() + 300;
      const guard = new Driven(build, deadline);
      await guard.ready();
      guard.command(PUSH, 0, 0, deadline + 300);
      guard.command(PUSH, 0, 0, deadline - 200);
      expect(await guard.exited).toBe(128 + SIGKILL);
      const late = bootTime() - (deadline + 300);
      expect(late).toBeGreaterThan(-50);
    });

    check("a daemon hears its stop signal its grace before the deadline", async () => {
      const directory = fresh();
      const log = join(directory, "signals");
      const deadline = bootTime() + 900;
      const guard = new Driven(build, deadline);
      const init = await guard.ready();
      const daemon = await inside(init, fixture("record_signals"), log);
      await until("it records", () => textOf(log).includes("\n"));
      guard.command(WATCH, daemon.pid, SIGUSR1, 600);
      await until("it has heard of it", () => textOf(log).includes(`signal ${SIGUSR1}`));
      const rest = deadline - bootTime();
      expect(rest).toBeLessThan(610);
      expect(rest).toBeGreaterThan(100);
      expect(guard.news(TOLD)).toBe(daemon.pid);
      expect(isAlive(daemon)).toBe(true);
      expect(await guard.exited).toBe(128 + SIGKILL);
      await until("it is gone", () => !isAlive(daemon));
    });

    check("a daemon that the core has told to stop is not told again, and killed all the same", async () => {
      const directory = fresh();
      const log = join(directory, "signals");
      const guard = new Driven(build, bootTime() + 500);
      const init = await guard.ready();
      const daemon = await inside(init, fixture("record_signals"), log);
      await until("it records", () => textOf(log).includes("\n"));
      guard.command(WATCH, daemon.pid, SIGUSR1, 200);
      guard.command(HUSH, 0, 0, 0);
      expect(await guard.exited).toBe(128 + SIGKILL);
      await until("it is gone", () => !isAlive(daemon));
      expect(textOf(log)).not.toContain("signal");
    });

    check("the core is gone: each daemon is told at once, and the guard ends with the last", async () => {
      const directory = fresh();
      const guard = new Driven(build, bootTime() + 60_000);
      const init = await guard.ready();
      const polite = await inside(init, fixture("hang"), join(directory, "a"));
      const other = await inside(init, KEEP_TIME, directory, "run", "ignore"); // nobody watches it
      guard.command(WATCH, polite.pid, SIGTERM, 30_000);
      await untilLife(directory);
      guard.hangUp();
      expect(await guard.exited).toBe(0);
      await until("both are gone", () => !isAlive(polite) && !isAlive(other));
    });

    check("the core is gone: what ignores the stop signal is killed after its grace", async () => {
      const directory = fresh();
      const guard = new Driven(build, bootTime() + 60_000);
      const init = await guard.ready();
      const deaf = await inside(init, KEEP_TIME, directory, "run", "ignore");
      guard.command(WATCH, deaf.pid, SIGTERM, 300);
      await until(
        "the guard knows it",
        () => textOf(`/proc/${guard.id.pid}/fd`) !== null && watches(guard.id.pid) > 0,
      );
      const began = bootTime();
      guard.hangUp();
      expect(await guard.exited).toBe(128 + SIGKILL);
      expect(bootTime() - began).toBeGreaterThan(290);
      await until("it is gone", () => !isAlive(deaf));
    });

    check("a process outside of the namespace is never signalled, whatever the core says", async () => {
      const directory = fresh();
      const log = join(directory, "signals");
      const bystander = Bun.spawn([fixture("record_signals"), log], {
        stdio: ["ignore", "ignore", "ignore"],
      });
      track(bystander.pid);
      await until("it records", () => textOf(log).includes("\n"));
      const guard = new Driven(build, bootTime() + 400);
      const init = await guard.ready();
      for (
        const pid of [bystander.pid, process.pid, 1, 0, -1, -bystander.pid, 999_999_999, init, guard.id.pid]
      ) {
        guard.command(WATCH, pid, SIGUSR1, 60_000);
      }
      guard.command(WATCH, bystander.pid, 0, 60_000);
      guard.command(WATCH, bystander.pid, 65, 60_000);
      guard.command(77, bystander.pid, SIGUSR1, 60_000);
      expect(await guard.exited).toBe(128 + SIGKILL);
      expect(textOf(log)).not.toContain("signal");
      expect([null, init]).toContain(guard.news(TOLD)); // its own PID 1 is a member, and ignores it
    });

    check(
      "a guard that is killed takes everything with it, and nothing can be born there any more",
      async () => {
        const directory = fresh();
        const guard = new Driven(build, bootTime() + 60_000);
        const init = await guard.ready();
        const first = identify(init)!;
        const daemon = await inside(init, KEEP_TIME, directory, "run", "ignore");
        signal(guard.id, SIGKILL);
        await until("all is gone", () => !isAlive(daemon) && !isAlive(first));
        expect(run(["nsenter", `--pid=/proc/${init}/ns/pid`, "true"]).status).not.toBe(0);
      },
    );

    check("PID 1 cannot be killed from inside, and its end ends the guard", async () => {
      const guard = new Driven(build, bootTime() + 60_000);
      const init = await guard.ready();
      run(["nsenter", `--pid=/proc/${init}/ns/pid`, "sh", "-c", "kill -9 1; kill -TERM 1; kill -STOP 1"]);
      expect(identify(init)).not.toBeNull();
      signal(identify(init)!, SIGKILL);
      expect(await guard.exited).toBe(1);
    });

    check("a deadline that has passed at the start is the end at once", async () => {
      const guard = new Driven(build, bootTime() - 1000);
      expect(await guard.exited).toBe(128 + SIGKILL);
    });

    check("what is no request is refused", async () => {
      const guard = new Driven(build, bootTime() + 1000, 0x12345678);
      expect(await guard.exited).toBe(125);
      expect(guard.news(FAILED)).toBeNull();
    });

    check("keeps nothing open of what it was started with", async () => {
      const guard = new Driven(build, bootTime() + 60_000);
      const init = await guard.ready();
      const open = run(["ls", "-l", `/proc/${guard.id.pid}/fd`]).output;
      expect(open).not.toMatch(/\/dev\/(null|pts)/);
      await until("PID 1 has let go of everything", () => openFiles(init) === 0);
    });
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function openFiles(pid: number): number {
  return run(["ls", `/proc/${pid}/fd`]).output.split("\n").filter((line) => /^\d+$/.test(line)).length;
}

/** Pidfds that it holds besides that of its PID 1. */
function watches(pid: number): number {
  return run(["ls", "-l", `/proc/${pid}/fd`]).output.split("\n").filter((line) => line.includes("pidfd"))
    .length - 1;
}
