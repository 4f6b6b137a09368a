/**
 * Which namespaces a process is in, as the kernel tells: inodes of /proc/PID/ns. Must never be asked about a
 * pid that is not held: by a pidfd, or because its process is our unreaped child.
 */
import type { NamespaceKind } from "../config/plan/jail_plan.ts";
import { namespaceInode } from "../sys/child/namespaces.ts";
import { NAMESPACE_KINDS, type NamespaceInodes } from "./identity.ts";

export { namespaceInode };

/** The namespaces of `pid` that are not those of `base`. */
export function namespacesBeside(pid: number, base: number | "self" = "self"): NamespaceInodes {
  const found: Partial<Record<NamespaceKind, string>> = {};
  for (const kind of NAMESPACE_KINDS) {
    const inode = namespaceInode(pid, kind);
    if (inode !== null && inode !== namespaceInode(base, kind)) found[kind] = inode;
  }
  return found;
}

export function sameNamespaces(a: NamespaceInodes, b: NamespaceInodes): boolean {
  return NAMESPACE_KINDS.every((kind) => a[kind] === b[kind]);
}
