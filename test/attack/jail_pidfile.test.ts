/**
 * Pidfiles that a jail made to harm: whatever stands there, only a process of the jail is ever named, and
 * nothing waits.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "bun:test";
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { JudgeOptions, Verdict } from "../../lib/daemon/pidfile.ts";
import { readPidfile } from "../../lib/pidfile/reader.ts";
import { makeFifo } from "../../lib/sys/file/fifo.ts";
import { readStat } from "../../lib/sys/process/process_table.ts";
import { fixture } from "../fixtures/compile.ts";
import { SmallJail } from "../jail/small_jail.ts";
import { rootTest } from "../support/need_root.ts";
import { openDescriptors, openedSince } from "../support/descriptors.ts";

const isRoot = process.getuid?.() === 0;
const context: JudgeOptions = { selfUid: 0, selfPid: 0x7fff_ffff, daemonUid: 0, known: null };
let jail: SmallJail;

beforeAll(async () => {
  if (isRoot) jail = await SmallJail.start();
});
afterAll(async () => {
  if (isRoot) await jail.close();
});
beforeEach(() => {
  if (isRoot) mkdirSync(jail.path("run"), { recursive: true });
});
afterEach(() => {
  if (isRoot) rmSync(jail.path("run"), { recursive: true, force: true });
});

const look = (path: string, change: Partial<JudgeOptions> = {}): Verdict =>
  readPidfile(path, { ...context, ...change }, () => jail.place);
function found(path: string, change: Partial<JudgeOptions> = {}): string {
  const verdict = look(path, change);
  return verdict.valid ? `valid ${verdict.process.pid}` : verdict.found;
}
const put = (text: string, name = "run/p"): void => writeFileSync(jail.path(name), text);

rootTest("a number in it is the jail's: the process is the one that the jail calls so", () => {
  put("3\n");
  const pid = jail.outside(3);
  expect(look("/run/p")).toEqual({
    valid: true,
    process: { pid, startTime: readStat(pid)!.startTime },
    unfinished: false,
  });
});

rootTest("a number that means reeve out here, and a process inside there, is that process", () => {
  put("2");
  expect(found("/run/p", { selfPid: 2 })).toBe(`valid ${jail.outside(2)}`);
});

rootTest(
  "pids of processes outside, of the jail's init, of reeve as the jail might know it: none is followed",
  () => {
    for (const pid of [process.pid, jail.place.initPid, jail.outside(2)]) {
      put(`${pid}`);
      expect(found("/run/p")).toBe(`pidfile "/run/p" names pid ${pid}, which does not exist`);
    }
    put("1");
    expect(found("/run/p")).toBe('pidfile "/run/p" names the first process of its jail');
    for (const text of ["0", "-1", "-2", "4194305", "99999999999999999999", "2147483648", "0x2", "１"]) {
      put(text);
      expect(look("/run/p").valid).toBe(false);
    }
  },
);

rootTest("without a PID namespace of its own its init is out of bounds all the same", () => {
  const place = { ...jail.place, pidNamespaceFd: null, translatePid: (pid: number) => pid };
  put(`${place.initPid}`);
  const verdict = readPidfile("/run/p", context, () => place);
  expect(verdict.valid ? "" : verdict.found).toBe('pidfile "/run/p" names the first process of its jail');
});

rootTest("a number that changes hands while it is looked at is nobody's", () => {
  put("2");
  const answers = [process.pid, jail.outside(2)];
  const place = { ...jail.place, translatePid: () => answers.shift() ?? null };
  const verdict = readPidfile("/run/p", context, () => place);
  expect(verdict.valid ? "" : verdict.found).toBe('pidfile "/run/p" names pid 2, which does not exist');
  expect(answers).toEqual([]);
});

rootTest("the id of a thread, for which the kernel names the process that it is of, is no process's", () => {
  put("50");
  const place = { ...jail.place, translatePid: () => jail.outside(2) };
  const verdict = readPidfile("/run/p", context, () => place);
  expect(verdict.valid ? "" : verdict.found).toBe('pidfile "/run/p" names pid 50, which does not exist');
});

rootTest("links to the host's files lead to nothing of the host", () => {
  const secret = join(jail.directory, "secret");
  writeFileSync(secret, "2\n");
  for (
    const target of ["/etc/passwd", "../../../../../../etc/passwd", secret, "/proc/self/root/etc/passwd"]
  ) {
    symlinkSync(target, jail.path("run/p"));
    expect(found("/run/p")).toBe('pidfile "/run/p" is not a regular file');
    rmSync(jail.path("run/p"));
  }
  for (const target of [jail.directory, "../..", "/proc/self/root", "/etc/passwd"]) {
    symlinkSync(target, jail.path("run/way"));
    expect(found("/run/way/secret")).toMatch(/does not exist|cannot be opened/);
    rmSync(jail.path("run/way"));
  }
  expect(found("/../../../../../../../../etc/passwd")).toContain("does not exist");
  expect(found("/run/../../../etc/passwd")).toContain("does not exist");
});

rootTest("a link inside is no pidfile, a link on the way is one that its owner may have made", () => {
  put("2", "run/real");
  symlinkSync("real", jail.path("run/p"));
  expect(found("/run/p")).toContain("is not a regular file");
  mkdirSync(jail.path("run/deep"));
  put("2", "run/deep/p");
  symlinkSync("deep", jail.path("run/way"));
  expect(found("/run/way/p")).toBe(`valid ${jail.outside(2)}`);
  lchownSync(jail.path("run/way"), 54321, 54321);
  expect(found("/run/way/p")).toContain("a symbolic link on the way to it belongs to uid 54321");
});

rootTest("who may write the file names only processes of their own", () => {
  put("2");
  chownSync(jail.path("run/p"), 54321, 54321);
  expect(found("/run/p")).toContain("it belongs to uid 54321, the process to uid 0");
  chownSync(jail.path("run/p"), 0, 0);
  chmodSync(jail.path("run/p"), 0o666);
  expect(found("/run/p")).toContain("others can write to it");
  chmodSync(jail.path("run/p"), 0o644);
  chmodSync(jail.path("run"), 0o777);
  expect(found("/run/p")).toContain("others can replace what is in its directory");
});

rootTest("a FIFO, a directory, a device, a file of the kernel: none is opened, none holds reeve up", () => {
  makeFifo(jail.path("run/p"), 0o644);
  expect(found("/run/p")).toContain("is not a regular file");
  rmSync(jail.path("run/p"));
  mkdirSync(jail.path("run/p"));
  expect(found("/run/p")).toContain("is not a regular file");
  rmSync(jail.path("run/p"), { recursive: true });
  Bun.spawnSync(["mknod", jail.path("run/p"), "c", "1", "5"]);
  expect(found("/run/p")).toContain("is not a regular file");
});

rootTest(
  "a gigabyte is read no further than a pid goes, a loop of links and a way without end are given up",
  () => {
    put("2");
    truncateSync(jail.path("run/p"), 1 << 30);
    const before = process.memoryUsage().rss;
    expect(found("/run/p")).toBe(`valid ${jail.outside(2)}`);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
    symlinkSync("b", jail.path("run/a"));
    symlinkSync("a", jail.path("run/b"));
    expect(found("/run/a/p")).toContain("cannot be opened");
    // Thirty links, each of a thousand names: more looks than reeve takes for anybody.
    for (let link = 0; link < 30; link++) {
      symlinkSync(`${"../run/".repeat(580)}l${link + 1}`, jail.path(`run/l${link}`));
    }
    mkdirSync(jail.path("run/l30"));
    put("2", "run/l30/p");
    const started = performance.now();
    expect(found("/run/l0/p")).toContain("was replaced while it was looked at");
    expect(performance.now() - started).toBeLessThan(2000);
  },
);

rootTest(
  "a directory that is exchanged for a link out, again and again, never shows what is outside",
  async () => {
    // Outside stands a pidfile that would be valid, and names another process than the one inside.
    mkdirSync(join(jail.directory, "outside"), { recursive: true });
    writeFileSync(join(jail.directory, "outside/p"), "3\n");
    mkdirSync(jail.path("run/way"));
    put("2\n", "run/way/p");
    symlinkSync(join(jail.directory, "outside"), jail.path("run/out"));
    const paths = [jail.path("run/way"), jail.path("run/out")];
    const attacker = Bun.spawn([fixture("exchange_paths"), ...paths], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const seen = new Map<string, number>();
    let opened = ["not counted"];
    try {
      const before = openDescriptors();
      for (let turn = 0; turn < 20_000 && (turn < 500 || seen.size < 2); turn++) {
        const text = found("/run/way/p");
        seen.set(text, (seen.get(text) ?? 0) + 1);
      }
      opened = openedSince(before);
    } finally {
      attacker.kill("SIGKILL");
      await attacker.exited;
    }
    expect(opened).toEqual([]);
    const said = [...seen.keys()];
    expect(said.filter((text) => text.startsWith("valid"))).toEqual([`valid ${jail.outside(2)}`]);
    expect(said.some((text) => text.includes("does not exist"))).toBe(true);
  },
);
