import { afterEach, describe, expect, test } from "bun:test";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import type { ChildSpec } from "../../../lib/sys/child/child_spec.ts";
import { openPipe } from "../../../lib/sys/file/descriptor.ts";
import { isSysError } from "../../../lib/sys/errno.ts";
import { readLimit, RLIMIT, setLimit } from "../../../lib/sys/process/limits.ts";
import { closePidfd, signalPidfd } from "../../../lib/sys/process/pidfd.ts";
import { peekChild, reap } from "../../../lib/sys/process/reap.ts";
import { readProcess } from "../../../lib/sys/process/process_table.ts";
import { drainReports, type SpawnReport } from "../../../lib/sys/child/reports.ts";
import { spawnChild } from "../../../lib/sys/child/spawn.ts";
import { stageName } from "../../../lib/sys/child/stage.ts";
import { endAll, ended, start } from "../process/children.ts";
import { Scratch } from "../file/scratch.ts";
import { PLAIN } from "./plain.ts";
import { until } from "../until.ts";
import { openDescriptors, openedSince } from "../../support/descriptors.ts";

afterEach(endAll);

const AS_ROOT = process.getuid?.() === 0;
if (!AS_ROOT && process.env["MUST_WORK"] === "1") throw new Error("these tests need root");

/** Runs a shell script with its output in a file. */
async function shell(script: string, change: Partial<ChildSpec> = {}): Promise<string> {
  using scratch = new Scratch();
  const out = openSync(scratch.at("out"), "a");
  try {
    const child = start({
      ...PLAIN,
      args: ["sh", "-c", script],
      file: { path: "sh", searchPath: "/usr/bin:/bin" },
      environment: ["PATH=/usr/bin:/bin"],
      ...change,
      fds: new Map<number, number | "null">([[0, "null"], [1, out], [2, out], ...change.fds ?? []]),
    });
    await ended(child);
    return readFileSync(scratch.at("out"), "utf8").trim();
  } finally {
    closeSync(out);
  }
}

/** Starts what cannot be started, and gives what its helper reported. */
async function failure(
  change: Partial<ChildSpec>,
): Promise<{ report: SpawnReport; code: number; pid: number }> {
  drainReports();
  const child = start({ ...PLAIN, spawnId: 77, ...change });
  const status = await ended(child);
  const [report, ...more] = drainReports();
  expect(more).toEqual([]);
  if (report === undefined) throw new Error(`no report; ${JSON.stringify(status)}`);
  expect(report.spawnId).toBe(77);
  return { report, code: status.kind === "exited" ? status.code : -1, pid: child.pid };
}

