/**
 * Opens a log file for appending, as root too: not through a link that somebody else may have planted, never waiting
 * for a FIFO's reader, never becoming reeve's controlling terminal.
 */
import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname } from "node:path";

/** Readable by the group, as uWSGI creates it: administrators are often in one. */
const MODE = 0o640;
const WORLD_WRITABLE = 0o002;
// Bun adds O_CLOEXEC to every open.
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_NOCTTY | constants.O_NONBLOCK |
  constants.O_NOFOLLOW;

export interface OpenLogOptions {
  /** A log file that is created belongs to this user; null: to reeve's own. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  readonly asRoot: boolean;
  /** Clears O_NONBLOCK: daemons share the descriptor, and they do not expect EAGAIN. */
  readonly setBlocking: (fd: number) => void;
}

function codeOf(problem: unknown): string {
  const code = (problem as { code?: unknown }).code;
  return typeof code === "string" ? code : String(problem);
}

function refuse(path: string, detail: string): never {
  throw new Error(`cannot open log file "${path}": ${detail}`);
}

/** Without O_NOFOLLOW, but only where nobody but root can have made the link. */
function openLink(path: string, flags: number, options: OpenLogOptions): number {
  if (options.asRoot) {
    const link = lstatSync(path);
    if ((statSync(dirname(path)).mode & WORLD_WRITABLE) !== 0) {
      refuse(
        path,
        "it is a symbolic link in a directory that everybody can write to; name the file it points to",
      );
    }
    if (link.uid !== 0) {
      refuse(path, `it is a symbolic link that user ${link.uid} made, not root; name the file it points to`);
    }
  }
  return openSync(path, (flags & ~constants.O_NOFOLLOW) | constants.O_CREAT, MODE);
}

function openOnce(path: string, options: OpenLogOptions): { fd: number; created: boolean } {
  for (let attempt = 0; attempt < 10; attempt++) {
    try {
      return { fd: openSync(path, FLAGS | constants.O_CREAT | constants.O_EXCL, MODE), created: true };
    } catch (problem) {
      if (codeOf(problem) !== "EEXIST") throw problem;
    }
    try {
      return { fd: openSync(path, FLAGS), created: false };
    } catch (problem) {
      if (codeOf(problem) === "ELOOP") return { fd: openLink(path, FLAGS, options), created: false };
      // Gone between the two calls (another program rotates it): once more.
      if (codeOf(problem) !== "ENOENT") throw problem;
    }
  }
  return refuse(path, "it appears and disappears; is another program rotating it?");
}

function checkOpened(path: string, status: Stats, options: OpenLogOptions): void {
  if (status.isDirectory()) refuse(path, "it is a directory; name a file in it");
  if (!options.asRoot || !status.isFile() || status.nlink < 2) return;
  if ((statSync(dirname(path)).mode & WORLD_WRITABLE) !== 0) {
    refuse(
      path,
      "it has a second name (hard link) and lies in a directory that everybody can write to; remove it",
    );
  }
}

/** What a person can do about it, where the error's own name does not say. */
function explain(code: string): string {
  if (code === "ENXIO") {
    return "it is a FIFO without a reader, or a device that is not there; start its reader first";
  }
  if (code === "ENOENT") return "no such directory; create it first";
  if (code === "EISDIR") return "it is a directory; name a file in it";
  return code;
}

/** The descriptor (close-on-exec, O_APPEND). Throws an Error whose text is complete: `cannot open log file "..."`. */
export function openLogFile(path: string, options: OpenLogOptions): number {
  let opened: { fd: number; created: boolean };
  try {
    opened = openOnce(path, options);
  } catch (problem) {
    if (problem instanceof Error && problem.message.startsWith("cannot ")) throw problem;
    throw new Error(`cannot open log file "${path}": ${explain(codeOf(problem))}`, { cause: problem });
  }
  try {
    const status = fstatSync(opened.fd);
    checkOpened(path, status, options);
    if (!status.isFile()) options.setBlocking(opened.fd);
    if (opened.created && options.owner !== null) fchownSync(opened.fd, options.owner.uid, options.owner.gid);
    return opened.fd;
  } catch (problem) {
    closeSync(opened.fd);
    throw problem;
  }
}
