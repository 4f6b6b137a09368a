/**
 * The way on which a path leads, one name after the other, links followed as the kernel does
 * (path_resolution(7)): for whoever has to know who could have led it elsewhere. Only looks (lstat,
 * readlink), never changes anything.
 */
import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { type FileTree, HOST_TREE } from "../sys/file/file_tree.ts";

/** One name on the way: `path` has no links before its last name, `status` is of that name itself. */
export interface PathStep {
  readonly path: string;
  readonly status: Stats;
  readonly isLink: boolean;
  /** No name follows it; a link that is last is followed all the same. */
  readonly isLast: boolean;
}

/** As many as the kernel follows. */
const MOST_LINKS = 40;
/**
 * Names on one way, those of its links counted. Forty links of two thousand names each would be eighty
 * thousand looks, which whoever made them could have again and again.
 */
export const MOST_NAMES = 256;

/**
 * Where `path` leads, without links, once `onStep` has seen all of the way; null: more links than the kernel
 * follows, or more names than anybody means. Throws the file system's error where a part is missing, and
 * whatever `onStep` throws.
 */
export function walkPath(
  path: string,
  onStep: (step: PathStep) => void,
  tree: FileTree = HOST_TREE,
): string | null {
  // Joined as text: ".." is taken after the links before it.
  const pending = pathNames(isAbsolute(path) ? path : `${resolve(".")}/${path}`);
  let current = "/";
  let links = 0;
  let names = 0;
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === "..") {
      current = dirname(current);
      continue;
    }
    if (++names > MOST_NAMES) return null;
    const next = join(current, name);
    const { status, target } = tree.entry(next, "look", lookAt);
    const isLink = target !== null;
    onStep({ path: next, status, isLink, isLast: pending.length === 0 });
    if (target === null) {
      current = next;
      continue;
    }
    if (++links > MOST_LINKS) return null;
    if (isAbsolute(target)) current = "/";
    pending.unshift(...pathNames(target));
  }
  return current;
}

function lookAt(entry: string): { readonly status: Stats; readonly target: string | null } {
  const status = lstatSync(entry);
  return { status, target: status.isSymbolicLink() ? readlinkSync(entry) : null };
}

/** The names of a path, "." left out. */
export function pathNames(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}