describe("a child", () => {
  test("has no descriptors but its three and those asked for", async () => {
    const pipe = openPipe({ nonblock: false });
    const listed = await shell("ls /proc/$$/fd", { fds: new Map([[7, pipe.writer]]) });
    expect(listed.split("\n")).toEqual(["0", "1", "2", "7"]);
    closeSync(pipe.reader);
    closeSync(pipe.writer);
  });

  test("gets descriptors that change places", async () => {
    using scratch = new Scratch();
    writeFileSync(scratch.at("a"), "a\n");
    writeFileSync(scratch.at("b"), "b\n");
    const a = openSync(scratch.at("a"), "r");
    const b = openSync(scratch.at("b"), "r");
    const read = await shell(`cat /proc/self/fd/${a} /proc/self/fd/${b}`, { fds: new Map([[a, b], [b, a]]) });
    expect(read).toBe("b\na");
    closeSync(a);
    closeSync(b);
  });

  test("has /dev/null on stdin, the default signals and an empty mask", async () => {
    process.on("SIGUSR2", () => {});
    const status = await shell("readlink /proc/self/fd/0; grep -E 'Sig(Blk|Ign)' /proc/self/status");
    expect(status.split("\n")).toEqual([
      "/dev/null",
      "SigBlk:\t0000000000000000",
      "SigIgn:\t0000000000000000",
    ]);
    process.removeAllListeners("SIGUSR2");
  });

  test("leads a session of its own", async () => {
    const child = start({ ...PLAIN, args: ["sleep", "60"], file: { path: "/bin/sleep", searchPath: null } });
    const found = await until("the session is new", () => {
      const record = readProcess(child.pid);
      return record?.comm === "sleep" && record;
    });
    expect(found.session).toBe(child.pid);
    expect(found.pgrp).toBe(child.pid);
    expect(found.ppid).toBe(process.pid);
    signalPidfd(child.pidfd!, 15);
    expect(await ended(child)).toEqual({ kind: "killed", signal: 15, core: false });
  });

  test("sees exactly the environment it was given, in its order", async () => {
    const environment = ["PATH=/usr/bin:/bin", "A=1=2", "EMPTY=", "Ü=é"];
    const program = { path: "env", searchPath: "/usr/bin:/bin" };
    expect(await shell("", { args: ["env"], file: program, environment })).toBe(environment.join("\n"));
  });

  test("has the directory, umask, nice value, oom score and limits of its spec", async () => {
    const before = readLimit(RLIMIT.openFiles);
    const seen = await shell("pwd; umask; nice; cat /proc/self/oom_score_adj; ulimit -Sn; ulimit -Sc", {
      chdir: "/usr/lib",
      umask: 0o137,
      nice: 5,
      oomScoreAdj: 321,
      rlimits: [
        { resource: RLIMIT.openFiles, soft: 99n, hard: before.hard },
        { resource: RLIMIT.core, soft: 0n, hard: 0n },
      ],
    });
    expect(seen.split("\n")).toEqual(["/usr/lib", "0137", "5", "321", "99", "0"]);
  });

  test.skipIf(!AS_ROOT)("has the user, group and groups of its spec and no others", async () => {
    const seen = await shell("grep -E '^(Uid|Gid|Groups|CapEff|NoNewPrivs):' /proc/self/status", {
      uid: 65_534,
      gid: 65_533,
      groups: [65_532, 65_531],
      noNewPrivs: true,
    });
    expect(seen.split("\n").map((line) => line.trim())).toEqual([
      "Uid:\t65534\t65534\t65534\t65534",
      "Gid:\t65533\t65533\t65533\t65533",
      "Groups:\t65531 65532",
      "CapEff:\t0000000000000000",
      "NoNewPrivs:\t1",
    ]);
  });

  test.skipIf(!AS_ROOT)("has no supplementary groups when its list is empty", async () => {
    expect(await shell("grep ^Groups: /proc/self/status", { uid: 65_534, gid: 65_534, groups: [] })).toBe(
      "Groups:",
    );
  });

  test("runs on the CPUs of its spec", async () => {
    expect(await shell("grep Cpus_allowed_list /proc/self/status", { cpus: [0] })).toBe(
      "Cpus_allowed_list:\t0",
    );
  });

  test("is executed from a descriptor", async () => {
    const program = openSync("/bin/echo", "r");
    expect(await shell("", { args: ["echo", "from a descriptor"], file: { fd: program } })).toBe(
      "from a descriptor",
    );
    closeSync(program);
  });

  test("gets an environment of a megabyte whole", async () => {
    const environment = [
      "PATH=/usr/bin:/bin",
      ...Array.from({ length: 16 }, (_, i) => `V${i}=${"x".repeat(65_000)}`),
    ];
    expect(await shell("env | wc -c", { environment })).toMatch(/^1\d{6}$/);
  });
});

