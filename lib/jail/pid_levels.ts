/**
 * The pids of one process in the PID namespaces that it is seen in, from /proc/PID/status. Reads only; a
 * process that is gone is null.
 */
import type { ProcessId } from "../sys/process_id.ts";
import { readVirtual } from "../sys/file/virtual_files.ts";
import { readStat } from "../sys/process/process_table.ts";

/**
 * From that of /proc's reader down to the process's own; null: gone, or a kernel that does not tell (before
 * 4.1).
 */
export function pidLevels(pid: number): readonly number[] | null {
  const bytes = readVirtual(`/proc/${pid}/status`);
  const found = bytes === null ? null : /^NSpid:((?:\t[0-9]+)+)$/m.exec(new TextDecoder().decode(bytes));
  return found === null ? null : found[1]!.split("\t").slice(1).map(Number);
}

/**
 * Whether it is that process, and does not end: the kernel frees what one was while its /proc entry and its
 * pid remain. An init ends for as long as it takes all others of its namespace to go.
 */
export function stands({ pid, startTime }: ProcessId): boolean {
  const found = readStat(pid);
  return found !== null && !found.isExiting && found.startTime === startTime;
}
