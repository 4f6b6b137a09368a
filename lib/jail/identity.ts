/**
 * The identity of a jail: its init's pid and start time, this boot, and the inodes of its namespaces. Also the text in
 * which it is kept. Pure; nothing of it is believed before the kernel has said the same (jail/handle.ts).
 */
import type { JailPlan, NamespaceKind } from "../config/plan/jail_plan.ts";
import type { ProcessId } from "../sys/process_id.ts";

export const NAMESPACE_KINDS = ["pid", "mnt", "net", "uts", "ipc", "cgroup", "user"] as const;

/** Inode numbers as text, of the namespaces that are not reeve's own. */
export type NamespaceInodes = Readonly<Partial<Record<NamespaceKind, string>>>;

export interface JailIdentity extends ProcessId {
  readonly namespaces: NamespaceInodes;
}

/** `plan`: as the jail was made, or is to be. `identity` null: it does not stand, and is made by the next image. */
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
  /** Set up, and the hooks of a new one have run; else it is a piece of a jail, which nobody can go on with. */
  readonly isEntered: boolean;
}

/** Two plans with the same text make the same jail: where a line stands in a file does not count. */
export function fingerprint(plan: JailPlan): string {
  return JSON.stringify(plan, (key, value) => key === "origin" || key === "option" ? undefined : value);
}

export function formatRecord(record: JailRecord): string {
  return JSON.stringify(record, (_, value) => typeof value === "bigint" ? String(value) : value);
}

/** null for anything else than what `formatRecord` writes. */
export function parseRecord(text: string): JailRecord | null {
  try {
    const value = JSON.parse(text) as Partial<Record<keyof JailRecord, unknown>>;
    const identity = parseIdentity(value.identity);
    const { boot, plan, isEntered } = value;
    if (identity === null || typeof boot !== "string" || typeof isEntered !== "boolean") return null;
    return isJailPlan(plan) ? { boot, identity, plan, isEntered } : null;
  } catch {
    return null;
  }
}

function parseIdentity(value: unknown): JailIdentity | null {
  const { pid, startTime, namespaces } = value as Record<keyof JailIdentity, unknown>;
  if (typeof pid !== "number" || !Number.isInteger(pid) || pid < 2) return null;
  if (typeof startTime !== "string" || !/^[1-9][0-9]{0,18}$/.test(startTime)) return null;
  const inodes: Partial<Record<NamespaceKind, string>> = {};
  for (const kind of NAMESPACE_KINDS) {
    const inode = (namespaces as Record<string, unknown>)[kind];
    if (inode === undefined) continue;
    if (typeof inode !== "string" || !/^[0-9]{1,20}$/.test(inode)) return null;
    inodes[kind] = inode;
  }
  return { pid, startTime: BigInt(startTime), namespaces: inodes };
}

/** The file is reeve's own; what another version of reeve wrote may lack something. */
function isJailPlan(value: unknown): value is JailPlan {
  const plan = value as Partial<JailPlan> | null | undefined;
  return plan !== null && plan !== undefined && typeof plan.option === "string" &&
    Array.isArray(plan.namespaces) && Array.isArray(plan.join) && Array.isArray(plan.keep) &&
    (plan.environment === "clean" || plan.environment === "inherit") && typeof plan.origin === "object" &&
    (plan.root === null || typeof plan.root?.path === "string");
}
