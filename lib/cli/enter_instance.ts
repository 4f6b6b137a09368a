/**
 * Which instances of reeve run here, by the run directories that they hold open: a pid in a file proves nothing. Reads only; no lock
 * is tried, for a reeve that is just starting would take us for another.
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { readStat } from "../sys/process_table.ts";

export interface RunningInstance {
  readonly name: string;
  readonly pid: number;
  /** As it was called, without the program's name. */
  readonly words: readonly string[];
  readonly cwd: string;
}

/** The reeve that holds this run directory; null: none does. */
export function holderOf(runDir: string): number | null {
  try {
    const pid = Number(readFileSync(join(runDir, "lock"), "latin1").trim());
    if (!Number.isInteger(pid) || pid < 1 || readStat(pid) === null) return null;
    const path = realpathSync(runDir);
    const held = new Set([path, join(path, "lock")]);
    return readdirSync(`/proc/${pid}/fd`).some((fd) => held.has(linkOf(`/proc/${pid}/fd/${fd}`)))
      ? pid
      : null;
  } catch {
    return null;
  }
}

/** Those with a run directory of their own beneath `top`. */
export function runningInstances(top: string): readonly RunningInstance[] {
  let names: string[];
  try {
    names = readdirSync(top).sort();
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const pid = holderOf(join(top, name));
    if (pid === null) return [];
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(1, -1);
    return [{ name, pid, words, cwd: linkOf(`/proc/${pid}/cwd`) }];
  });
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
