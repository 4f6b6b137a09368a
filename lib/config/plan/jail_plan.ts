/**
 * The namespaces of a configuration: the instance's jail and what single daemons ask for. Types only, part of
 * the Plan; paths are as configured, nothing has been opened.
 */
import type { Origin } from "../origin.ts";

/** "fs" of uWSGI's unshare is mnt. */
export type NamespaceKind = "pid" | "mnt" | "net" | "uts" | "ipc" | "cgroup" | "user";

/** A mount of the host that stays. */
export interface KeepMount {
  /** On the host. */
  readonly source: string;
  /** Inside, absolute. */
  readonly target: string;
  readonly origin: Origin;
}

/**
 * Another root directory. pivot: a new root mount, and the old one is gone. chroot: chroot(2) alone, as
 * uWSGI's option. keepOld (pivot-root = NEW OLD): where the old root stays visible, beneath the new one.
 */
export interface RootPlan {
  readonly path: string;
  readonly how: "pivot" | "chroot";
  readonly keepOld: string | null;
}

/** Namespaces to join before anything else. */
export type JoinPlan =
  | { readonly kind: "pid"; readonly pid: number; readonly origin: Origin }
  /** A namespace file such as /run/netns/NAME, or a directory of them such as /proc/PID/ns. */
  | { readonly kind: "path"; readonly path: string; readonly origin: Origin }
  /** setns=SOCKET of uWSGI: a unix socket whose server hands out descriptors. */
  | { readonly kind: "socket"; readonly path: string; readonly origin: Origin };

/**
 * The instance's namespaces: one PID 1 (the helper) where there is a PID namespace, which every daemon joins.
 */
export interface JailPlan {
  /** The option that asked for it, for messages: "namespace", "chroot", "unshare" ... */
  readonly option: string;
  readonly namespaces: readonly NamespaceKind[];
  readonly join: readonly JoinPlan[];
  /** null: "/" as it is. */
  readonly root: RootPlan | null;
  readonly hostname: string | null;
  readonly keep: readonly KeepMount[];
  /** namespace-bare: /dev is left alone, and nothing but /proc and the keep-mounts is mounted. */
  readonly bare: boolean;
  /** namespace-env: what daemons inside begin with. clean: PATH, TERM, LANG. */
  readonly environment: "clean" | "inherit";
  /**
   * The instance's `cap` leaves nobody the right to mount: what /proc gives to uid 0 for the whole host is
   * read-only. Absent: no.
   */
  readonly shielded?: boolean;
  readonly origin: Origin;
}

/**
 * A daemon's own namespaces (attach-daemon2: ns_pid, ns, root, hostname, keep, readonly, tmpfs, setns), on
 * top of the jail's.
 */
export interface DaemonNamespaces {
  readonly namespaces: readonly NamespaceKind[];
  readonly join: readonly JoinPlan[];
  readonly root: RootPlan | null;
  readonly hostname: string | null;
  readonly keep: readonly KeepMount[];
  /** Everything but /proc, /dev, the tmpfs mounts and the keep-mounts is seen read-only. */
  readonly readonly: boolean;
  /** Absolute paths inside. */
  readonly tmpfs: readonly string[];
}

/** Hand out this instance's namespaces to others (setns-socket). */
export interface SetnsServerPlan {
  readonly path: string;
  /** As uWSGI: names under /proc/self/ns that are not handed out. */
  readonly skip: readonly string[];
  readonly origin: Origin;
}
