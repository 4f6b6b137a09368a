/**
 * ChildSpec: everything about a child that is to be started, complete and checked before the spawn. pack.ts turns it
 * into the request of native/reeve.h; nothing else knows the layout.
 */
export interface ChildSpec {
  readonly spawnId: number;
  /** argv[0] included. */
  readonly args: readonly string[];
  /** What to execute. `search`: look `file` up in `searchPath` (a PATH) as execvp does when it holds no slash. */
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
  readonly caps: { readonly keep: bigint; readonly bound: bigint } | null;
  readonly noNewPrivs: boolean;
  readonly oomScoreAdj: number | null;
  readonly nice: number | null;
  readonly cpus: readonly number[] | null;
  /** Sent to the child when reeve dies; null: none. */
  readonly parentDeathSignal: number | null;
}
