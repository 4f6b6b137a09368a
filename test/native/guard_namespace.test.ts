/** A guard as the core uses it: daemons born in its namespace, known by their pids, gone with it. */
import { expect } from "bun:test";
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuardedPlace, underGuard } from "../../lib/legion/guard/place.ts";
import { type ChildSpec, CLONE_NEW } from "../../lib/sys/child/child_spec.ts";
import { closeFd } from "../../lib/sys/file/descriptor.ts";
import { isSysError } from "../../lib/sys/errno.ts";
import { openDirectory } from "../../lib/sys/file/files.ts";
import { Guard, type GuardOptions } from "../../lib/sys/child/guard.ts";
import { bootTime } from "../../lib/sys/process/identity.ts";
import { openNamespace } from "../../lib/sys/child/namespaces.ts";
import { reapDead } from "../../lib/sys/process/reap.ts";
import { spawnChild, type SpawnedChild } from "../../lib/sys/child/spawn.ts";
import { until } from "../e2e/wait.ts";
import { fixture } from "../fixtures/compile.ts";
import { readLives } from "../fixtures/lives.ts";
import { PLAIN } from "../sys/child/plain.ts";
import { needsRoot, testUnless } from "./build.ts";

const SIGTERM = 15;
const KEEP_TIME = fixture("keep_time");

