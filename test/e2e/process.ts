/**
 * What /proc tells of a process, and the only place of the tests that signals one. A process is named by its
 * pid and its start time together, so that a pid which the kernel gave to somebody else is never signalled.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/PID/stat. */
  readonly start: number;
}

export interface ProcessState extends ProcessId {
  readonly name: string;
  /** R, S, D, T, Z ... */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly foreground: number;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}

/** null when there is no such process. */
export function inspect(pid: number): ProcessState | null {
  const text = read(`/proc/${pid}/stat`);
  if (text === null) return null;
  const close = text.lastIndexOf(")");
  const fields = text.slice(close + 2).split(" ");
  return {
    pid,
    name: text.slice(text.indexOf("(") + 1, close),
    state: fields[0] ?? "?",
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    foreground: Number(fields[5]),
    start: Number(fields[19]),
  };
}

export function identify(pid: number): ProcessId | null {
  const found = inspect(pid);
  return found === null ? null : { pid, start: found.start };
}

export function sameProcess(a: ProcessId | null, b: ProcessId | null): boolean {
  return a !== null && b !== null && a.pid === b.pid && a.start === b.start;
}

/** True while the process runs; a zombie is dead. */
export function isAlive(id: ProcessId): boolean {
  const found = inspect(id.pid);
  return found !== null && found.start === id.start && found.state !== "Z" && found.state !== "X";
}

/** True while the pid is taken by this process, be it as a zombie. */
export function exists(id: ProcessId): boolean {
  return inspect(id.pid)?.start === id.start;
}

/** Sends nothing and returns false when the process is gone or the pid is another's by now. */
export function signal(id: ProcessId, name: NodeJS.Signals | number): boolean {
  if (id.pid <= 1 || !exists(id)) return false;
  try {
    process.kill(id.pid, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** All processes of the machine, in the order of their pids. */
export function allProcesses(): ProcessState[] {
  const found: ProcessState[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const state = inspect(Number(name));
    if (state !== null) found.push(state);
  }
  return found.sort((a, b) => a.pid - b.pid);
}

/** Children of `pid` and theirs, without `pid` itself; zombies included. */
export function descendants(pid: number, all: readonly ProcessState[] = allProcesses()): ProcessState[] {
  const byParent = Map.groupBy(all, (one) => one.parent);
  const found: ProcessState[] = [];
  const queue = [pid];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const child of byParent.get(at) ?? []) {
      found.push(child);
      queue.push(child.pid);
    }
  }
  return found;
}

export function commandLine(pid: number): string[] {
  const text = read(`/proc/${pid}/cmdline`);
  return text === null || text === "" ? [] : text.replace(/\0$/, "").split("\0");
}

/** The environment the process was started with; {} where it cannot be read or has been overwritten. */
export function environment(pid: number): Record<string, string> {
  const text = read(`/proc/${pid}/environ`) ?? "";
  const found: Record<string, string> = {};
  for (const entry of text.split("\0")) {
    const equals = entry.indexOf("=");
    if (equals > 0) found[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return found;
}

/** Target of a link below /proc/PID, such as "cwd" or "exe". */
export function link(pid: number, name: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    return null;
  }
}

/** fd number to what it refers to. */
export function openFiles(pid: number): Map<number, string> {
  const found = new Map<number, string>();
  try {
    for (const name of readdirSync(`/proc/${pid}/fd`)) {
      const target = link(pid, `fd/${name}`);
      if (target !== null) found.set(Number(name), target);
    }
  } catch {
    // Gone between two looks: it has no open files.
  }
  return new Map([...found].sort((a, b) => a[0] - b[0]));
}

/** The lines of /proc/PID/status: "Uid" to "0\t0\t0\t0" and so on. */
export function status(pid: number): Map<string, string> {
  const lines = (read(`/proc/${pid}/status`) ?? "").split("\n").filter((line) => line.includes(":"));
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
}

/** Whether the program has said what it does at that signal: a shell comes to its trap some time after it began. */
export function minds(pid: number, signal: number): boolean {
  const bit = 1n << BigInt(signal - 1);
  const found = status(pid);
  return ["SigIgn", "SigCgt"].some((name) => (BigInt(`0x${found.get(name) ?? "0"}`) & bit) !== 0n);
}

/** The pid that a pidfile names, as uWSGI reads it (leading blanks, then digits); null when there is none. */
export function pidIn(path: string): number | null {
  const digits = /^\s*(\d+)/.exec(read(path) ?? "")?.[1];
  return digits === undefined ? null : Number(digits);
}
