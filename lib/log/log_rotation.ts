/**
 * The two ways to begin a new log file, both leaving the old text under a backup name.
 *
 * Rename: exact, but a process that already has the file open goes on writing to the renamed one. Copy and
 * truncate: for when daemons have it open. Its limits: the disk holds the text twice for a moment, and what
 * is written between the last read and the truncation is lost (counted, where it can be seen in the size).
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
} from "node:fs";
import { writeAll } from "../sys/file/descriptor.ts";
import { type FileTree, HOST_TREE } from "../sys/file/file_tree.ts";

const CHUNK = 1 << 20;
/** So much may be copied without a break at the end; a flood that outruns that is cut off there. */
const FINAL_BYTES = 64 << 20;

export interface CopyResult {
  readonly copied: number;
  /** Bytes that came between the last read and the truncation. */
  readonly lost: number;
}

export interface CopyOptions {
  /** The log, open for appending. */
  readonly fd: number;
  readonly path: string;
  readonly backup: string;
  readonly tree?: FileTree;
  /** Told the name of a file before there is one. */
  readonly written?: (path: string) => void;
}

/**
 * Copies the file behind `fd` to `backup`, then empties it in place. The event loop runs between the chunks.
 * Rejects with the file system's error; then the log is as it was and no half copy is left.
 */
export async function copyAndTruncate(options: CopyOptions): Promise<CopyResult> {
  const { fd, path, backup, tree = HOST_TREE, written } = options;
  const old = fstatSync(fd);
  const source = openForReading(fd, path, tree);
  const temporary = `${backup}.${crypto.getRandomValues(new Uint8Array(6)).toHex()}.tmp`;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  written?.(temporary);
  let target = -1;
  try {
    target = tree.entry(temporary, "use", (entry) => openSync(entry, flags, 0o600));
    const buffer = Buffer.allocUnsafe(CHUNK);
    let copied = 0;
    const copyChunk = (): number => {
      const count = readSync(source, buffer, 0, CHUNK, copied);
      writeAll(target, buffer.subarray(0, count), { doing: "write", path: temporary });
      copied += count;
      return count;
    };
    while (fstatSync(source).size - copied > CHUNK) {
      copyChunk();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    // Owner first: a change of owner may clear bits of the mode.
    try {
      fchownSync(target, old.uid, old.gid);
    } catch {
      // Not root: the copy is ours.
    }
    fchmodSync(target, old.mode & 0o777);
    const limit = copied + FINAL_BYTES;
    while (copied < limit && copyChunk() > 0);
    // Renamed once nearly all is copied (until then a failure leaves nothing), and before the log is emptied.
    tree.entry(temporary, "use", (from) => tree.entry(backup, "use", (to) => renameSync(from, to)));
    while (copied < limit && copyChunk() > 0);
    const lost = Math.max(0, fstatSync(source).size - copied);
    ftruncateSync(fd, 0);
    return { copied, lost };
  } catch (problem) {
    try {
      tree.entry(temporary, "use", unlinkSync);
    } catch {
      // It was not created, or has its final name already.
    }
    throw problem;
  } finally {
    if (target !== -1) closeSync(target);
    closeSync(source);
  }
}

/** The file behind `fd`, by its name only where there is no /proc and the name still means the same file. */
function openForReading(fd: number, path: string, tree: FileTree): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NOCTTY);
  } catch (problem) {
    const flags = constants.O_RDONLY | constants.O_NOCTTY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const source = tree.entry(path, "use", (entry) => openSync(entry, flags));
    const [one, other] = [fstatSync(fd), fstatSync(source)];
    if (one.ino === other.ino && one.dev === other.dev) return source;
    closeSync(source);
    throw problem;
  }
}
