/** The instance itself as a configuration has it. Types only, part of the Plan; nothing has been opened. */
import type { ControlEntry } from "./control_plan.ts";
import type { Identity } from "./daemon_plan.ts";
import type { Hook, Wait } from "./hook_plan.ts";
import type { JailPlan, SetnsServerPlan } from "./jail_plan.ts";
import type { LegionPlan } from "./legion_plan.ts";
import type { Origin } from "../origin.ts";
import type { StatsPlan } from "./stats_plan.ts";

export interface TouchExec {
  readonly path: string;
  readonly command: string;
  readonly origin: Origin;
}

export interface LogPlan {
  /** daemonize=, daemonize2=, logto=, logto2=: the file that fds 1 and 2 go to; null: as inherited. */
  readonly file: string | null;
  /** Opened after privileges would have been dropped (logto2): created as the instance's user. */
  readonly asUser: boolean;
  readonly format: "text" | "json";
  /**
   * log-date: true or a strftime format in front of reeve's own lines instead of RFC 3339; null: RFC 3339.
   */
  readonly date: string | null;
  readonly prefix: string | null;
  /** Bytes after which the file is rotated; 0: never. */
  readonly maxSize: number;
  /** Name of the rotated file; null: FILE.<unix time>. */
  readonly backupName: string | null;
  /** Empty the file at start. */
  readonly truncate: boolean;
  /** logfile-chown: the file belongs to the instance's user. */
  readonly chown: boolean;
  /** logfile-chmod: the file's permission bits; null: of a new file 0640, of one that is there its own. */
  readonly mode: number | null;
  /** log-reopen: reopen by name after a reload. */
  readonly reopen: boolean;
}

/**
 * The identity of an instance among all others of this host, and its possible names
 * (build/instance_names.ts).
 */
export interface InstanceNaming {
  /** The file's absolute path as given, links kept, with `:SECTION` where one was asked for. */
  readonly identity: string;
  /** In the order of preference: a later one is for when another instance has those before it. */
  readonly names: readonly [string, ...string[]];
}

export interface InstancePlan {
  readonly name: string;
  readonly naming: InstanceNaming;
  /** null: /run/reeve/NAME and its fall-backs. */
  readonly runDir: string | null;
  /** null: reeve's own. Daemons and as-user hooks run as this. */
  readonly identity: Identity | null;
  readonly umask: number | null;
  readonly chdir: string | null;
  /** Applied in order to the environment of daemons and hooks. */
  readonly environment: readonly { readonly name: string; readonly value: string | null }[];
  readonly pidfiles: readonly {
    readonly path: string;
    readonly safe: boolean;
    readonly asUser: boolean;
    readonly origin: Origin;
  }[];
  readonly vacuum: boolean;
  readonly daemonize: boolean;
  readonly log: LogPlan;
  /** Seconds; grace of daemons without stop_timeout. */
  readonly reloadMercy: number;
  readonly exitOnReload: boolean;
  readonly sigtermReloads: boolean;
  /**
   * user-env: whose HOME, USER, LOGNAME and SHELL a child with a uid has. inherit: reeve's own, as under
   * uWSGI.
   */
  readonly userEnvironment: "user" | "inherit";
  readonly touchReload: readonly string[];
  readonly touchLogReopen: readonly string[];
  readonly touchLogRotate: readonly string[];
  readonly touchExec: readonly TouchExec[];
  readonly fsReload: readonly string[];
  readonly hooks: readonly Hook[];
  readonly waits: readonly Wait[];
  /** Bytes. */
  readonly limitAs: number | null;
  readonly limitNproc: number | null;
  readonly nice: number | null;
  /** CPUs, or null. uWSGI's meaning: each daemon is bound in turn to this many CPUs. */
  readonly cpuAffinity: number | null;
  /** Capability numbers kept (option cap), or null. */
  readonly caps: readonly number[] | null;
  readonly masterFifo: readonly { readonly path: string; readonly origin: Origin }[];
  /** The shell for command lines that need one: the first executable of the binsh options, else /bin/sh. */
  readonly shell: string;
  readonly procnamePrefix: string | null;
  /** namespace, chroot, unshare and their like; null: daemons run where reeve runs. */
  readonly jail: JailPlan | null;
  readonly setnsServer: SetnsServerPlan | null;
  readonly legions: readonly LegionPlan[];
  readonly stats: StatsPlan | null;
  /** null: nothing that is said of a daemon outlives a stop of the instance. */
  readonly stateDir: string | null;
  /** null: RUNDIR/control. */
  readonly controlPath: string | null;
  readonly controlAllow: readonly ControlEntry[];
  /**
   * Where each option of the instance that was written out comes from, by the option's name; for messages.
   */
  readonly origins?: Readonly<Record<string, Origin>>;
}
