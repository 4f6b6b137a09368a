import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { findings } from "../../lib/cli/doctor_findings.ts";
import { findingText } from "../../lib/cli/doctor.ts";
import { type KernelCalls, kernelCalls } from "../../lib/sys/host/host.ts";
import { type HostFiles, hostFiles } from "../../lib/sys/host/host_files.ts";
import { reeve } from "./cli.ts";

const NAMESPACES = { mount: null, cgroup: null, uts: null, ipc: null, user: null, pid: null, net: null };

const CALLS: KernelCalls = {
  clone3: null,
  execveat: null,
  openat2: null,
  closeRange: null,
  pidfdOpen: null,
  pidfdSignal: null,
  subreaper: null,
  memfd: null,
  executableMemfd: null,
  inotify: null,
  namespaces: NAMESPACES,
};

const FILES: HostFiles = {
  kernel: "6.18.0",
  architecture: "x64",
  pid: 4711,
  uid: 0,
  capabilities: 0x1ff_ffff_ffffn,
  noNewPrivs: false,
  filtered: false,
  cgroup: { version: "v2", directory: "/sys/fs/cgroup", writable: true },
  memfdNoexec: 0,
  imageDirectory: "/run",
  inotifyInstances: 128,
  inotifyWatches: 65536,
  procHides: [],
  seesOthers: true,
  listsChildren: true,
  devNull: true,
  shell: true,
  users: true,
  runDirectories: [{ path: "/run/reeve", writable: true }],
  terminals: [false, false, false],
  openFiles: { soft: 1024, hard: 1_048_576 },
  fileLocks: { soft: Infinity, hard: Infinity },
};

/** The findings that are not ok, as `NAME: STATE`. */
function troubles(files: Partial<HostFiles>, calls: Partial<KernelCalls> | string = {}): string[] {
  const all = findings({ ...FILES, ...files }, typeof calls === "string" ? calls : { ...CALLS, ...calls });
  return all.filter(({ state }) => state !== "ok").map(({ name, state }) => `${name}: ${state}`);
}

describe("what a host's facts mean", () => {
  test("nothing is missing on a usual host", () => expect(troubles({})).toEqual([]));

  const cases: readonly (readonly [string, Partial<HostFiles>, Partial<KernelCalls> | string, string])[] = [
    ["no clone3", {}, { clone3: "EPERM" }, "clone3: without"],
    ["no pidfd_open", {}, { pidfdOpen: "ENOSYS" }, "pidfd: without"],
    ["no execveat", {}, { execveat: "ENOSYS" }, "execveat: without"],
    ["a forbidden execveat", {}, { execveat: "EPERM" }, "execveat: missing"],
    ["no memfd", {}, { memfd: "ENOSYS", executableMemfd: "ENOSYS" }, "memfd: without"],
    ["no memfd and no directory", { imageDirectory: null }, { memfd: "EPERM" }, "memfd: missing"],
    ["memfds that are not executable", { memfdNoexec: 2 }, { executableMemfd: "EACCES" }, "memfd: without"],
    ["no native part", {}, "cannot load the native part", "native: missing"],
    ["no PID namespaces", {}, { namespaces: { ...NAMESPACES, pid: "EPERM" } }, "namespaces: without"],
    ["no /bin/sh", { shell: false }, {}, "/bin/sh: without"],
    ["no /etc/passwd", { users: false }, {}, "/etc/passwd: without"],
    ["no /dev/null", { devNull: false }, {}, "/dev/null: without"],
    ["hidden processes", { seesOthers: false, procHides: ["hidepid=2"] }, {}, "/proc: without"],
    ["no run directory", { runDirectories: [] }, {}, "run-dir: without"],
    ["no capabilities", { uid: 1000, capabilities: 0n }, {}, "rights: without"],
    ["few open files", { openFiles: { soft: 20, hard: 20 } }, {}, "open-files: without"],
    ["few file locks", { fileLocks: { soft: 20, hard: 20 } }, {}, "birthmarks: without"],
  ];
  for (const [what, files, calls, expected] of cases) {
    test(`${what}: ${expected}`, () => expect(troubles(files, calls)).toEqual([expected]));
  }

  test("a refused pidfd says what is lost, in lines of at most 80 columns", () => {
    const [pidfd] = findings(FILES, { ...CALLS, pidfdOpen: "EPERM" }).filter(({ name }) => name === "pidfd");
    if (pidfd === undefined) throw new Error("no finding named pidfd");
    const lines = findingText(pidfd).split("\n");
    expect(lines[0]).toStartWith("without  pidfd           refused: ");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });
});

describe("the probes", () => {
  test("leave no process and no descriptor behind", () => {
    kernelCalls(); // loads the native part
    const before = state();
    kernelCalls();
    hostFiles(["/nonexistent/reeve"]);
    expect(state()).toEqual(before);
  });

  function state(): unknown {
    const fds = readdirSync("/proc/self/fd").length;
    return { fds, children: readFileSync(`/proc/self/task/${process.pid}/children`, "utf8") };
  }

  test("say that a directory which cannot be made is not writable", () => {
    expect(hostFiles(["/dev/null/reeve"]).runDirectories).toEqual([
      { path: "/dev/null/reeve", writable: false },
    ]);
  });
});

describe("reeve doctor", () => {
  test("prints a state for every finding, in 80 columns, and exits with 0", () => {
    const { code, out, err } = reeve(["doctor"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const lines = out.trimEnd().split("\n");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.pop()).toMatch(/^(reeve works here| {2})/);
    for (const line of lines) {
      expect(line).toMatch(/^(ok {7}|without {2}|missing {2}| {25}|reeve works here)/);
    }
  });

  test("--json prints the same as an object", () => {
    const { code, out } = reeve(["doctor", "--json"]);
    expect(code).toBe(0);
    const report = JSON.parse(out) as { works: boolean; findings: { name: string; state: string }[] };
    expect(report.works).toBe(true);
    expect(report.findings.map(({ name }) => name)).toContain("pidfd");
  });

  test("refuses words that it does not take", () => {
    const { code, err } = reeve(["doctor", "app.ini"]);
    expect({ code, err }).toEqual({
      code: 2,
      err: 'doctor does not take "app.ini": see reeve help doctor\n',
    });
  });
});
