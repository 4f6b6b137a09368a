/**
 * What a process uses, as /proc shows it at this moment. Reads only; never believed of a process whose start
 * time is another.
 */
import { readdirSync } from "node:fs";
import type { ProcessId } from "../sys/process_id.ts";
import { readVirtual } from "../sys/file/virtual_files.ts";
import { TICKS_PER_SECOND } from "../sys/process/identity.ts";

export interface ProcessUsage {
  /** Bytes that are resident. */
  readonly memory: number;
  /** Seconds in user and in system mode. */
  readonly cpu: number;
  readonly threads: number;
  /** null: it was not asked for, or may not be seen. */
  readonly descriptors: number | null;
}

const PAGE = 4096;
const decoder = new TextDecoder();

/** null: it is gone, or cannot be seen. `isLong`: with its descriptors, which are as many reads. */
export function readUsage({ pid, startTime }: ProcessId, isLong: boolean): ProcessUsage | null {
  const bytes = readVirtual(`/proc/${pid}/stat`);
  if (bytes === null) return null;
  const text = decoder.decode(bytes);
  // proc(5): field 3 is the first behind the name, which is in parentheses and may hold any byte.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  if (fields[19] !== String(startTime)) return null;
  const [user, system, threads, pages] = [fields[11], fields[12], fields[17], fields[21]].map(Number);
  return {
    memory: (pages ?? 0) * PAGE,
    cpu: ((user ?? 0) + (system ?? 0)) / TICKS_PER_SECOND,
    threads: threads ?? 0,
    descriptors: isLong ? countDescriptors(pid) : null,
  };
}

function countDescriptors(pid: number): number | null {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return null;
  }
}
