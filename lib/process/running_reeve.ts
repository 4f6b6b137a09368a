/**
 * Whether a process is a reeve, and which instance it runs. For whoever found its pid somewhere: must never
 * be taken as a leave to signal it, for which it has to be held while it is looked at.
 */
import { instancePid } from "../sys/process/instance_pid.ts";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { readProcess } from "../sys/process/process_table.ts";
import { startedAt } from "../sys/process/identity.ts";

export interface RunningReeve {
  readonly pid: number;
  /** The name of its run directory, else the first word of its command line that is no option. */
  readonly instance: string;
  /** Wall clock, milliseconds. */
  readonly startedAt: number;
}

/** Roles of the helper that belong to a reeve and are none. */
const HELPERS: ReadonlySet<string> = new Set(["reeve-exec", "reeve-jail", "reeve-guard", "rv-second"]);

/** null: it cannot be looked at. */
export function commandName(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd();
  } catch {
    return null;
  }
}

export function isReeve(pid: number, name: string | null = commandName(pid)): boolean {
  if (name !== null && HELPERS.has(name)) return false;
  if (name !== null && /^(?:.* )?reeve\b/.test(name)) return true;
  try {
    const executable = readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, "");
    return executable === process.execPath || /\/(?:memfd:)?reeve[^\/]*$/.test(executable);
  } catch {
    return false;
  }
}

/** null: there is no such process, it has ended, it is no reeve, or it is this one. */
export function runningReeve(pid: number): RunningReeve | null {
  if (pid === instancePid() || !(pid >= 1 && pid <= 0x7fff_ffff)) return null;
  const found = readProcess(pid);
  if (found === null || found.state === "Z" || found.state === "X" || !isReeve(pid)) return null;
  // A core stands for its instance.
  if (commandName(pid)?.endsWith("reeve-core") === true) return runningReeve(found.ppid);
  return { pid, instance: instanceOf(pid), startedAt: startedAt(found) };
}

function instanceOf(pid: number): string {
  const runtime = process.env["XDG_RUNTIME_DIR"];
  for (const top of ["/run/reeve", ...(runtime === undefined ? [] : [join(runtime, "reeve")])]) {
    const name = namesIn(top).find((one) => readText(join(top, one, "lock")).trim() === String(pid));
    if (name !== undefined) return name;
  }
  const words = readText(`/proc/${pid}/cmdline`).split("\0").slice(1);
  return words.find((word) => word !== "" && !word.startsWith("-")) ?? "no name";
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
