/**
 * Processes as /proc shows them. Reads only; a process that is gone is null and never an error, since any may
 * end between two lines of ours. Must never be used to decide whom to signal without comparing start times.
 */
import { instancePid } from "./instance_pid.ts";
import { readdirSync } from "node:fs";
import { processId } from "../checks.ts";
import { readVirtual } from "../file/virtual_files.ts";

/**
 * State letters of proc(5): R running, S sleeping, D waiting on a disk, T stopped, t traced, Z zombie, X
 * dead. A process whose first thread has ended while others go on shows as Z there; here it is S, since it
 * lives.
 */
export interface ProcessStat {
  readonly pid: number;
  /** At most 15 bytes; may hold any byte, blanks and parentheses too. */
  readonly comm: string;
  readonly state: string;
  readonly ppid: number;
  readonly pgrp: number;
  readonly session: number;
  /** Clock ticks since boot, 100 a second; with the pid, the identity of a process. */
  readonly startTime: bigint;
  /** It runs in the kernel alone: it has no program, and heeds no signal. */
  readonly isKernelThread: boolean;
  /** It ends: the kernel frees what it was while its entry and its pid remain. */
  readonly isExiting: boolean;
  /** It has a controlling terminal. */
  readonly hasTerminal: boolean;
}

/**
 * PF_* of the kernel's include/linux/sched.h. The parent's pid tells a kernel thread in the first PID
 * namespace alone.
 */
const KERNEL_THREAD = 0x0020_0000;
const EXITING = 0x4;

export interface ProcessRecord extends ProcessStat {
  readonly uid: { readonly real: number; readonly effective: number };
}

const decoder = new TextDecoder();

/** Everything of /proc/PID/stat that reeve needs; null when there is no such process. */
export function readStat(pid: number): ProcessStat | null {
  const bytes = readVirtual(`/proc/${processId(pid)}/stat`);
  return bytes === null ? null : parseStat(decoder.decode(bytes));
}

/** As `readStat`, with whose process it is. */
export function readProcess(pid: number): ProcessRecord | null {
  const status = readVirtual(`/proc/${processId(pid)}/status`);
  if (status === null) return null;
  // The stat comes last: had the pid changed hands between the two, its start time is the later owner's, and
  // a caller who compares it with one that it knows sees the difference.
  const stat = readStat(pid);
  const uid = parseUid(decoder.decode(status));
  return stat === null || uid === null ? null : { ...stat, uid };
}

/** Pids of our own children, zombies included, whichever of our threads has them. */
export function listChildren(): number[] {
  const parent = instancePid();
  if (parent !== process.pid) return listChildrenOf(parent).filter((pid) => pid !== process.pid);
  const children: number[] = [];
  for (const tid of readdirSync("/proc/self/task")) {
    const bytes = readVirtual(`/proc/self/task/${tid}/children`);
    if (bytes === null) {
      // The thread has ended, or the kernel has no such file (CONFIG_PROC_CHILDREN): then no thread has.
      if (readVirtual(`/proc/thread-self/children`) === null) return scanForChildren();
      continue;
    }
    for (const pid of decoder.decode(bytes).split(" ")) if (pid !== "") children.push(Number(pid));
  }
  return children;
}

/** Pids of the children of another process, held by the caller, that has one thread. */
export function listChildrenOf(parent: number): number[] {
  const bytes = readVirtual(`/proc/${processId(parent)}/task/${parent}/children`);
  if (bytes !== null) return decoder.decode(bytes).split(" ").filter((pid) => pid !== "").map(Number);
  if (readVirtual("/proc/thread-self/children") !== null) return [];
  return listProcesses().filter((found) => found.ppid === parent).map((found) => found.pid);
}

/** Every process that this PID namespace (and /proc's hidepid) shows. */
export function listProcesses(): ProcessStat[] {
  const found: ProcessStat[] = [];
  for (const name of readdirSync("/proc")) {
    const first = name.charCodeAt(0);
    if (first < 0x31 || first > 0x39) continue;
    const stat = readStat(Number(name));
    if (stat !== null) found.push(stat);
  }
  return found;
}

function scanForChildren(): number[] {
  return listProcesses().filter((found) => found.ppid === instancePid()).map((found) => found.pid);
}

/**
 * Parses /proc/PID/stat: comm is between the first "(" and the last ")", and may hold both, blanks and
 * newlines.
 */
export function parseStat(text: string): ProcessStat | null {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return null;
  const fields = text.slice(close + 2).split(" ");
  // The line's third field is the first of these.
  const [state, ppid, pgrp, session, terminal, , flags] = fields;
  const threads = Number(fields[17]);
  const startTime = fields[19];
  if (state === undefined || ppid === undefined || pgrp === undefined || session === undefined) return null;
  if (startTime === undefined) return null;
  return {
    pid: Number(text.slice(0, open)),
    comm: text.slice(open + 1, close),
    state: state === "Z" && threads > 1 ? "S" : state,
    ppid: Number(ppid),
    pgrp: Number(pgrp),
    session: Number(session),
    startTime: BigInt(startTime),
    isKernelThread: (Number(flags) & KERNEL_THREAD) !== 0,
    isExiting: (Number(flags) & EXITING) !== 0,
    hasTerminal: Number(terminal) !== 0,
  };
}

function parseUid(status: string): ProcessRecord["uid"] | null {
  const found = /^Uid:\t(\d+)\t(\d+)/m.exec(status);
  return found === null ? null : { real: Number(found[1]), effective: Number(found[2]) };
}
