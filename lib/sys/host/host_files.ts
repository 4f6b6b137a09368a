/**
 * The facts that this host's files tell. Reads and asks only; must never create or change a file, and never
 * throw.
 */
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { imageDirectories } from "../native/image.ts";

export interface CgroupFacts {
  readonly version: "v1" | "v2" | "hybrid";
  /** The group of this process, as a path below the mount; null where it cannot be told. */
  readonly directory: string | null;
  /** Whether a cgroup can be made in it. */
  readonly writable: boolean;
}

export interface HostFiles {
  readonly kernel: string;
  readonly architecture: string;
  readonly pid: number;
  readonly uid: number;
  /** Bit n: capability n, effective. */
  readonly capabilities: bigint;
  readonly noNewPrivs: boolean;
  /** A filter of system calls (seccomp) is in force. */
  readonly filtered: boolean;
  readonly cgroup: CgroupFacts | null;
  /** vm.memfd_noexec; null where the kernel has none. */
  readonly memfdNoexec: number | null;
  /** The first directory that could hold the native parts where no memfd can; null: none. */
  readonly imageDirectory: string | null;
  readonly inotifyInstances: number | null;
  readonly inotifyWatches: number | null;
  /** Options of the mount at /proc that hide something: "hidepid=2", "subset=pid". */
  readonly procHides: readonly string[];
  /** Processes of others can be seen: PID 1, unless that is us. */
  readonly seesOthers: boolean;
  readonly listsChildren: boolean;
  readonly devNull: boolean;
  readonly shell: boolean;
  readonly users: boolean;
  /** The directories that a run directory may be made in, best first. */
  readonly runDirectories: readonly { readonly path: string; readonly writable: boolean }[];
  /** Whether stdin, stdout and stderr are terminals. */
  readonly terminals: readonly boolean[];
  readonly openFiles: { readonly soft: number; readonly hard: number } | null;
  /** RLIMIT_LOCKS, in which birthmarks are. */
  readonly fileLocks: { readonly soft: number; readonly hard: number } | null;
}

/** `runDirectories`: absolute paths, which need not exist. */
export function hostFiles(runDirectories: readonly string[]): HostFiles {
  const status = text("/proc/self/status");
  const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(status)?.[1] ?? "";
  const mounts = text("/proc/self/mountinfo");
  return {
    kernel: process.getBuiltinModule("node:os").release(),
    architecture: process.arch,
    pid: process.pid,
    uid: process.geteuid?.() ?? 0,
    capabilities: /^[0-9a-f]+$/.test(field("CapEff")) ? BigInt(`0x${field("CapEff")}`) : 0n,
    noNewPrivs: field("NoNewPrivs") === "1",
    filtered: field("Seccomp") === "2",
    cgroup: cgroup(mounts),
    memfdNoexec: number("/proc/sys/vm/memfd_noexec"),
    imageDirectory: imageDirectories().find((path) => canWrite(path) && !isNoexec(mounts, path)) ?? null,
    inotifyInstances: number("/proc/sys/fs/inotify/max_user_instances"),
    inotifyWatches: number("/proc/sys/fs/inotify/max_user_watches"),
    procHides: procHides(mounts),
    seesOthers: process.pid === 1 || text("/proc/1/stat") !== "",
    listsChildren: exists(`/proc/self/task/${process.pid}/children`),
    devNull: isCharacterDevice("/dev/null") && allows("/dev/null", constants.R_OK | constants.W_OK),
    shell: allows("/bin/sh", constants.X_OK),
    users: allows("/etc/passwd", constants.R_OK),
    runDirectories: runDirectories.map((path) => ({ path, writable: canWrite(nearestExisting(path)) })),
    terminals: [0, 1, 2].map((fd) => process.getBuiltinModule("node:tty").isatty(fd)),
    openFiles: limitNamed("Max open files"),
    fileLocks: limitNamed("Max file locks"),
  };
}

/** /proc/self/cgroup: v2 is the line `0::/path`; v1 has a line for each controller. */
function cgroup(mounts: string): CgroupFacts | null {
  const v2 = mountOf(mounts, "cgroup2");
  const v1 = mountOf(mounts, "cgroup");
  if (v2 === null && v1 === null) return null;
  const version = v2 === null ? "v1" : v1 === null ? "v2" : "hybrid";
  const own = /^0::(\/.*)$/m.exec(text("/proc/self/cgroup"))?.[1] ?? null;
  const directory = v2 === null || own === null ? null : `${v2}${own === "/" ? "" : own}`;
  return { version, directory, writable: directory !== null && canWrite(directory) };
}

/** The mount point of the first file system of a type. */
function mountOf(mounts: string, type: string): string | null {
  for (const line of mounts.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    if (right.split(" ")[0] === type) return left.split(" ")[4] ?? null;
  }
  return null;
}

function procHides(mounts: string): readonly string[] {
  // The last mount on a path is the one that is seen.
  const line = mounts.split("\n").findLast((one) => one.split(" ")[4] === "/proc") ?? "";
  return line.split(/[ ,]/).filter((word) =>
    /^(hidepid|subset)=/.test(word) && !/^hidepid=(0|off)$/.test(word)
  );
}

function isNoexec(mounts: string, path: string): boolean {
  let best: { readonly at: string; readonly noexec: boolean } = { at: "", noexec: false };
  for (const line of mounts.split("\n")) {
    const words = line.split(" ");
    const at = words[4] ?? "";
    const covers = at === "/" || path === at || path.startsWith(`${at}/`);
    if (at === "" || !covers || at.length < best.at.length) continue;
    best = { at, noexec: (words[5] ?? "").split(",").includes("noexec") };
  }
  return best.noexec;
}

/** Soft and hard limit of a row of /proc/self/limits; null: there is no such row. */
function limitNamed(row: string): { readonly soft: number; readonly hard: number } | null {
  const found = new RegExp(`^${row}\\s+(\\S+)\\s+(\\S+)`, "m").exec(text("/proc/self/limits"));
  if (found === null) return null;
  const value = (word: string | undefined): number => word === "unlimited" ? Infinity : Number(word);
  return { soft: value(found[1]), hard: value(found[2]) };
}

function nearestExisting(path: string): string {
  let at = path;
  while (!exists(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

function canWrite(path: string): boolean {
  return allows(path, constants.W_OK | constants.X_OK);
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  return allows(path, constants.F_OK);
}

function isCharacterDevice(path: string): boolean {
  try {
    return statSync(path).isCharacterDevice();
  } catch {
    return false;
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function number(path: string): number | null {
  const found = text(path).trim();
  return /^\d+$/.test(found) ? Number(found) : null;
}
