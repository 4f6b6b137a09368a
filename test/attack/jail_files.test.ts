/**
 * A jail that exchanges directories for links out of it, as fast as it can, while reeve reads and writes
 * there as root: nothing outside changes, not even the time at which it was last changed, and no descriptor
 * is lost.
 */
import { afterEach, beforeEach, expect } from "bun:test";
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RootedTree } from "../../lib/jail/rooted_tree.ts";
import { openLogFile } from "../../lib/log/log_file_open.ts";
import { LOOP_TIMERS } from "../../lib/sys/timers.ts";
import { performAction, type SystemAction } from "../../lib/hooks/actions.ts";
import { PathWatch } from "../../lib/watch/path_watch.ts";
import { ownersOfLinks } from "../../lib/pidfile/reader.ts";
import { prepareFile } from "../../lib/sys/file/atomic_file.ts";
import { closeFd } from "../../lib/sys/file/descriptor.ts";
import { openDirectory } from "../../lib/sys/file/files.ts";
import { Inotify } from "../../lib/sys/file/inotify.ts";
import { watcher } from "../../lib/sys/file/watcher.ts";
import { fixture } from "../fixtures/compile.ts";
import { rootTest } from "../support/need_root.ts";
import { openDescriptors, openedSince } from "../support/descriptors.ts";
import { until } from "../support/until.ts";

let directory: string;
let root: number;
let attacker: Bun.Subprocess;

/**
 * root/way and root/link, which leads out, change places all the time; so do root/flat/file and a link to a
 * file outside.
 */
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "reeve-attack-"));
  for (const name of ["root/way", "root/flat", "outside"]) {
    mkdirSync(join(directory, name), { recursive: true });
  }
  for (const name of ["root/way/file", "root/flat/file", "outside/file"]) {
    writeFileSync(join(directory, name), "as it was");
  }
  symlinkSync(join(directory, "outside"), join(directory, "root/link"));
  symlinkSync(join(directory, "outside/file"), join(directory, "root/flat/link"));
  root = openDirectory(join(directory, "root"));
  const pairs = ["root/way", "root/link", "root/flat/file", "root/flat/link"].map((name) =>
    join(directory, name)
  );
  attacker = Bun.spawn([fixture("exchange_paths"), ...pairs], { stdio: ["ignore", "ignore", "ignore"] });
  const seen = new Set<boolean>();
  await until(() => seen.add(lstatSync(pairs[0]!).isSymbolicLink()).size === 2);
});
afterEach(async () => {
  attacker.kill("SIGKILL");
  await attacker.exited;
  closeFd(root);
  rmSync(directory, { recursive: true, force: true });
});

/** Everything outside, with what a change of any kind would change. */
function outside(): string {
  const path = join(directory, "outside");
  const lines = ["", ...readdirSync(path).sort()].map((name) => {
    const { mode, uid, gid, size, nlink, ctimeNs, ino } = lstatSync(join(path, name), { bigint: true });
    return [name, mode, uid, gid, size, nlink, ctimeNs, ino].join(" ");
  });
  return lines.join("\n");
}

/**
 * Does it again and again until it has gone well and has failed, both often; some can only do one of the two.
 */
function torment(action: () => void, most = 3000): { well: number; failed: number } {
  const count = { well: 0, failed: 0 };
  const end = performance.now() + most;
  while (performance.now() < end && (count.well < 100 || count.failed < 100)) {
    try {
      action();
      count.well++;
    } catch {
      count.failed++;
    }
  }
  return count;
}

const ACTIONS: readonly SystemAction[] = [
  { kind: "write", path: "/way/file", text: "written", append: false, newline: false },
  { kind: "write", path: "/flat/file", text: "more", append: true, newline: true },
  { kind: "create", path: "/way/created" },
  { kind: "mkdir", path: "/way/made" },
  { kind: "unlink", path: "/way/created" },
  { kind: "chmod", path: "/way/file", mode: 0o600 },
  { kind: "chmod", path: "/flat/file", mode: 0o600 },
  { kind: "sticky", path: "/way" },
  { kind: "chown", path: "/way/file", owner: "54321", group: "54321", follow: true },
  { kind: "chown", path: "/flat/link", owner: "54321", group: "54321", follow: false },
  { kind: "writefifo", path: "/flat/file", text: "x" },
];

rootTest("hook actions", () => {
  const before = outside();
  const opened = openDescriptors();
  const ends = ACTIONS.map((action) =>
    torment(() => performAction(action, { cwd: "/", umask: 0o022, root }), 150)
  );
  expect(outside()).toBe(before);
  expect(openedSince(opened)).toEqual([]);
  // The attack has met them on both ways.
  expect(ends.reduce((sum, { failed }) => sum + failed, 0)).toBeGreaterThan(200);
  expect(ends.reduce((sum, { well }) => sum + well, 0)).toBeGreaterThan(200);
});

rootTest("a pidfile that reeve writes", () => {
  const before = outside();
  const opened = openDescriptors();
  const tree = new RootedTree(() => root);
  const { well, failed } = torment(() => {
    const file = prepareFile("/way/pid", 12, { mode: 0o644, root });
    try {
      if (ownersOfLinks("/way", file.directory, tree) === null) throw new Error("it was exchanged");
      file.commit(new TextEncoder().encode("12\n"));
    } finally {
      file.abort();
    }
  });
  expect(outside()).toBe(before);
  expect(openedSince(opened)).toEqual([]);
  expect([well > 50, failed > 50]).toEqual([true, true]);
  attacker.kill("SIGKILL");
  const left = ["way", "link"].flatMap((name) => readdirSync(join(directory, "root", name)));
  expect(left.filter((name) => name.startsWith(".reeve-"))).toEqual([]);
});

rootTest("a log file", () => {
  const before = outside();
  const opened = openDescriptors();
  const options = {
    owner: { uid: 54321, gid: 54321 },
    asRoot: true,
    setBlocking: () => {},
    tree: new RootedTree(() => root),
  };
  for (const path of ["/way/log", "/flat/file"]) {
    const { well, failed } = torment(() => {
      const fd = openLogFile(path, options);
      writeSync(fd, "line\n");
      closeSync(fd);
    });
    expect([well > 50, failed > 50]).toEqual([true, true]);
  }
  expect(outside()).toBe(before);
  expect(openedSince(opened)).toEqual([]);
});

rootTest("a watch: it hears nothing of what happens outside, and takes its rests", async () => {
  const inotify = new Inotify(watcher());
  const problems: string[] = [];
  const watched: string[] = [];
  const world = {
    inotify: {
      watch: (path: string, mask: number, notify: Parameters<Inotify["watch"]>[2]) => {
        watched.push(readlinkSync(path));
        return inotify.watch(path, mask, notify);
      },
    },
    timers: LOOP_TIMERS,
    onProblem: (text: string) => void problems.push(text),
    tree: new RootedTree(() => root),
  };
  let changes = 0;
  const watch = new PathWatch("/way/file", world, () => void changes++, { anyEvent: true, settle: 0 });
  const started = process.cpuUsage();
  const began = performance.now();
  await until(() => performance.now() - began > 500 && watched.length > 50);
  const { user, system } = process.cpuUsage(started);
  const share = (user + system) / 1000 / (performance.now() - began);
  watch.remove();
  expect(watched.filter((path) => !path.startsWith(join(directory, "root")))).toEqual([]);
  expect(share).toBeLessThan(0.9);
});
