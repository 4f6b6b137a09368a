/**
 * One daemon at one moment as the control socket tells of it: its snapshot, and what only those who operate
 * it ask for. Types, and the state in pebble's words. Pure.
 */
import type { DaemonSnapshot } from "./snapshot.ts";
import type { ExitCause } from "../sys/process_id.ts";

/** A person has stopped it. */
export interface Hold {
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface ExitFacts {
  readonly cause: ExitCause;
  /** Milliseconds since 1970; null: an image before this one has seen it. */
  readonly at: number | null;
  /** How long it was up before, milliseconds. */
  readonly upMs: number | null;
  /** It was told to end. */
  readonly wasStopped: boolean;
}

/** The main process, as /proc shows it. */
export interface Usage {
  /** Bytes that are resident. */
  readonly memory: number;
  /** Seconds in user and in system mode. */
  readonly cpu: number;
  readonly threads: number;
  /** null: it was not asked for, or may not be seen. */
  readonly descriptors: number | null;
}

export interface ServiceFacts extends DaemonSnapshot {
  readonly startup: "enabled" | "disabled";
  readonly tags: readonly string[];
  readonly held: Hold | null;
  readonly isControl: boolean;
  /** Milliseconds since 1970 at which it came into its state; null: it never left the first. */
  readonly stateSince: number | null;
  readonly starts: number;
  /** Failed starts in a row. */
  readonly streak: number;
  readonly exit: ExitFacts | null;
  /** null: it has no legion. */
  readonly isLord: boolean | null;
  /** The last that reeve had to say about it since it was up; null: nothing. */
  readonly problem: string | null;
  readonly config: { readonly file: string; readonly line: number } | null;
  /** null: nothing runs, or it cannot be seen. */
  readonly usage: Usage | null;
}

export type Current = "active" | "error" | "backoff" | "inactive";

/** The four states that pebble's clients know. */
export function currentOf({ state, isUp }: Pick<DaemonSnapshot, "state" | "isUp">): Current {
  if (state === "running" && isUp) return "active";
  if (state === "broken") return "error";
  return state === "waiting" ? "backoff" : "inactive";
}
