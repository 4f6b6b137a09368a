/**
 * Whether a stranger may have put in the way what keeps reeve from a path: anybody can make a directory, a
 * FIFO or a link in /tmp. Only looks.
 */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { errorCode } from "../sys/errno.ts";
import { type FileTree, HOST_TREE } from "../sys/file/file_tree.ts";
import { walkPath } from "./path_walk.ts";

/**
 * The first user on the way who is neither root nor `uid`, reeve's own: of a directory, a link, or what
 * stands there; null: there is none. That a directory is missing is nobody's doing, and null as well.
 */
export function plantedBy(path: string, uid: number, tree: FileTree = HOST_TREE): number | null {
  let stranger: number | null = null;
  try {
    walkPath(path, ({ status }) => {
      if (stranger === null && status.uid !== 0 && status.uid !== uid) stranger = status.uid;
    }, tree);
  } catch (error) {
    if (errorCode(error) === "ENOENT" && !isThere(dirname(path), tree)) return null;
  }
  return stranger;
}

function isThere(path: string, tree: FileTree): boolean {
  try {
    tree.entry(path, "look", (entry) => statSync(entry));
    return true;
  } catch {
    return false;
  }
}
