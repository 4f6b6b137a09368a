/**
 * Whether any pid can have been given to a second process since the last mark: the kernel hands pids out in
 * turn, so none comes again before as many processes were made as there are pids. Only that proves in the
 * first moments of a daemon that what stands in its session is its. (Who may set ns_last_pid is root
 * already.)
 */
import { readFileSync } from "node:fs";
import { writeAtomically } from "../sys/file/atomic_file.ts";
import { readStat } from "../sys/process/process_table.ts";
import { readVirtual } from "../sys/file/virtual_files.ts";

/** Pids that the kernel passes over when it begins anew (RESERVED_PIDS), and some for forks under way. */
const MARGIN = 1000;

export class PidTurnover {
  /** No pid was used twice between the mark of an earlier reeve and now. */
  readonly none: boolean;
  readonly #path: string | null;
  readonly #boot: string;

  /** `path` null: nothing is known, nothing is marked. */
  constructor(path: string | null, boot: string) {
    this.#path = path;
    this.#boot = boot;
    const marked = path === null ? null : readMark(path, this.#place());
    const made = processesMade();
    const pids = numberIn("/proc/sys/kernel/pid_max", /^(\d+)/);
    this.none = marked !== null && made !== null && pids !== null && made >= marked &&
      made - marked < pids - MARGIN;
  }

  /** To be called while every daemon on record is known to live, or before there is one. Never throws. */
  mark(): void {
    const made = processesMade();
    if (this.#path === null || made === null) return;
    try {
      writeAtomically(this.#path, new TextEncoder().encode(`${made} ${this.#place()}\n`), { mode: 0o600 });
    } catch {
      // The mark before stands: it says less, and nothing wrong.
    }
  }

  /** This boot, and this PID namespace: a container that starts again has pids of its own. */
  #place(): string {
    return `${this.#boot}:${readStat(1)?.startTime ?? "unknown"}`;
  }
}

function readMark(path: string, place: string): number | null {
  try {
    const [made, at] = readFileSync(path, "utf8").trimEnd().split(" ");
    return at === place && !place.endsWith("unknown") && /^\d{1,15}$/.test(made ?? "") ? Number(made) : null;
  } catch {
    return null;
  }
}

/** Processes and threads that this kernel ever made, in all namespaces. */
function processesMade(): number | null {
  return numberIn("/proc/stat", /^processes (\d+)$/m);
}

function numberIn(path: string, pattern: RegExp): number | null {
  const bytes = readVirtual(path);
  const found = bytes === null ? null : pattern.exec(new TextDecoder().decode(bytes));
  return found === null ? null : Number(found[1]);
}
