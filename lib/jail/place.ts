/**
 * Where a running jail is: what is needed to open a file beneath its root, to join it, and to know its
 * processes again. The descriptors belong to whoever holds the jail; nobody else closes them, and nobody
 * keeps one over a turn of the event loop, since a jail that is made again has others.
 */
import type { Confinement } from "../sys/child/child_spec.ts";

export interface JailPlace {
  /**
   * The jail's init, as reeve sees it: an unreaped child, or held by a pidfd. null: a chroot, which has none.
   */
  readonly initPid: number | null;
  /** O_PATH of the jail's root directory. */
  readonly rootFd: number;
  /** The jail's PID namespace; null: it has none of its own. */
  readonly pidNamespaceFd: number | null;
  /** The confinement of a child that is to live in the jail as its daemons do. */
  readonly confinement: Confinement;
  /** reeve's pid of the process that the jail calls `pid`; null: there is none. */
  translatePid(pid: number): number | null;
  /** The pid that the process `pid` of the host has in the jail; null: it is not in the jail, or is gone. */
  pidInside(pid: number): number | null;
}

/** The jail as it is at this moment; null: there is none, or it is being made. */
export type JailSource = () => JailPlace | null;
