/**
 * The pids of one process in the PID namespaces that it is seen in, from /proc/PID/status. Reads only; a process that is gone is null.
 */
import type { ProcessId } from "../sys/process_id.ts";
import { readVirtual } from "../sys/file/virtual_files.ts";

/** From that of /proc's reader down to the process's own; null: gone, or a kernel that does not tell (before 4.1). */
export function pidLevels(pid: number): readonly number[] | null {
  const bytes = readVirtual(`/proc/${pid}/status`);
  const found = bytes === null ? null : /^NSpid:((?:\t[0-9]+)+)$/m.exec(new TextDecoder().decode(bytes));
  return found === null ? null : found[1]!.split("\t").slice(1).map(Number);
}

/** PF_EXITING of include/linux/sched.h. */
const EXITING = 0x4;

/**
 * Whether it is that process, and does not end: the kernel frees what one was while its /proc entry and its pid remain. An init ends
 * for as long as it takes all others of its namespace to go.
 */
export function stands({ pid, startTime }: ProcessId): boolean {
  const bytes = readVirtual(`/proc/${pid}/stat`);
  if (bytes === null) return false;
  const text = new TextDecoder().decode(bytes);
  // The 9th and the 22nd field of the line; these begin with the third.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [flags, started] = [Number(fields[6]), fields[19]];
  return Number.isInteger(flags) && (flags & EXITING) === 0 && started === String(startTime);
}
