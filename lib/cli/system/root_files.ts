/**
 * Looks under another root directory, as the processes that will live there see it. What is there is hostile:
 * no link and no ".." leads out of it, only regular files are opened, and nothing is waited for. Nothing is
 * changed.
 */
import { closeSync, constants, openSync, readSync, type Stats, statSync } from "node:fs";
import { closeFd } from "../../sys/file/descriptor.ts";
import { openDirectory, openInRoot } from "../../sys/file/files.ts";

/** Text of a regular file of at most `limit` bytes; null where there is none. */
export function readTextInRoot(root: string, path: string, limit: number): string | null {
  return lookInRoot(root, path, (held, status) => {
    if (!status.isFile() || status.size > limit) return null;
    const bytes = readHeld(held, limit + 1);
    return bytes.length > limit ? null : new TextDecoder().decode(bytes);
  });
}

/**
 * `use` gets the path of a descriptor of what `path` names, and its status; null where nothing is to be seen.
 */
export function lookInRoot<Result>(
  root: string,
  path: string,
  use: (held: string, status: Stats) => Result,
): Result | null {
  let rootFd = -1;
  let fd = -1;
  try {
    rootFd = openDirectory(root);
    // By name alone: to open a device may already do something.
    fd = openInRoot(rootFd, path, { followLast: true, access: "name" });
    const held = `/proc/self/fd/${fd}`;
    return use(held, statSync(held));
  } catch {
    return null;
  } finally {
    if (fd >= 0) closeFd(fd);
    if (rootFd >= 0) closeFd(rootFd);
  }
}

/** The first `limit` bytes. */
function readHeld(held: string, limit: number): Uint8Array {
  const fd = openSync(held, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    let bytes = new Uint8Array(Math.min(limit, 16 << 10));
    let filled = 0;
    for (;;) {
      const count = readSync(fd, bytes, filled, bytes.length - filled, null);
      filled += count;
      if (count === 0 || filled === limit) return bytes.subarray(0, filled);
      if (filled < bytes.length) continue;
      const larger = new Uint8Array(Math.min(bytes.length * 4, limit));
      larger.set(bytes);
      bytes = larger;
    }
  } finally {
    closeSync(fd);
  }
}
