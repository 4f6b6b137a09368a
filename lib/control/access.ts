/** The level that a peer of the control socket has. Pure: the credentials are those of its connect. */
import type { ControlEntry } from "../config/plan/control_plan.ts";
import { type Level, type Peer, reaches } from "./request.ts";

export interface AccessRules {
  readonly entries: readonly ControlEntry[];
  /** reeve's own effective uid. */
  readonly uid: number;
  /** The kernel shows a user or group without a number in our user namespace as these: nobody is meant. */
  readonly overflowUid: number;
  readonly overflowGid: number;
}

/**
 * root and reeve's own user are admins. A peer of another user namespace, which shows as the overflow user,
 * matches no entry, even one for the user of that number.
 */
export function levelOf({ uid, gid, groups }: Omit<Peer, "level">, rules: AccessRules): Level {
  if (uid === rules.overflowUid) {
    // With the file's mode 0600 the kernel has looked who it is in truth.
    return uid === rules.uid && rules.entries.length === 0 ? "admin" : "none";
  }
  if (uid === 0 || uid === rules.uid) return "admin";
  const members = new Set([gid, ...groups].filter((group) => group !== rules.overflowGid));
  let level: Level = "none";
  for (const entry of rules.entries) {
    const matches = entry.kind === "user" ? entry.id === uid : members.has(entry.id);
    if (matches && reaches(entry.level, level)) level = entry.level;
  }
  return level;
}