describe("a start that fails", () => {
  const program = { path: "/bin/true", searchPath: null };
  test("says exec and ENOENT, and exits 127, where there is no such program", async () => {
    const { report, code, pid } = await failure({ file: { path: "/nonexistent", searchPath: null } });
    expect([stageName(report.stage), report.errno, code, report.pid]).toEqual(["exec", 2, 127, pid]);
  });

  test("says exec and ENOENT where the search path has no such program", async () => {
    const { report, code } = await failure({
      args: ["nix"],
      file: { path: "nix", searchPath: "/usr/bin:/bin" },
    });
    expect([stageName(report.stage), report.errno, code]).toEqual(["exec", 2, 127]);
  });

  test("says exec and EACCES, and exits 126, where the program is not executable", async () => {
    const { report, code } = await failure({ file: { path: "/etc/passwd", searchPath: null } });
    expect([stageName(report.stage), report.errno, code]).toEqual(["exec", 13, 126]);
  });

  test("says exec and ENOEXEC where the program has no known format", async () => {
    using scratch = new Scratch();
    writeFileSync(scratch.at("text"), "\x7fELF\0 of no architecture\n", { mode: 0o755 });
    const { report, code } = await failure({ file: { path: scratch.at("text"), searchPath: null } });
    expect([stageName(report.stage), report.errno, code]).toEqual(["exec", 8, 126]);
  });

  test("says exec and E2BIG where an argument is longer than the kernel takes", async () => {
    const { report } = await failure({ args: ["true", "x".repeat(200_000)], file: program });
    expect([stageName(report.stage), report.errno]).toEqual(["exec", 7]);
  });

  test("says exec and E2BIG where the environment is larger than the kernel takes, and the next start is well", async () => {
    const environment = Array.from({ length: 80 }, (_, index) => `V${index}=${"x".repeat(100_000)}`);
    const { report, code } = await failure({ file: program, environment });
    expect([stageName(report.stage), report.errno, code]).toEqual(["exec", 7, 126]);
    expect(await ended(start(PLAIN))).toEqual({ kind: "exited", code: 0 });
  });

  test("says chdir where the directory is not there", async () => {
    const { report, code } = await failure({ chdir: "/nonexistent", file: program });
    expect([stageName(report.stage), report.errno, code]).toEqual(["chdir", 2, 125]);
  });

  test("says rlimit where the hard limit may not be raised", async () => {
    const limit = { resource: RLIMIT.nice, soft: 10n ** 12n, hard: 10n ** 12n };
    const change = AS_ROOT ? { rlimits: [{ ...limit, resource: RLIMIT.openFiles }] } : { rlimits: [limit] };
    const { report } = await failure({ ...change, file: program });
    expect([stageName(report.stage), report.errno]).toEqual(["rlimit", 1]);
  });

  test("says which start it was when many fail at once", async () => {
    drainReports();
    const children = Array.from(
      { length: 50 },
      (_, index) =>
        start({ ...PLAIN, spawnId: 1_000 + index, file: { path: "/nonexistent", searchPath: null } }),
    );
    for (const child of children) await ended(child);
    const reports = drainReports();
    expect(reports.map((report) => report.spawnId).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, index) => 1_000 + index),
    );
    for (const report of reports) expect(report.pid).toBe(children[report.spawnId - 1_000]!.pid);
  });

  test("loses no report when thousands fail before anybody reads", async () => {
    drainReports();
    const count = 4_000;
    const dead: number[] = [];
    for (let index = 0; index < count; index++) {
      const child = spawnChild({
        ...PLAIN,
        spawnId: index,
        file: { path: "/nonexistent", searchPath: null },
      });
      dead.push(child.pid);
      if (child.pidfd !== null) closePidfd(child.pidfd);
    }
    for (const pid of dead) await until(`process ${pid} has ended`, () => reap(pid));
    expect(new Set(drainReports().map((report) => report.spawnId)).size).toBe(count);
  }, 60_000);
});

describe("a dead child", () => {
  test("is seen again until it is reaped, and its pid is kept for it", async () => {
    const child = start({
      ...PLAIN,
      args: ["sh", "-c", "exit 42"],
      file: { path: "/bin/sh", searchPath: null },
    });
    const first = await until("the child is dead", peekChild);
    expect(first).toEqual({ pid: child.pid, status: { kind: "exited", code: 42 } });
    expect(peekChild()).toEqual(first);
    expect(readProcess(child.pid)?.state).toBe("Z");
    expect(await ended(child)).toEqual({ kind: "exited", code: 42 });
    expect(peekChild()).toBeNull();
    expect(reap(child.pid)).toBeNull();
    expect(readProcess(child.pid)).toBeNull();
  });
});

