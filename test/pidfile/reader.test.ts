/** Real pidfiles: files that cannot be one, links, and what root must not be led to. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JudgeOptions } from "../../lib/daemon/pidfile.ts";
import { readPidfile } from "../../lib/pidfile/reader.ts";
import { holdProcess } from "../../lib/process/signaller.ts";
import { closePidfd } from "../../lib/sys/process/pidfd.ts";
import { readStat } from "../../lib/sys/process/process_table.ts";
import type { SpawnedChild } from "../../lib/sys/child/spawn.ts";
import { fixture } from "../fixtures/compile.ts";
import { endAll, start } from "../sys/process/children.ts";
import { PLAIN } from "../sys/child/plain.ts";
import { rootTest } from "../support/need_root.ts";
import { until } from "../support/until.ts";

const NOBODY = 65_534;
let directory: string;
let context: JudgeOptions;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-reader-"));
  chmodSync(directory, 0o755);
  const selfUid = process.getuid?.() ?? 0;
  // The sleeper is a child of this process, which a supervisor would trust for that alone.
  context = { selfUid, selfPid: 0x7fff_ffff, daemonUid: selfUid, known: null };
});
afterEach(async () => {
  await endAll();
  rmSync(directory, { recursive: true, force: true });
});

const at = (...names: string[]): string => join(directory, ...names);

/** Running, no longer being set up. */
async function sleeper(uid: number | null = null): Promise<SpawnedChild> {
  const child = start({
    ...PLAIN,
    args: ["sleep", "1000"],
    file: { path: "/bin/sleep", searchPath: null },
    uid,
    gid: uid,
    groups: uid === null ? null : [],
  });
  await until(() => readStat(child.pid)?.comm === "sleep");
  return child;
}

/** "valid PID" or what was found. */
function look(path: string, change: Partial<JudgeOptions> = {}): string {
  const verdict = readPidfile(path, { ...context, ...change });
  if (verdict.valid) return `valid ${verdict.process.pid}`;
  return verdict.found.replaceAll(directory, "");
}

test("a pidfile of a running process is valid, with the process's start time", async () => {
  const { pid } = await sleeper();
  writeFileSync(at("p"), `${pid}\n`);
  const verdict = readPidfile(at("p"), context);
  expect(verdict).toEqual({
    valid: true,
    process: { pid, startTime: readStat(pid)!.startTime },
    unfinished: false,
  });
});

test("no file, no directory, no right to it: said in words", () => {
  expect(look(at("p"))).toBe(`pidfile "/p" does not exist`);
  expect(look(at("no", "p"))).toBe(`pidfile "/no/p" does not exist`);
  writeFileSync(at("file"), "");
  expect(look(at("file", "p"))).toContain("cannot be opened");
});

test("a FIFO, a directory, a device, a socket: none is opened, none holds reeve up", () => {
  expect(Bun.spawnSync(["mkfifo", at("fifo")]).success).toBe(true);
  mkdirSync(at("directory"));
  const server = Bun.listen({ unix: at("socket"), socket: { data() {} } });
  try {
    for (const path of [at("fifo"), at("directory"), at("socket"), "/dev/zero", "/dev/tty"]) {
      expect(readPidfile(path, context)).toEqual({
        valid: false,
        found: `pidfile "${path}" is not a regular file`,
        unfinished: false,
      });
    }
  } finally {
    server.stop(true);
  }
});

test("a sparse file of a gigabyte is read no further than a pid goes", () => {
  writeFileSync(at("p"), `${process.pid}`);
  truncateSync(at("p"), 1 << 30);
  const before = process.memoryUsage().rss;
  expect(look(at("p"))).toBe(`valid ${process.pid}`);
  expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
});

test("an empty file is unfinished, a file of anything else has no pid", () => {
  writeFileSync(at("p"), "");
  expect(readPidfile(at("p"), context).unfinished).toBe(true);
  writeFileSync(at("p"), new Uint8Array(300).fill(0xff));
  expect(look(at("p"))).toBe(`pidfile "/p" does not begin with a pid`);
});

test("a pid that is nobody's, and a process that only got the number", async () => {
  writeFileSync(at("p"), "4194304\n");
  expect(look(at("p"))).toContain("does not exist");
  const { pid } = await sleeper();
  writeFileSync(at("p"), `${pid}\n`);
  utimesSync(at("p"), 1000, 1000);
  expect(look(at("p"))).toContain("started after the pidfile was written");
});

test("a thread's id is no process's", () => {
  const thread = readdirSync("/proc/self/task").map(Number).find((id) => id !== process.pid)!;
  writeFileSync(at("p"), `${thread}\n`);
  expect(look(at("p"))).toContain(`names pid ${thread}, which does not exist`);
});

test("a dead child that nobody has reaped is not running", async () => {
  const child = start(PLAIN);
  await until(() => readStat(child.pid)?.state === "Z");
  writeFileSync(at("p"), `${child.pid}\n`);
  expect(look(at("p"))).toContain("has ended (zombie)");
});

