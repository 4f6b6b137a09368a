/**
 * Which instances of reeve run here, by the run directories that they hold open: a pid in a file proves
 * nothing. Reads only; no lock is tried, for a reeve that is just starting would take us for another.
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { takeCapsule } from "../../records/capsule.ts";
import { decodeBytes } from "../../sys/byte_text.ts";
import { listChildrenOf, readStat } from "../../sys/process/process_table.ts";
import { readVirtual } from "../../sys/file/virtual_files.ts";

/** How a running reeve was started. */
export interface InstanceStart {
  /** As it was called, without the program's name. */
  readonly words: readonly string[];
  /** The directory that relative paths of the words are relative to. */
  readonly cwd: string;
  /** Nothing of reeve's machinery is in it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly reloads: number;
}

export interface RunningInstance {
  readonly name: string;
  readonly pid: number;
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
    return pid === null ? [] : [{ name, pid }];
  });
}

/** `pid`: of `holderOf`. null: it has ended. */
export function startOf(pid: number): InstanceStart | null {
  const before = readStat(pid);
  const environment: Record<string, string | undefined> = {};
  for (const entry of stringsOf(`/proc/${pid}/environ`)) {
    const equals = entry.indexOf("=", 1);
    if (equals > 0) environment[entry.slice(0, equals)] ??= entry.slice(equals + 1);
  }
  const capsule = takeCapsule(environment);
  const words = capsule?.argv ?? stringsOf(`/proc/${pid}/cmdline`).slice(1);
  const cwd = capsule?.cwd ?? linkOf(`/proc/${pid}/cwd`);
  if (before === null || readStat(pid)?.startTime !== before.startTime) return null;
  return { words, cwd, environment, reloads: reloadsOf(pid) };
}

/** Cores before the present one, as its keeper has told it: "SOCKET:GENERATION". */
function reloadsOf(keeper: number): number {
  for (const core of listChildrenOf(keeper)) {
    const told = stringsOf(`/proc/${core}/environ`).find((entry) =>
      entry.startsWith("REEVE_INTERNAL_KEEPER=")
    );
    const generation = /:(\d+)$/.exec(told ?? "")?.[1];
    if (generation !== undefined) return Number(generation) - 1;
  }
  return 0;
}

function stringsOf(path: string): string[] {
  const bytes = readVirtual(path);
  return bytes === null ? [] : decodeBytes(bytes).split("\0").filter((text) => text !== "");
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
