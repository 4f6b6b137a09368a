/**
 * The questions of the Plan's builder to the system, in one injected object. It only looks: nothing is
 * created, changed or run. Tests pass a fake. The real one is in lib/cli/system/real_deps.ts.
 */
import type { Identity } from "../plan/daemon_plan.ts";

export type FileKind = "file" | "directory" | "fifo" | "socket" | "device" | "other";

/** The answer of stat(2), links followed. */
export interface FileStatus {
  readonly kind: FileKind;
  /** Permission bits, set-id and sticky included: 0 to 07777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** The files as they are seen from one root. */
export type SystemLook = Pick<
  PlanDeps,
  | "uid"
  | "cwd"
  | "path"
  | "stat"
  | "canWrite"
  | "canExecute"
  | "readStart"
  | "strangerOn"
  | "machines"
  | "mayHang"
>;

export interface PlanDeps {
  /** Text of /etc/passwd and /etc/group; "" where there is none. */
  readonly passwd: string;
  readonly group: string;
  /** reeve's own effective ids, and its supplementary groups. */
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly cwd: string;
  /** PATH of reeve's environment; null when unset. */
  readonly path: string | null;
  /** ELF's numbers of the machines whose programs run here, our own first; undefined: there are emulators. */
  readonly machines?: readonly number[] | undefined;
  /** Whether a look at this path asks another machine, or a process, that may never answer. Absent: never. */
  mayHang?(path: string): boolean;
  /** null: nothing there, or not to be seen. */
  stat(path: string): FileStatus | null;
  /**
   * Whether reeve itself may write to, or execute, what is there (access(2): read-only file systems count).
   */
  canWrite(path: string): boolean;
  canExecute(path: string): boolean;
  /**
   * A user, neither root nor reeve's own, who owns something on the way to the path; null: none. Absent: it
   * is not known.
   */
  strangerOn?(path: string): number | null;
  /** The first bytes of a regular file; null where it cannot be read. */
  readStart(path: string): Uint8Array | null;
  /** Names in a directory; null where it cannot be read. For envdir. */
  readDirectory(path: string): readonly string[] | null;
  /** Text of a regular file of at most a MiB; null where it cannot be read. For envdir. */
  readText(path: string): string | null;
  /**
   * The same with the directory `root` in the place of "/": neither a link nor ".." leads out of it. For what
   * lies in a jail. Absent: nothing is to be seen in other roots.
   */
  readInRoot?(root: string, path: string): string | null;
  /** As stat, likewise. */
  statInRoot?(root: string, path: string): FileStatus | null;
}

const READ_WRITE_EXECUTE_BITS = { write: 0o2, execute: 0o1 };

/**
 * Whether the permission bits let this identity do it, as the kernel decides: the owner's bits, else the
 * group's, else the others'; root may write everywhere and execute what anybody may. Access lists are not
 * seen.
 */
export function modeAllows(
  status: FileStatus,
  identity: Pick<Identity, "uid" | "gid" | "groups">,
  what: "write" | "execute",
): boolean {
  const bit = READ_WRITE_EXECUTE_BITS[what];
  if (identity.uid === 0) {
    return what === "write" || status.kind === "directory" || (status.mode & 0o111) !== 0;
  }
  if (status.uid === identity.uid) return (status.mode & (bit << 6)) !== 0;
  if (status.gid === identity.gid || identity.groups.includes(status.gid)) {
    return (status.mode & (bit << 3)) !== 0;
  }
  return (status.mode & bit) !== 0;
}