describe("no child is started", () => {
  test("when there are no descriptors left, and nothing leaks", () => {
    drainReports();
    const before = readLimit(RLIMIT.openFiles);
    const open = openDescriptors();
    const highest = Math.max(...[...open.keys()].map(Number));
    const fillers: number[] = [];
    try {
      setLimit(RLIMIT.openFiles, { soft: BigInt(highest + 20), hard: before.hard });
      for (;;) {
        try {
          fillers.push(openSync("/dev/null", "r"));
        } catch {
          break;
        }
      }
      for (let free = 0; free < 2; free++) {
        expect(() => spawnChild(PLAIN)).toThrow(/too many open files/);
        closeSync(fillers.pop()!);
      }
    } finally {
      setLimit(RLIMIT.openFiles, before);
      for (const fd of fillers) closeSync(fd);
    }
    expect(openedSince(open)).toEqual([]);
    expect(peekChild()).toBeNull();
  });

  test("when a descriptor of the spec is not open", () => {
    try {
      spawnChild({ ...PLAIN, fds: new Map([[0, 1_000_000]]) });
      throw new Error("it was started");
    } catch (error) {
      expect(isSysError(error, "EBADF")).toBe(true);
    }
    expect(peekChild()).toBeNull();
  });

  test.skipIf(!AS_ROOT)("when there are too many processes", () => {
    // In a process of its own, since the limit counts all of a user's.
    const script = `
      import { spawnChild } from ${JSON.stringify(`${import.meta.dir}/../../../lib/sys/child/spawn.ts`)};
      import { setLimit } from ${JSON.stringify(`${import.meta.dir}/../../../lib/sys/process/limits.ts`)};
      import { PLAIN } from ${JSON.stringify(`${import.meta.dir}/plain.ts`)};
      import { native } from ${JSON.stringify(`${import.meta.dir}/../../../lib/sys/native/native.ts`)};
      native();
      process.setgid(64_999);
      process.setuid(64_999);
      setLimit(6, { soft: 1n, hard: 1n });
      try { spawnChild(PLAIN); console.log("started"); } catch (error) { console.log(error.errnoName, error.message); }
      process.exit(0);
    `;
    const run = Bun.spawnSync([process.execPath, "-e", script], { stderr: "inherit" });
    expect(run.stdout.toString().trim()).toBe(
      "EAGAIN cannot start a process: resource temporarily unavailable",
    );
  });
});

test("a parent-death signal ends the child when its parent is killed", async () => {
  const script = `
    import { spawnChild } from ${JSON.stringify(`${import.meta.dir}/../../../lib/sys/child/spawn.ts`)};
    import { PLAIN } from ${JSON.stringify(`${import.meta.dir}/plain.ts`)};
    const child = spawnChild({ ...PLAIN, args: ["sleep", "600"], file: { path: "/bin/sleep", searchPath: null }, parentDeathSignal: 9 });
    console.log(child.pid);
    setInterval(() => {}, 1_000);
  `;
  const parent = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const reader = parent.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  const child = await until("the child runs sleep", () => {
    const record = readProcess(pid);
    return record?.comm === "sleep" && record;
  });
  expect(child.ppid).toBe(parent.pid);
  parent.kill("SIGKILL");
  await parent.exited;
  await until(
    "the child is gone",
    () => readProcess(pid)?.startTime !== child.startTime || readProcess(pid)?.state === "Z",
  );
});

test("a gated child begins when it is let in, and never where its gate closes without a word", async () => {
  using scratch = new Scratch();
  const born = (name: string): { readonly child: ReturnType<typeof start>; readonly file: string } => {
    const file = scratch.at(name);
    const child = start({
      ...PLAIN,
      args: ["sh", "-c", `echo begun > ${file}`],
      file: { path: "/bin/sh", searchPath: null },
      environment: ["PATH=/usr/bin:/bin"],
      gated: true,
    });
    return { child, file };
  };
  const [letInside, shutOut] = [born("in"), born("out")];
  // It waits, as the helper that it still is.
  await until("it waits at its gate", () => readProcess(letInside.child.pid)?.state === "S");
  expect(readProcess(letInside.child.pid)?.comm).toBe("reeve-exec");
  letInside.child.gate!.letIn();
  shutOut.child.gate!.close();
  expect(await ended(letInside.child)).toMatchObject({ kind: "exited", code: 0 });
  expect(await ended(shutOut.child)).toMatchObject({ kind: "exited", code: 125 });
  expect(existsSync(letInside.file)).toBe(true);
  expect(existsSync(shutOut.file)).toBe(false);
});
