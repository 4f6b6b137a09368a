/**
 * The identity of a jail: its init's pid and start time, this boot, and the inodes of its namespaces. Pure;
 * nothing of it is believed before the kernel has said the same (jail/handle.ts). records/jail_record.ts has
 * the text of it.
 */
import type { JailPlan, NamespaceKind } from "../config/plan/jail_plan.ts";
import type { ProcessId } from "../sys/process_id.ts";

export const NAMESPACE_KINDS = ["pid", "mnt", "net", "uts", "ipc", "cgroup", "user"] as const;

/** Inode numbers as text, of the namespaces that are not reeve's own. */
export type NamespaceInodes = Readonly<Partial<Record<NamespaceKind, string>>>;

export interface JailIdentity extends ProcessId {
  readonly namespaces: NamespaceInodes;
}

/**
 * `plan`: as the jail was made, or is to be. `identity` null: it does not stand, and is made by the next
 * image.
 */
export interface SavedJail {
  readonly plan: JailPlan;
  readonly identity: JailIdentity | null;
}

/** A jail as reeve leaves it to its successor. */
export interface JailRecord {
  readonly boot: string;
  readonly identity: JailIdentity;
  /** As it was made; a configuration that says otherwise by now waits for the next stop and start. */
  readonly plan: JailPlan;
  /**
   * Set up, and the hooks of a new one have run; else it is a piece of a jail, which nobody can go on with.
   */
  readonly isEntered: boolean;
}

/** Two plans with the same text make the same jail: where a line stands in a file does not count. */
export function fingerprint(plan: JailPlan): string {
  return JSON.stringify(plan, (key, value) => key === "origin" || key === "option" ? undefined : value);
}
