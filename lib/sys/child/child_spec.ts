/**
 * ChildSpec: everything about a child that is to be started, complete and checked before the spawn. pack.ts
 * turns it into the request of native/reeve.h; nothing else knows the layout.
 */
import type { ChildLabel } from "../keeper/packets.ts";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "../native/constants.ts";

/** The flags of clone(2) by the names that files in /proc/PID/ns have. */
export const CLONE_NEW = {
  mnt: CLONE_NEWNS,
  cgroup: CLONE_NEWCGROUP,
  uts: CLONE_NEWUTS,
  ipc: CLONE_NEWIPC,
  user: CLONE_NEWUSER,
  pid: CLONE_NEWPID,
  net: CLONE_NEWNET,
} as const;

/** One mount of a child's set-up; kinds and rules in native/reeve.h. */
export interface MountStep {
  readonly kind: "bind" | "new" | "remount" | "plain" | "umount" | "devices";
  /** bind: a path outside, or inside with `sourceInside`. Else as mount(2) takes it. */
  readonly source: string;
  /** Beneath the new root. */
  readonly target: string;
  readonly type: string;
  readonly data: string;
  /** MS_* or, for umount, MNT_*. */
  readonly flags: number;
  readonly create: boolean;
  readonly recursive: boolean;
  readonly optional: boolean;
  readonly sourceInside: boolean;
}

/** Where a child lives, beyond its descriptors and rights. */
export interface Confinement {
  /** The PID namespace to be born in; null: reeve's. */
  readonly pidNamespace: number | null;
  /**
   * A PID namespace of its own (within `pidNamespace`): the child is then the helper's init and the program
   * its PID 2.
   */
  readonly newPid: boolean;
  /** Joined in order: a namespace file with one flag, or a pidfd with several. Never pid. */
  readonly join: readonly { readonly fd: number; readonly flags: number }[];
  /** CLONE_NEW* without pid. */
  readonly unshare: number;
  readonly root: { readonly path: string; readonly how: "pivot" | "chroot" } | null;
  readonly mounts: readonly MountStep[];
  readonly hostname: string | null;
  /** Bring lo up in a new net namespace. */
  readonly loopback: boolean;
  /**
   * When all is mounted: what /proc, /sys and their like hold of the host is made read-only or covered, in a
   * mount namespace that `unshare` has.
   */
  readonly shield: boolean;
  /** Written to, and closed, when all of the above is done (init and jail). */
  readonly readyFd: number | null;
}

export interface ChildSpec {
  readonly spawnId: number;
  /** argv[0] included. */
  readonly args: readonly string[];
  /**
   * The program to execute. `search`: look `file` up in `searchPath` (a PATH) as execvp does when it holds no
   * slash.
   */
  readonly file: { readonly path: string; readonly searchPath: string | null } | { readonly fd: number };
  /** NAME=value strings, complete: nothing is inherited. */
  readonly environment: readonly string[];
  readonly chdir: string | null;
  readonly uid: number | null;
  readonly gid: number | null;
  /** null: unchanged. */
  readonly groups: readonly number[] | null;
  readonly umask: number | null;
  /** Child's fd: reeve's fd, or "null" for /dev/null. Every other fd of the child is closed. */
  readonly fds: ReadonlyMap<number, number | "null">;
  readonly session: "new" | "group" | "foreground" | "same";
  readonly rlimits: readonly { readonly resource: number; readonly soft: bigint; readonly hard: bigint }[];
  /** `keep` null: whatever the bounding set and the uid leave. */
  readonly caps: { readonly keep: bigint | null; readonly bound: bigint } | null;
  readonly noNewPrivs: boolean;
  readonly oomScoreAdj: number | null;
  readonly nice: number | null;
  readonly cpus: readonly number[] | null;
  /** Sent to the child when reeve dies; null: none. */
  readonly parentDeathSignal: number | null;
  /**
   * It does nothing before it is let in, and ends with reeve until then: what must be on record before it
   * runs. Absent: no.
   */
  readonly gated?: boolean;
  /** Signals that stay blocked in the program, which is another image of reeve; absent: none. */
  readonly blockedSignals?: readonly number[];
  /** By which a later core knows it; absent: nobody needs to. */
  readonly label?: ChildLabel;
  /** The keeper's way to stop it, where no core does; absent: TERM, and SIGKILL at once. */
  readonly stop?: { readonly signal: number; readonly graceMs: number };
  /**
   * Absent: exec, or init where `confinement.newPid`. jail: PID 1 of a jail, no program. none: set up, then
   * exit 0.
   */
  readonly role?: "exec" | "init" | "jail" | "none";
  readonly confinement?: Confinement | null;
}

/**
 * A child of which nothing is asked yet but a session of its own, and that has none of reeve's descriptors.
 */
export const EMPTY_CHILD: Omit<ChildSpec, "spawnId" | "args" | "file"> = {
  environment: [],
  chdir: null,
  uid: null,
  gid: null,
  groups: null,
  umask: null,
  fds: new Map([[0, "null"], [1, "null"], [2, "null"]]),
  session: "new",
  rlimits: [],
  caps: null,
  noNewPrivs: false,
  oomScoreAdj: null,
  nice: null,
  cpus: null,
  parentDeathSignal: null,
};

/** A child lives where reeve does. */
export const UNCONFINED: Confinement = {
  pidNamespace: null,
  newPid: false,
  join: [],
  unshare: 0,
  root: null,
  mounts: [],
  hostname: null,
  loopback: false,
  shield: false,
  readyFd: null,
};
