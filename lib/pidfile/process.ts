/**
 * The process that the number in a pidfile stands for, with what the judgement of a pidfile asks about it.
 * The number of a jail means another process than the same number here: it is translated, and proved to be
 * the jail's. Signals nobody.
 */
import type { ProcessFacts } from "../daemon/pidfile.ts";
import type { JailPlace } from "../jail/place.ts";
import { pidLevels } from "../jail/pid_levels.ts";
import { startedAt } from "../sys/process/identity.ts";
import { readProcess, readStat } from "../sys/process/process_table.ts";
import { readVirtual } from "../sys/file/virtual_files.ts";

/** null: there is no such process. */
export function processFacts(pid: number): ProcessFacts | null {
  const found = readProcess(pid);
  if (found === null || !leadsItsThreads(pid)) return null;
  return {
    id: { pid, startTime: found.startTime },
    state: found.state,
    uid: found.uid.real,
    parent: found.ppid,
    startedAt: startedAt(found),
    isKernelThread: found.isKernelThread,
  };
}

/**
 * The process that the jail calls `pid`. The number of it that was told may have been given to another
 * process since, so it is asked for again: the answer came while the very process lived whose start time is
 * the same before and after, and what PID namespace a process is in never changes.
 */
export function processInJail(pid: number, place: Pick<JailPlace, "translatePid">): ProcessFacts | null {
  const outside = place.translatePid(pid);
  if (outside === null) return null;
  const facts = processFacts(outside);
  if (facts === null || place.translatePid(pid) !== outside || !isCalled(outside, pid)) return null;
  return readStat(outside)?.startTime === facts.id.startTime ? facts : null;
}

/**
 * For the id of a thread the kernel answers with the process that the thread is of, which nobody calls so.
 */
function isCalled(outside: number, inside: number): boolean {
  return outside === inside || pidLevels(outside)?.slice(1).includes(inside) === true;
}

/** A thread's id opens in /proc like a pid, with a start time of its own, but is no process. */
function leadsItsThreads(pid: number): boolean {
  const status = readVirtual(`/proc/${pid}/status`);
  return status !== null && new TextDecoder().decode(status).includes(`\nTgid:\t${pid}\n`);
}
