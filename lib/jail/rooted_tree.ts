/**
 * Files by paths as the processes of a jail see them, reached from outside by descriptors that were opened
 * beneath the jail's root. What is inside is hostile and changes while it is looked at: no link, no "..", no
 * link of /proc and no exchange of a directory for a link may lead a call out of the root, nothing that is
 * opened may make it wait, and nothing that is the kernel's or a device's is read or changed because a link
 * of the jail says so.
 */
import { openSync } from "node:fs";
import { closeFd } from "../sys/file/descriptor.ts";
import { errorCode, SysError } from "../sys/errno.ts";
import { type FileTree, type Purpose, writeFlags, type WriteOptions } from "../sys/file/file_tree.ts";
import { openInRoot } from "../sys/file/files.ts";
import type { JailSource } from "./place.ts";
import { refuseForeign } from "./rooted_kinds.ts";
import { ENOENT } from "../sys/native/constants.ts";

export class RootedTree implements FileTree {
  readonly #root: () => number;

  /** `root`: the descriptor of the root directory at this moment; it throws where there is none. */
  constructor(root: () => number) {
    this.#root = root;
  }

  /** The directory is held by a descriptor, and the last name is one that leads nowhere by itself. */
  entry<T>(path: string, purpose: Purpose, use: (path: string) => T): T {
    // A slash behind a link would have it followed, by the rules of the outside.
    const whole = path.replace(/\/+$/, "");
    const cut = whole.lastIndexOf("/");
    const name = whole.slice(cut + 1);
    const leadsOn = name === "" || name === "." || name === "..";
    const directory = leadsOn ? path || "/" : whole.slice(0, cut + 1) || "/";
    return this.#lend(directory, "directory", purpose, (held) => use(`${held}/${leadsOn ? "." : name}`));
  }

  target<T>(path: string, purpose: Purpose, use: (path: string) => T): T {
    return this.#lend(path, "name", purpose, use);
  }

  openForWriting(path: string, options: WriteOptions): number {
    try {
      return this.target(path, "use", (held) => openSync(held, writeFlags({ ...options, create: null })));
    } catch (problem) {
      if (options.create === null || errorCode(problem) !== "ENOENT") throw problem;
    }
    const root = this.#root();
    const access = options.append ? "append" : "write";
    const fd = openInRoot(root, path, { followLast: true, access, create: options.create });
    try {
      // It may have come between.
      refuseForeign(fd, path, root);
      return fd;
    } catch (problem) {
      closeFd(fd);
      throw problem;
    }
  }

  #lend<T>(path: string, access: "name" | "directory", purpose: Purpose, use: (path: string) => T): T {
    const root = this.#root();
    const fd = openInRoot(root, path, { followLast: true, access });
    try {
      if (purpose === "use") refuseForeign(fd, path, root);
      return use(`/proc/self/fd/${fd}`);
    } finally {
      closeFd(fd);
    }
  }
}

/** While there is no jail everything in it is missing (ENOENT). */
export function jailTree(source: JailSource): RootedTree {
  return new RootedTree(() => {
    const place = source();
    if (place === null) throw new SysError("openat2", ENOENT, { doing: "look into the jail" });
    return place.rootFd;
  });
}
