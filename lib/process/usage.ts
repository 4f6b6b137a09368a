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
/** Fields of /proc/PID/stat (proc(5)), counted from the one behind the name. */
const FIELD = { user: 11, system: 12, threads: 17, startTime: 19, pages: 21 } as const;
const [CLOSE, BLANK, ZERO] = [0x29, 0x20, 0x30];
/** The fields that were read last: for a thousand daemons texts of them would make the collector run. */
const numbers = new Float64Array(FIELD.pages + 1);

/** null: it is gone, or cannot be seen. `isLong`: with its descriptors, which are as many reads. */
export function readUsage({ pid, startTime }: ProcessId, isLong: boolean): ProcessUsage | null {
  const bytes = readVirtual(`/proc/${pid}/stat`);
  if (bytes === null) return null;
  readNumbers(bytes);
  if (numbers[FIELD.startTime] !== Number(startTime)) return null;
  return {
    memory: (numbers[FIELD.pages] ?? 0) * PAGE,
    cpu: ((numbers[FIELD.user] ?? 0) + (numbers[FIELD.system] ?? 0)) / TICKS_PER_SECOND,
    threads: numbers[FIELD.threads] ?? 0,
    descriptors: isLong ? countDescriptors(pid) : null,
  };
}

/** The fields behind the name, which may hold any byte; what is no number is some number. */
function readNumbers(bytes: Uint8Array): void {
  let [field, number] = [0, 0];
  for (let at = bytes.lastIndexOf(CLOSE) + 2; field < numbers.length; at++) {
    const byte = bytes[at];
    if (byte !== undefined && byte !== BLANK) number = 10 * number + byte - ZERO;
    else {
      numbers[field++] = number;
      number = 0;
    }
  }
}

function countDescriptors(pid: number): number | null {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return null;
  }
}
