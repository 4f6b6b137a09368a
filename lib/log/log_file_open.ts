/**
 * Opens a log file for appending, as root too: not through a link that somebody else may have planted, never
 * waiting for a FIFO's reader, never becoming reeve's controlling terminal. In a jail no link and no device
 * will do.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  statfsSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { errorCode } from "../sys/errno.ts";
import { errorText } from "../sys/error_text.ts";
import { type FileTree, HOST_TREE } from "../sys/file/file_tree.ts";

/** Readable by the group, as uWSGI creates it: administrators are often in one. */
const MODE = 0o640;
const WORLD_WRITABLE = 0o002;
// Bun adds O_CLOEXEC to every open.
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_NOCTTY | constants.O_NONBLOCK |
  constants.O_NOFOLLOW;

export interface OpenLogOptions {
  /** A log file that is created belongs to this user; null: to reeve's own. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  /** One that is there already, too, as far as reeve may change that: logfile-chown. */
  readonly ownsExisting?: boolean;
  /**
   * Permission bits of the file, made or found: logfile-chmod; null: of one that is made 0640 less the
   * umask.
   */
  readonly mode?: number | null;
  readonly asRoot: boolean;
  /** Clears O_NONBLOCK: daemons share the descriptor, and they do not expect EAGAIN. */
  readonly setBlocking: (fd: number) => void;
  /** The tree that the path is in; default: reeve's. */
  readonly tree?: FileTree;
}

/** The path as messages have it, and as it is lent for the calls. */
interface Place {
  readonly path: string;
  readonly entry: string;
  readonly options: OpenLogOptions;
}

function isInside(options: OpenLogOptions): boolean {
  return (options.tree ?? HOST_TREE) !== HOST_TREE;
}

function codeOf(problem: unknown): string {
  return errorCode(problem) ?? errorText(problem);
}

function refuse(path: string, detail: string): never {
  throw new Error(`cannot open log file "${path}": ${detail}`);
}

/** Without O_NOFOLLOW, but only where nobody but root can have made the link. */
function openLink({ path, entry, options }: Place, flags: number): number {
  if (isInside(options)) refuse(path, "it is a symbolic link inside the jail; name the file it points to");
  if (options.asRoot) {
    const link = lstatSync(entry);
    if ((statSync(dirname(entry)).mode & WORLD_WRITABLE) !== 0) {
      refuse(
        path,
        "it is a symbolic link in a directory that everybody can write to; name the file it points to",
      );
    }
    if (link.uid !== 0) {
      refuse(path, `it is a symbolic link that user ${link.uid} made, not root; name the file it points to`);
    }
  }
  return openSync(entry, (flags & ~constants.O_NOFOLLOW) | constants.O_CREAT, MODE);
}

const PROC_SUPER_MAGIC = 0x9fa0;
/** As many as the kernel follows. */
const MOST_LINKS = 40;

/**
 * Whether the path (/dev/stdout, /dev/fd/3) leads through /proc to what a process has open, whatever its
 * name is.
 */
export function isDescriptorName(path: string): boolean {
  let entry = path;
  try {
    for (let links = 0; links < MOST_LINKS; links++) {
      if (!lstatSync(entry).isSymbolicLink()) return false;
      const directory = realpathSync(dirname(entry));
      if (statfsSync(directory).type === PROC_SUPER_MAGIC) return true;
      entry = resolve(directory, readlinkSync(entry));
    }
  } catch {
    // It is not there, so that it is no name of anything that is open.
  }
  return false;
}

function openOnce(place: Place): { fd: number; created: boolean } {
  const { path, entry } = place;
  for (let attempt = 0; attempt < 10; attempt++) {
    try {
      return { fd: openSync(entry, FLAGS | constants.O_CREAT | constants.O_EXCL, MODE), created: true };
    } catch (problem) {
      if (codeOf(problem) !== "EEXIST") throw problem;
    }
    try {
      return { fd: openSync(entry, FLAGS), created: false };
    } catch (problem) {
      if (codeOf(problem) === "ELOOP") return { fd: openLink(place, FLAGS), created: false };
      // Gone between the two calls (another program rotates it): once more.
      if (codeOf(problem) !== "ENOENT") throw problem;
    }
  }
  return refuse(path, "it appears and disappears; is another program rotating it?");
}

function checkOpened({ path, entry, options }: Place, status: Stats): void {
  if (status.isDirectory()) refuse(path, "it is a directory; name a file in it");
  if (isInside(options) && !status.isFile() && !status.isFIFO()) {
    refuse(path, "it is no file inside the jail; name one");
  }
  if (!options.asRoot || !status.isFile() || status.nlink < 2) return;
  if (options.ownsExisting === true || (options.mode ?? null) !== null) {
    refuse(
      path,
      "it has a second name (hard link), whose owner and mode would be changed as well; remove it",
    );
  }
  if ((statSync(dirname(entry)).mode & WORLD_WRITABLE) !== 0) {
    refuse(
      path,
      "it has a second name (hard link) and lies in a directory that everybody can write to; remove it",
    );
  }
}

/** The remedy, where the error's own name does not say it. */
function explain(code: string): string {
  if (code === "ENXIO") {
    return "it is a FIFO without a reader, or a device that is not there; start its reader first";
  }
  if (code === "ENOENT") return "no such directory; create it first";
  if (code === "EISDIR") return "it is a directory; name a file in it";
  return code;
}

/**
 * The descriptor (close-on-exec, O_APPEND). Throws an Error whose text is complete: `cannot open log file
 * "..."`.
 */
export function openLogFile(path: string, options: OpenLogOptions): number {
  try {
    return (options.tree ?? HOST_TREE).entry(path, "use", (entry) => openAt({ path, entry, options }));
  } catch (problem) {
    if (problem instanceof Error && problem.message.startsWith("cannot open log file")) throw problem;
    throw new Error(`cannot open log file "${path}": ${explain(codeOf(problem))}`, { cause: problem });
  }
}

function openAt(place: Place): number {
  const { owner, ownsExisting = false, mode = null, setBlocking } = place.options;
  const { fd, created } = openOnce(place);
  try {
    const status = fstatSync(fd);
    checkOpened(place, status);
    if (!status.isFile()) setBlocking(fd);
    // Devices, and what only has a name in /proc, are others' too.
    const isOurs = created || (status.isFile() && (isInside(place.options) || !isDescriptorName(place.path)));
    if (owner !== null && (created || (ownsExisting && isOurs))) {
      // Without root it can only be that user's already.
      if (status.uid !== owner.uid || status.gid !== owner.gid) fchownSync(fd, owner.uid, owner.gid);
    }
    if (mode !== null && isOurs && (status.mode & 0o7777) !== mode) fchmodSync(fd, mode);
    return fd;
  } catch (problem) {
    closeSync(fd);
    throw problem;
  }
}
