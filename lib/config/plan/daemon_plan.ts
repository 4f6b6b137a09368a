/** One daemon as a configuration has it, every default filled in. Types only, part of the Plan. */
import type { DaemonNamespaces } from "./jail_plan.ts";
import type { Origin } from "../origin.ts";

/** How a daemon's command is started: words executed directly, or a line for /bin/sh -c. */
export type Command =
  | { readonly kind: "words"; readonly text: string; readonly words: readonly string[] }
  | { readonly kind: "shell"; readonly text: string; readonly shell: string };

/** The option that a daemon is written with; section: [daemon:NAME]. */
export type DaemonOption =
  | "attach-daemon"
  | "attach-control-daemon"
  | "smart-attach-daemon"
  | "smart-attach-daemon2"
  | "attach-daemon2"
  | "legion-attach-daemon"
  | "legion-smart-attach-daemon"
  | "legion-smart-attach-daemon2"
  | "section"
  | "entrypoint";

/** dumb: no pidfile. smart: pidfile, written by the command. smart2: pidfile, written by reeve. */
export type DaemonKind = "dumb" | "smart" | "smart2";

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one included where the system says so. */
  readonly groups: readonly number[];
  /** Name of the user where it has one; for messages. */
  readonly user: string | null;
  /** The user that a uid names; absent where no uid was written, and nothing is known of the user. */
  readonly login?: Login;
}

/** The variables that a login as this user would set. */
export interface Login {
  /** null: the number has no name. */
  readonly name: string | null;
  readonly home: string;
  readonly shell: string | null;
}

export interface DaemonPlan {
  /** Unique within the instance. */
  readonly name: string;
  readonly option: DaemonOption;
  readonly kind: DaemonKind;
  readonly command: Command;
  /** As configured; relative ones are relative to the instance's chdir. */
  readonly pidfile: string | null;
  /** Seconds after which a pidfile that is not valid is reported; failed starts in a row before "broken". */
  readonly freq: number;
  readonly control: boolean;
  readonly touch: readonly string[];
  readonly stopSignal: number;
  /** null: the stop signal. */
  readonly reloadSignal: number | null;
  /** Keep stdin (true) or /dev/null (false). */
  readonly stdin: boolean;
  /** null: as reeve itself. */
  readonly identity: Identity | null;
  readonly chdir: string | null;
  /** Variables on top of the instance's environment, each name once. */
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  /** Longest restart delay, seconds. */
  readonly maxThrottle: number;
  readonly notifyPid: boolean;
  /** Seconds from the stop signal to SIGKILL. */
  readonly stopTimeout: number;
  /** ns_pid, ns, root and their like; null: those of the instance. */
  readonly namespaces: DaemonNamespaces | null;
  /** caps: numbers of the capabilities that stay in the bounding set; null: as the instance. */
  readonly capsBound: readonly number[] | null;
  readonly noNewPrivs: boolean;
  /** Name of the legion on whose lord alone it runs; null: everywhere. */
  readonly legion: string | null;
  /** Words by which commands name several daemons at once. */
  readonly tags: readonly string[];
  /** disabled: not started with the instance. */
  readonly startup: "enabled" | "disabled";
  readonly origin: Origin;
  /** Origin of each key that was written out; absent keys are defaults. */
  readonly origins: Readonly<Partial<Record<keyof DaemonPlan, Origin>>>;
}
