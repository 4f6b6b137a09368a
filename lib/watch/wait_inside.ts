/**
 * The things that a wait for something in a jail looks at: paths beneath its root, its table of mounts, its
 * network. All of it from outside; whatever the jail does, a wait ends with its time-out at the latest.
 */
import { closeSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { hasInterface, hasOwnNetwork, isListening } from "../jail/network.ts";
import type { JailPlace, JailSource } from "../jail/place.ts";
import { jailTree } from "../jail/rooted_tree.ts";
import type { FileTree } from "../sys/file/file_tree.ts";
import { parseMountInfo } from "../sys/host/mount_info.ts";
import { walkPath } from "./path_walk.ts";
import { connectionSucceeds, interfaceExists, isNetwork } from "./wait_probes.ts";
import type { WaitDeps } from "./waits.ts";
import { O_PATH } from "../sys/native/constants.ts";

/** `cwd`: the jail's directory to which relative paths are relative. */
export function waitInside(deps: WaitDeps, jail: JailSource, cwd: string): WaitDeps {
  const tree = jailTree(jail);
  return {
    ...deps,
    cwd,
    tree,
    connects: async (target) => {
      const place = jail();
      if (place === null) return false;
      if (target.startsWith("/")) return await connectsTo(target, tree);
      return place.initPid !== null && hasOwnNetwork(place.initPid)
        ? listens(place.initPid, target)
        : await connectionSucceeds(target);
    },
    hasInterface: (name) => {
      const init = jail()?.initPid;
      return init === undefined ? false : init === null ? interfaceExists(name) : hasInterface(init, name);
    },
    isMounted: (path) => {
      const place = jail();
      return place !== null && isMountedInside(path, place, tree);
    },
  };
}

/** The socket is named by a descriptor: a link in its place leads no further than the jail. */
async function connectsTo(path: string, tree: FileTree): Promise<boolean> {
  let socket: number;
  try {
    socket = tree.target(path, "look", (held) => openSync(held, O_PATH));
  } catch {
    return false;
  }
  try {
    return await connectionSucceeds(`/proc/self/fd/${socket}`);
  } finally {
    closeSync(socket);
  }
}

/** Reeve is not in that network: it can see who listens, and cannot connect. */
function listens(initPid: number, target: string): boolean {
  const found = isListening(initPid, target);
  if (found !== null) return found;
  const what = isNetwork(target) ? "an address beyond its loopback" : "this";
  throw new Error(
    `cannot wait for "${target}" in a network namespace of the jail's own: ${what} can only be tried from inside; use exec-as-root with a command that waits`,
  );
}

function isMountedInside(path: string, place: JailPlace, tree: FileTree): boolean {
  const { initPid, rootFd } = place;
  try {
    const parent = walkPath(dirname(path), () => {}, tree);
    const own = parent === null ? path : join(parent, basename(path));
    const led = walkPath(path, () => {}, tree);
    // A chroot has no table of its own: its mounts stand in reeve's, by their names there.
    const top = initPid === null ? readlinkSync(`/proc/self/fd/${rootFd}`) : "/";
    const wanted = new Set(
      [posix.normalize(path), own, led ?? own].map((name) => posix.join(top, name).replace(/(.)\/$/, "$1")),
    );
    const table = readFileSync(`/proc/${initPid ?? "self"}/mountinfo`, "utf8");
    return parseMountInfo(table).some(({ target }) => wanted.has(target));
  } catch {
    return false;
  }
}
