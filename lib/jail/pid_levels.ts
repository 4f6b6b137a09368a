/**
 * The pids of one process in the PID namespaces that it is seen in, from /proc/PID/status. Reads only; a process that is gone is null.
 */
import { readVirtual } from "../sys/virtual_files.ts";

/** From that of /proc's reader down to the process's own; null: gone, or a kernel that does not tell (before 4.1). */
export function pidLevels(pid: number): readonly number[] | null {
  const bytes = readVirtual(`/proc/${pid}/status`);
  const found = bytes === null ? null : /^NSpid:((?:\t[0-9]+)+)$/m.exec(new TextDecoder().decode(bytes));
  return found === null ? null : found[1]!.split("\t").slice(1).map(Number);
}

/** PF_EXITING of include/linux/sched.h. */
const EXITING = 0x4;

/**
 * Whether the process ends: the kernel frees what it was while its /proc entry and its pid remain. An init is in that state for as
 * long as it takes all others of its namespace to go.
 */
export function isEnding(pid: number): boolean {
  const bytes = readVirtual(`/proc/${pid}/stat`);
  if (bytes === null) return true;
  const text = new TextDecoder().decode(bytes);
  // The 9th field of the line; these begin with the third.
  const flags = Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[6]);
  return !Number.isInteger(flags) || (flags & EXITING) !== 0;
}