class Guarded implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "reeve-guarded-"));
  readonly guard: Guard;
  readonly told: number[] = [];
  isReady = false;
  ended: string | null | undefined = undefined;

  constructor(milliseconds: number, within: GuardOptions | null = null) {
    this.guard = new Guard(bootTime() + milliseconds, within, {
      ready: () => this.isReady = true,
      told: (pid) => this.told.push(pid),
      ended: (problem) => this.ended = problem,
    });
  }

  async ready(): Promise<GuardedPlace> {
    await until("the guard is ready", () => this.isReady);
    return new GuardedPlace(this.guard.place!, null);
  }

  async end(): Promise<string | null> {
    await until("the guard has ended", () => {
      reapDead(); // a namespace is empty once its dead are reaped, and those are our children
      return this.ended !== undefined;
    });
    return this.ended!;
  }

  keepTime(place: GuardedPlace, ...words: string[]): SpawnedChild {
    return spawnChild(this.spec(place, KEEP_TIME, this.directory, ...words));
  }

  spec(place: GuardedPlace, ...words: string[]): ChildSpec {
    return {
      ...PLAIN,
      args: words,
      file: { path: words[0]!, searchPath: "/usr/bin:/bin" },
      confinement: place.confine(null),
    };
  }

  [Symbol.dispose](): void {
    this.guard.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const check = (name: string, body: () => Promise<void>): void => testUnless(needsRoot(), name, body);

check("a daemon is born in the namespace, is our child, and sees its own /proc", async () => {
  using scene = new Guarded(60_000);
  const place = await scene.ready();
  const daemon = scene.keepTime(place);
  const life = await until("it keeps time", () => readLives(scene.directory)[0] ?? null);
  expect(life.pid).toBeGreaterThan(1);
  expect(life.pid).toBeLessThan(20);
  expect(place.pidInside(daemon.pid)).toBe(life.pid);
  expect(place.translatePid(life.pid)).toBe(daemon.pid);
  expect(place.pidInside(process.pid)).toBeNull();
  expect(place.translatePid(999_999)).toBeNull();
  const seen = join(scene.directory, "seen");
  spawnChild(scene.spec(place, "/bin/sh", "-c", `readlink /proc/self > ${seen}.1; mv ${seen}.1 ${seen}`));
  const inside = await until("it has looked", () => textOf(seen));
  expect(Number(inside)).toBeLessThan(20);
});

check("at the deadline it is dead, and nothing can be born there any more", async () => {
  using scene = new Guarded(500);
  const deadline = bootTime() + 500;
  const place = await scene.ready();
  scene.keepTime(place, "run", "ignore");
  await until("it keeps time", () => readLives(scene.directory)[0] ?? null);
  const late = place.confine(null);
  expect(await scene.end()).toBeNull();
  expect(scene.guard.place).toBeNull();
  expect(readLives(scene.directory)[0]!.last).toBeLessThan(deadline + 100);
  expect(scene.guard.push(deadline + 60_000)).toBe(false);
  // The descriptor is closed by now; one that somebody kept leads into a namespace that is dead.
  expect(() => spawnChild({ ...scene.spec(place, "/bin/true"), confinement: late })).toThrow();
});

check("a namespace that somebody still holds open takes nobody after the deadline", async () => {
  using scene = new Guarded(60_000);
  const place = await scene.ready();
  const held = openNamespace(place.initPid, "pid");
  try {
    scene.guard.kill();
    await scene.end();
    let error: unknown = null;
    try {
      spawnChild({
        ...scene.spec(place, "/bin/true"),
        confinement: { ...place.confine(null), pidNamespace: held },
      });
    } catch (caught) {
      error = caught;
    }
    expect(isSysError(error, "ENOMEM")).toBe(true);
  } finally {
    closeFd(held);
  }
});

check("the stop signal reaches a daemon that it watches, its grace before the deadline", async () => {
  using scene = new Guarded(700);
  const place = await scene.ready();
  const daemon = scene.keepTime(place);
  expect(scene.guard.watch(daemon.pid, SIGTERM, 400)).toBe(true);
  await until("it was told", () => scene.told.length > 0);
  expect(scene.told).toEqual([daemon.pid]);
  expect(await scene.end()).toBeNull();
});

check("within another PID namespace, as in a jail", async () => {
  using outer = new Guarded(60_000);
  const outside = await outer.ready();
  using scene = new Guarded(60_000, { pidNamespace: outer.guard.place!.pidNamespaceFd, join: [] });
  await until("the inner guard is ready", () => scene.isReady);
  const place = new GuardedPlace(scene.guard.place!, null);
  const daemon = scene.keepTime(place);
  const life = await until("it keeps time", () => readLives(scene.directory)[0] ?? null);
  expect(place.pidInside(daemon.pid)).toBe(life.pid);
  expect(outside.pidInside(daemon.pid)).toBeNull();
  outer.guard.kill(); // the jail ends, and all in it
  await outer.end();
  await scene.end();
});

check(
  "a deadline that has passed, and a namespace that is none, are ends with a reason or without",
  async () => {
    using late = new Guarded(-5);
    expect(await late.end()).toBeNull();
    expect(late.isReady).toBe(false);
    const root = openDirectory("/");
    using wrong = new Guarded(60_000, { pidNamespace: root, join: [] });
    expect(await wrong.end()).toBe("cannot make a PID namespace for the guard: bad file descriptor");
    closeFd(root);
  },
);

check("whoever is root in the namespace finds nothing of the host behind its PID 1", async () => {
  using scene = new Guarded(60_000);
  const place = await scene.ready();
  const seen = join(scene.directory, "seen");
  const look = "ls -A /proc/1/root/ /proc/1/root/.. /proc/1/cwd/ /proc/1/fd; readlink /proc/1/exe";
  spawnChild(scene.spec(place, "/bin/sh", "-c", `{ ${look}; } > ${seen}.1 2>&1; mv ${seen}.1 ${seen}`));
  const found = await until("it has looked", () => textOf(seen));
  expect(found.split("\n").filter((line) => line !== "" && !/^\/proc\/1\/|^\/memfd:/.test(line))).toEqual([]);
});

check("PID 1 joins the namespaces of a jail, which are not changed by that", async () => {
  const holder = Bun.spawn(["unshare", "--mount", "--uts", "--net", "sleep", "1000"], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  try {
    const inode = (pid: number, name: string): string => readlinkSync(`/proc/${pid}/ns/${name}`);
    // Before that it has them, and is not yet done with the mounts in them.
    await until(
      "the holder has its namespaces",
      () => readFileSync(`/proc/${holder.pid}/comm`, "utf8") === "sleep\n",
    );
    const before = readFileSync(`/proc/${holder.pid}/mountinfo`, "utf8");
    const names = ["mnt", "uts", "net"] as const;
    const joined = names.map((name) => ({ fd: openNamespace(holder.pid, name), flags: CLONE_NEW[name] }));
    using scene = new Guarded(60_000, { pidNamespace: null, join: joined });
    const place = await scene.ready();
    for (const { fd } of joined) closeFd(fd);
    expect(inode(place.initPid, "net")).toBe(inode(holder.pid, "net"));
    expect(inode(place.initPid, "uts")).toBe(inode(holder.pid, "uts"));
    expect(inode(place.initPid, "mnt")).not.toBe(inode(process.pid, "mnt"));
    expect(readFileSync(`/proc/${holder.pid}/mountinfo`, "utf8")).toBe(before);
  } finally {
    holder.kill(9);
  }
});

check("a daemon with a PID namespace of its own within is told to stop as well", async () => {
  using scene = new Guarded(600);
  const place = await scene.ready();
  const nested = spawnChild({
    ...scene.spec(place, KEEP_TIME, scene.directory),
    confinement: { ...place.confine(null), newPid: true },
  });
  await until("it keeps time", () => readLives(scene.directory)[0] ?? null);
  scene.guard.watch(nested.pid, SIGTERM, 300);
  await until("it was told", () => scene.told.length > 0);
  expect(await scene.end()).toBeNull();
});

check("a daemon that wants to join another PID namespace cannot have a guard", async () => {
  using scene = new Guarded(60_000);
  const place = await scene.ready();
  const other = { ...place.confine(null), pidNamespace: 77 };
  expect(() => underGuard(other, scene.guard.place!, null)).toThrow("cannot join a PID namespace with setns");
});

function textOf(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
