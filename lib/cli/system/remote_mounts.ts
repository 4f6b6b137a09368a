/**
 * Which paths lead onto file systems that ask another machine, or a process, and so may never answer. It
 * reads the table of mounts, and of a path only the names before such a mount.
 */
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseMountInfo } from "../../sys/host/mount_info.ts";

const REMOTE =
  /^(?:nfs4?|cifs|smb3|smbfs|ncpfs|afs|coda|ceph|9p|virtiofs|fuse(?:blk|\..*)?|autofs|glusterfs|lustre|ocfs2|gfs2|orangefs|pvfs2)$/;
/** Most hosts have none of them: then the table, of many lines where containers run, is not taken apart. */
const MENTIONS_REMOTE = new RegExp(REMOTE.source.replace("^", " - ").replace("$", " "));
/** As many as the kernel follows. */
const MOST_LINKS = 40;

export class RemoteMounts {
  #points: readonly string[] | null = null;
  readonly #answers = new Map<string, boolean>();

  /** `path`: absolute. */
  leadsTo(path: string): boolean {
    this.#points ??= remotePoints();
    if (this.#points.length === 0) return false;
    let answer = this.#answers.get(path);
    if (answer === undefined) {
      answer = this.#walk(path, this.#points);
      this.#answers.set(path, answer);
    }
    return answer;
  }

  #walk(path: string, points: readonly string[]): boolean {
    const pending = path.split("/");
    let current = "/";
    let links = 0;
    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      if (name === "" || name === ".") continue;
      const next = name === ".." ? dirname(current) : join(current, name);
      if (points.some((point) => next === point || next.startsWith(`${point}/`))) return true;
      const target = linkAt(next);
      if (target === undefined) return false;
      if (target === null) {
        current = next;
        continue;
      }
      if (++links > MOST_LINKS) return false;
      if (target.startsWith("/")) current = "/";
      pending.unshift(...target.split("/"));
    }
    return false;
  }
}

/** Where a link leads; null: it is none; undefined: there is nothing. */
function linkAt(path: string): string | null | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null;
  } catch {
    return undefined;
  }
}

/** Mount points, "/" left out: reeve itself is there. */
function remotePoints(): readonly string[] {
  try {
    const table = readFileSync("/proc/self/mountinfo", "utf8");
    if (!MENTIONS_REMOTE.test(table)) return [];
    return parseMountInfo(table).filter(({ type, target }) => REMOTE.test(type) && target !== "/")
      .map(({ target }) => target);
  } catch {
    return [];
  }
}
