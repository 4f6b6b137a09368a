/**
 * The things to watch so that every change of what a path means is noticed: the chain of directories, links
 * and the target that the path leads through now. Only looks (lstat, readlink), never changes anything.
 */
import { lstatSync, readlinkSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { type FileTree, HOST_TREE } from "../sys/file/file_tree.ts";
import { MOST_NAMES, pathNames } from "./path_walk.ts";

/** One thing to watch. `name`: the entry of the directory `path` that matters; null: `path` itself. */
export interface ChainLink {
  readonly path: string;
  readonly name: string | null;
  readonly kind: "entry" | "missing" | "target";
}

/** As the kernel (path_resolution(7)): more links than this are a loop. */
const MOST_LINKS = 40;

/**
 * `path` is absolute. Its ".." are taken as the kernel takes them, after the links before them. For a path
 * whose middle is missing the chain ends at the nearest directory that exists, which is watched for the
 * missing entry. A directory on the way is watched through its parent: a directory that is removed while a
 * process works in it sends no event of its own. A regular target is watched itself: its directory may be a
 * busy one. The beginning of a way that is longer than any that somebody means.
 */
export function pathChain(path: string, tree: FileTree = HOST_TREE): ChainLink[] {
  const chain: ChainLink[] = [];
  const pending = pathNames(path);
  let links = 0;
  let names = 0;
  let current = "/";
  if (pending.length === 0) return [{ path: "/", name: null, kind: "target" }];
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === "..") {
      current = dirname(current);
      continue;
    }
    if (++names > MOST_NAMES) return chain;
    const next = join(current, name);
    let target: string | null = null;
    let isDirectory = false;
    try {
      target = tree.entry(next, "look", (entry) => {
        const status = lstatSync(entry);
        isDirectory = status.isDirectory();
        return status.isSymbolicLink() ? readlinkSync(entry) : null;
      });
    } catch {
      // Missing, or not ours to see: either way its directory tells when that changes.
      chain.push({ path: current, name, kind: "missing" });
      return chain;
    }
    if (target !== null) {
      chain.push({ path: current, name, kind: "entry" });
      if (++links > MOST_LINKS) return chain;
      if (isAbsolute(target)) current = "/";
      pending.unshift(...pathNames(target));
      if (pending.length === 0) chain.push({ path: current, name: null, kind: "target" });
      continue;
    }
    if (isDirectory) chain.push({ path: current, name, kind: "entry" });
    if (pending.length === 0) {
      chain.push({ path: next, name: null, kind: "target" });
    } else if (!isDirectory) {
      // A file where a directory has to be.
      chain.push({ path: current, name, kind: "entry" });
      return chain;
    }
    current = next;
  }
  return chain;
}
