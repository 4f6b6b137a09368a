/**
 * The Plan: a configuration checked and typed, with every default filled in. Built from the flattened options by
 * build/instance.ts and daemon/daemons.ts; read by the supervisor, `reeve check` and `reeve plan`. Immutable and free of effects.
 */
import type { DaemonNamespaces, JailPlan, SetnsServerPlan } from "./jail_plan.ts";
import type { LegionPlan, StatsPlan } from "./legion_plan.ts";
import type { Origin } from "../origin.ts";

/** How a daemon's command is started: words executed directly, or a line for /bin/sh -c. */
export type Command =
  | { readonly kind: "words"; readonly text: string; readonly words: readonly string[] }
  | { readonly kind: "shell"; readonly text: string; readonly shell: string };

export type DaemonOption =
  | "attach-daemon"
  | "attach-control-daemon"
  | "smart-attach-daemon"
  | "smart-attach-daemon2"
  | "attach-daemon2"
  | "legion-attach-daemon"
  | "legion-smart-attach-daemon"
  | "legion-smart-attach-daemon2"
  | "entrypoint";

/** dumb: no pidfile. smart: pidfile, written by the command. smart2: pidfile, written by reeve. */
export type DaemonKind = "dumb" | "smart" | "smart2";

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one included where the system says so. */
  readonly groups: readonly number[];
  /** Name of the user where it has one; for messages and HOME-like lookups. */
  readonly user: string | null;
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
  readonly origin: Origin;
  /** Origin of each key that was written out; absent keys are defaults. */
  readonly origins: Readonly<Partial<Record<keyof DaemonPlan, Origin>>>;
}

export type HookPhase =
  | "asap"
  | "pre-jail"
  | "post-jail"
  | "in-jail"
  | "as-root"
  | "as-user"
  | "pre-app"
  | "post-app"
  | "as-user-atexit"
  | "master-start"
  | "accepting";

export type HookAction =
  | { readonly kind: "exec"; readonly command: string; readonly mayFail: boolean }
  | { readonly kind: "chdir"; readonly path: string }
  | { readonly kind: "mkdir"; readonly path: string }
  | { readonly kind: "putenv"; readonly name: string; readonly value: string }
  | { readonly kind: "chmod"; readonly path: string; readonly mode: number }
  | {
    readonly kind: "chown";
    readonly path: string;
    readonly owner: string;
    readonly group: string;
    readonly follow: boolean;
  }
  | { readonly kind: "sticky"; readonly path: string }
  | { readonly kind: "create"; readonly path: string }
  | {
    readonly kind: "write";
    readonly path: string;
    readonly text: string;
    readonly append: boolean;
    readonly newline: boolean;
  }
  | { readonly kind: "writefifo"; readonly path: string; readonly text: string }
  | { readonly kind: "unlink"; readonly path: string }
  | { readonly kind: "hostname"; readonly name: string }
  | { readonly kind: "wait"; readonly what: WaitKind; readonly target: string }
  | { readonly kind: "unix_signal"; readonly pid: string; readonly signal: number }
  | {
    readonly kind: "mount";
    readonly type: string;
    readonly source: string;
    readonly target: string;
    readonly flags: readonly string[];
    readonly data: string | null;
  }
  | { readonly kind: "umount"; readonly target: string; readonly flags: readonly string[] }
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "print"; readonly text: string };

export interface Hook {
  readonly phase: HookPhase;
  readonly action: HookAction;
  /** For the log: as written, with its secrets masked; "[hidden]" where it was written with a leading '!'. */
  readonly shown: string;
  readonly origin: Origin;
}

export type WaitKind = "fs" | "file" | "dir" | "mountpoint" | "socket" | "interface";
export interface Wait {
  readonly what: WaitKind;
  readonly target: string;
  /** Seconds; 0: for ever. */
  readonly timeout: number;
  readonly origin: Origin;
}

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
  /** log-date: true or a strftime format in front of reeve's own lines instead of RFC 3339; null: RFC 3339. */
  readonly date: string | null;
  readonly prefix: string | null;
  /** Bytes after which the file is rotated; 0: never. */
  readonly maxSize: number;
  /** Name of the rotated file; null: FILE.<unix time>. */
  readonly backupName: string | null;
  /** Empty the file at start. */
  readonly truncate: boolean;
  /** log-reopen: reopen by name after a reload. */
  readonly reopen: boolean;
}

export interface InstancePlan {
  readonly name: string;
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
  /** What runs command lines that need a shell: the first executable of the binsh options, else /bin/sh. */
  readonly shell: string;
  readonly procnamePrefix: string | null;
  /** namespace, chroot, unshare and their like; null: daemons run where reeve runs. */
  readonly jail: JailPlan | null;
  readonly setnsServer: SetnsServerPlan | null;
  readonly legions: readonly LegionPlan[];
  readonly stats: StatsPlan | null;
  /** Where each option of the instance that was written out comes from, by the option's name; for messages. */
  readonly origins?: Readonly<Record<string, Origin>>;
}

export interface Plan {
  readonly instance: InstancePlan;
  readonly daemons: readonly DaemonPlan[];
  /** The files that were read, in order; the first names the instance. */
  readonly files: readonly string[];
}
