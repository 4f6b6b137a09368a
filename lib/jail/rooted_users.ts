/**
 * Users and groups by the two files of whoever's root it is. A jail's may hold anything: what is no line of a
 * user is passed over, and no more is read than any real one has.
 */
import { readFileSync } from "node:fs";
import { UserDatabase } from "../config/users.ts";
import { errorCode } from "../sys/errno.ts";
import { type FileTree, HOST_TREE } from "../sys/file/file_tree.ts";
import { readSmallPath } from "../sys/file/files.ts";

const MOST_BYTES = 4 << 20;

/**
 * Throws an Error for a file that is none, or is larger than any real one; one that is missing has nobody.
 */
export function readUsers(tree: FileTree): UserDatabase {
  const read = tree === HOST_TREE ? readOwn : (path: string) => readTheirs(path, tree);
  return new UserDatabase({ passwd: read("/etc/passwd"), group: read("/etc/group") });
}

function readOwn(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function readTheirs(path: string, tree: FileTree): string {
  try {
    return tree.target(path, "use", (held) => {
      const found = readSmallPath(held, MOST_BYTES + 1, { follow: true });
      if (found === null) throw new Error("it is no regular file");
      if (found.bytes.length > MOST_BYTES) throw new Error(`it has more than ${MOST_BYTES} bytes`);
      return new TextDecoder().decode(found.bytes);
    });
  } catch (problem) {
    if (errorCode(problem) === "ENOENT") return "";
    const detail = problem instanceof Error ? problem.message : String(problem);
    throw new Error(`cannot read "${path}" of the jail: ${detail}`, { cause: problem });
  }
}
