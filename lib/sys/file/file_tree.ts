/**
 * Files by paths as somebody sees them: reeve itself, or the processes of a jail (lib/jail/rooted_tree.ts).
 * Whoever asks through one of these never holds a path of the other side, and works on the path that it is
 * lent, for the length of the call alone. Must never look at a file itself.
 */
import { constants, openSync } from "node:fs";

export interface WriteOptions {
  readonly append: boolean;
  /** Emptied when it is a regular file. */
  readonly truncate: boolean;
  /** A missing file is made with these permissions, cut by the umask; null: it is an error (ENOENT). */
  readonly create: number | null;
}

/**
 * "look": what it is and whether it is there. "use": what it holds is read, or something of it is changed.
 */
export type Purpose = "look" | "use";

export interface FileTree {
  /**
   * Lends a path for calls that follow no link in its last place: lstat, mkdir, unlink, rename, lchown,
   * readlink, open with O_NOFOLLOW or O_EXCL. Its dirname is the directory of the entry. Throws what `use`
   * throws, and SysError.
   */
  entry<T>(path: string, purpose: Purpose, use: (path: string) => T): T;
  /** Lends a path for calls that follow: what `path` leads to must exist. Never to be given to O_NOFOLLOW. */
  target<T>(path: string, purpose: Purpose, use: (path: string) => T): T;
  /**
   * Never waits for a FIFO's reader (ENXIO), never takes a terminal. Links are followed, dangling ones too.
   */
  openForWriting(path: string, options: WriteOptions): number;
}

/** Files as reeve sees them: the paths are what they are. */
export const HOST_TREE: FileTree = {
  entry: (path, _purpose, use) => use(path),
  target: (path, _purpose, use) => use(path),
  openForWriting: (path, options) => openSync(path, writeFlags(options), options.create ?? 0),
};

/** For open(2). */
export function writeFlags({ append, truncate, create }: WriteOptions): number {
  return constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY |
    (append ? constants.O_APPEND : 0) | (truncate ? constants.O_TRUNC : 0) |
    (create === null ? 0 : constants.O_CREAT);
}
