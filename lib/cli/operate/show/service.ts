/** A daemon as an instance tells of it: the part of its JSON that is shown to people. Pure. */
import { type Fields, fieldsOf, numberOf, textOf, textsOf, timeOf } from "./fields.ts";

export interface LastExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly at: number | null;
  readonly upSeconds: number | null;
  readonly isOutOfMemory: boolean;
  readonly reason: string | null;
}

/** Times: milliseconds since 1970. null and 0 where it does not say. */
export interface Service {
  readonly name: string;
  readonly kind: string | null;
  readonly state: string;
  readonly startup: string | null;
  readonly desired: string | null;
  readonly since: number | null;
  /** false: it runs, and has not said yet that it is ready. */
  readonly isReady: boolean;
  readonly health: string | null;
  /** The person who stopped it, and when. */
  readonly held: { readonly by: string; readonly at: number | null } | null;
  readonly pid: number | null;
  readonly restarts: number;
  readonly streak: number;
  readonly lastExit: LastExit | null;
  readonly nextStart: number | null;
  readonly legion: string | null;
  /** This node is the lord of its legion. */
  readonly isLord: boolean;
  /** The gates that keep it down. */
  readonly closed: readonly string[];
  /** The fault that was found with it; it is not up. */
  readonly problem: string | null;
  readonly command: string | null;
  readonly tags: readonly string[];
  readonly statusText: string | null;
  readonly cgroup: string | null;
  readonly memory: number | null;
  readonly memoryMax: number | null;
  readonly cpuSeconds: number | null;
  readonly tasks: number | null;
  readonly descriptors: number | null;
  readonly requires: readonly string[];
  readonly wantedBy: readonly string[];
  readonly lastLines: readonly string[];
  readonly config: string | null;
}

/** null: it is no daemon that can be shown, for it has no name or no state. */
export function readService(fields: Fields): Service | null {
  const [name, state] = [textOf(fields["name"]), textOf(fields["state"])];
  if (name === null || state === null) return null;
  const [memory, cpu] = [fieldsOf(fields["memory"]), fieldsOf(fields["cpu"])];
  const pid = numberOf(fields["pid"]);
  return {
    name,
    kind: textOf(fields["kind"]),
    state,
    startup: textOf(fields["startup"]),
    desired: textOf(fields["desired"]),
    since: timeOf(fields["current-since"]),
    isReady: fields["ready"] !== false,
    health: textOf(fields["health"]),
    held: readHeld(fields["held"]),
    pid: pid === 0 ? null : pid,
    restarts: numberOf(fields["restarts"]) ?? 0,
    streak: numberOf(fields["streak"]) ?? 0,
    lastExit: readLastExit(fields["last-exit"]),
    nextStart: timeOf(fields["next-start"]),
    legion: textOf(fields["legion"]),
    isLord: fields["lord"] === true,
    closed: textsOf(fields["closed"]),
    problem: textOf(fields["problem"]),
    command: textOf(fields["command"]),
    tags: textsOf(fields["tags"]),
    statusText: textOf(fields["status-text"]),
    cgroup: textOf(fields["cgroup"]),
    memory: numberOf(memory["current"]),
    memoryMax: numberOf(memory["max"]),
    cpuSeconds: numberOf(cpu["usage-s"]),
    tasks: numberOf(fields["tasks"]),
    descriptors: numberOf(fields["descriptors"]),
    requires: textsOf(fields["requires"]),
    wantedBy: textsOf(fields["wanted-by"]),
    lastLines: textsOf(fields["last-lines"]),
    config: readPlace(fieldsOf(fields["config"])),
  };
}

/** It runs, and where something says when it is ready and healthy, it is. */
export function isUp({ state, isReady, health }: Service): boolean {
  return state === "running" && isReady && health !== "down";
}

function readHeld(value: unknown): Service["held"] {
  if (value === null || value === undefined || value === false) return null;
  const fields = fieldsOf(value);
  return { by: textOf(fields["by"]) ?? "somebody", at: timeOf(fields["at"]) };
}

function readLastExit(value: unknown): LastExit | null {
  if (value === null || value === undefined) return null;
  const fields = fieldsOf(value);
  return {
    code: numberOf(fields["code"]),
    signal: textOf(fields["signal"]),
    at: timeOf(fields["at"]),
    upSeconds: numberOf(fields["up-s"]),
    isOutOfMemory: fields["oom"] === true,
    reason: textOf(fields["reason"]),
  };
}

function readPlace(fields: Fields): string | null {
  const [file, line] = [textOf(fields["file"]), numberOf(fields["line"])];
  if (file === null) return null;
  return line === null || line === 0 ? file : `${file}:${line}`;
}