test("a daemon whose first thread has ended while others go on is running", async () => {
  const program = fixture("end_first_thread");
  const child = start({ ...PLAIN, args: [program], file: { path: program, searchPath: null } });
  await until(() => /^State:\tZ/m.test(readFileSync(`/proc/${child.pid}/status`, "utf8")));
  writeFileSync(at("p"), `${child.pid}\n`);
  expect(look(at("p"))).toBe(`valid ${child.pid}`);
  const pidfd = holdProcess({ pid: child.pid, startTime: readStat(child.pid)!.startTime });
  expect(pidfd).not.toBeNull();
  closePidfd(pidfd!);
});

test("links of one's own are followed: to the file, to its directory, one after the other", () => {
  mkdirSync(at("real"));
  writeFileSync(at("real", "p"), `${process.pid}\n`);
  symlinkSync("real", at("directory"));
  symlinkSync("directory/../real/p", at("relative"));
  symlinkSync(at("relative"), at("absolute"));
  for (const path of [at("directory", "p"), at("relative"), at("absolute"), at("real", "..", "real", "p")]) {
    expect(look(path)).toBe(`valid ${process.pid}`);
  }
});

test("a relative path is relative to the current directory", () => {
  const before = process.cwd();
  writeFileSync(at("p"), `${process.pid}\n`);
  process.chdir(directory);
  try {
    expect(look("p")).toBe(`valid ${process.pid}`);
    expect(look("./p")).toBe(`valid ${process.pid}`);
  } finally {
    process.chdir(before);
  }
});

test("a loop of links is an error, not a hang", () => {
  symlinkSync("b", at("a"));
  symlinkSync("a", at("b"));
  expect(look(at("a"))).toContain("cannot be opened");
});

test("a file that is exchanged again and again is never half of two", async () => {
  const { pid } = await sleeper();
  let seen = 0;
  for (let round = 0; round < 300; round++) {
    writeFileSync(at("new"), round % 2 === 0 ? `${pid}\n` : `${process.pid}\n`);
    renameSync(at("new"), at("p"));
    const verdict = readPidfile(at("p"), context);
    if (verdict.valid) {
      seen += 1;
      expect([pid, process.pid]).toContain(verdict.process.pid);
    }
  }
  expect(seen).toBe(300);
});

rootTest("a link of the daemon's user to root's pidfile does not lead to root's process", async () => {
  const victim = await sleeper();
  mkdirSync(at("run"));
  writeFileSync(at("run", "sshd.pid"), `${victim.pid}\n`);
  mkdirSync(at("daemon"));
  chownSync(at("daemon"), NOBODY, NOBODY);
  symlinkSync(at("run", "sshd.pid"), at("daemon", "p"));
  lchownSync(at("daemon", "p"), NOBODY, NOBODY);
  const followed = look(at("daemon", "p"), { daemonUid: NOBODY });
  expect(followed).toContain("a symbolic link on the way to it belongs to uid 65534, the process to uid 0");
});

rootTest("nor does a link in the place of the directory", async () => {
  const victim = await sleeper();
  mkdirSync(at("run"));
  writeFileSync(at("run", "p"), `${victim.pid}\n`);
  symlinkSync("run", at("link"));
  lchownSync(at("link"), NOBODY, NOBODY);
  expect(look(at("link", "p"), { daemonUid: NOBODY })).toContain("a symbolic link on the way");
});

rootTest("nor a hard link", async () => {
  const victim = await sleeper();
  writeFileSync(at("sshd.pid"), `${victim.pid}\n`);
  mkdirSync(at("daemon"));
  chownSync(at("daemon"), NOBODY, NOBODY);
  linkSync(at("sshd.pid"), at("daemon", "p"));
  expect(look(at("daemon", "p"), { daemonUid: NOBODY })).toContain("hard links");
});

rootTest(
  "a file that a stranger planted in a shared directory names no process but the stranger's",
  async () => {
    const victim = await sleeper();
    const theirs = await sleeper(NOBODY);
    mkdirSync(at("shared"));
    chmodSync(at("shared"), 0o1777);
    writeFileSync(at("shared", "p"), `${victim.pid}\n`);
    chownSync(at("shared", "p"), NOBODY, NOBODY);
    expect(look(at("shared", "p"))).toContain("it belongs to uid 65534, the process to uid 0");
    writeFileSync(at("shared", "p"), `${theirs.pid}\n`);
    expect(look(at("shared", "p"))).toBe(`valid ${theirs.pid}`);
  },
);

rootTest("a pidfile that everybody can write to is followed to reeve's own child alone", async () => {
  const { pid } = await sleeper();
  writeFileSync(at("p"), `${pid}\n`);
  chmodSync(at("p"), 0o666);
  expect(look(at("p"))).toContain("others can write to it");
  expect(look(at("p"), { selfPid: process.pid })).toBe(`valid ${pid}`);
});
