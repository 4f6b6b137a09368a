/** The running instance as the routes of the control socket see it, and how it refuses. */
import type { ApplyOptions, ApplyReport } from "../apply_report.ts";
import type { Change, Changes, Task } from "../changes.ts";
import type { EventRing } from "../events.ts";
import type { Nameable } from "../names.ts";
import type { Notices } from "../notices.ts";
import type { ErrorKind } from "../reply.ts";
import type { ServiceFacts } from "../service_facts.ts";
import type { Timers } from "../../sys/timers.ts";
import type { Progress } from "../views/change.ts";
import type { SystemFacts } from "../views/system.ts";

/** Thrown by a handler, or by what it calls: the client is told. */
export class Refusal extends Error {
  readonly status: number;
  readonly kind: ErrorKind;
  /** The thing that it is about, for programs. */
  readonly value: unknown;

  constructor(status: number, kind: ErrorKind, message: string, value?: unknown) {
    super(message);
    this.status = status;
    this.kind = kind;
    this.value = value;
  }
}

export type Action = "start" | "stop" | "restart";

export interface ActOptions {
  readonly action: Action;
  readonly names: readonly string[];
  /** The user who asks. */
  readonly by: string;
  /** Ends what hangs on it as well: the instance, by a control daemon. */
  readonly withDependents: boolean;
  /** Leaves alone what does not run. */
  readonly ifRunning: boolean;
  /** The hold outlives this run of reeve. */
  readonly persist: boolean;
  /** After which what is not done has failed; null: never. */
  readonly timeoutMs: number | null;
}

export interface SignalOptions {
  readonly signal: number;
  readonly names: readonly string[];
  readonly by: string;
  /** To every process of it, not only to the main one. */
  readonly isToAll: boolean;
}

/** long: with the open descriptors, which are as many reads of /proc. */
export type UsageWanted = "none" | "usual" | "long";

export interface ControlDeps {
  readonly changes: Changes;
  readonly events: EventRing;
  readonly notices: Notices;
  readonly timers: Timers;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** In the order of the configuration. */
  readonly daemons: () => readonly Nameable[];
  readonly services: (names: readonly string[], usage: UsageWanted) => Promise<readonly ServiceFacts[]>;
  /** Those that start with the instance, and that nobody has stopped. */
  readonly autostarted: () => readonly string[];
  /** Throws Refusal. */
  readonly act: (options: ActOptions) => Change;
  readonly sendSignal: (options: SignalOptions) => void;
  /** All of it that is not done is given up. */
  readonly abort: (change: Change, by: string) => void;
  readonly progressOf: (task: Task) => Progress | null;
  /** Throws Refusal. */
  readonly reload: (by: string) => Change;
  /**
   * Tells the work on each daemon, and the change that it is; null: only what would be done was asked for.
   * Throws Refusal.
   */
  readonly apply: (options: ApplyOptions, by: string) => Promise<{
    readonly report: ApplyReport;
    readonly change: Change | null;
  }>;
  /** Reeve's own. */
  readonly uid: number;
  /** The plan in force as JSON, secrets hidden. */
  readonly plan: () => Promise<unknown>;
  readonly system: () => SystemFacts;
  /** The name of a user, or its number where it has none. */
  readonly userName: (uid: number) => string;
}
