/**
 * A name for where a daemon lives, to be kept on record: the same pidfile elsewhere is another file, and its
 * daemon another one. Pure; which namespaces a daemon has beside a root does not count, for its paths and its
 * pid mean the same in them.
 */
import type { DaemonNamespaces, JailPlan } from "../config/plan/jail_plan.ts";
import type { ProcessId } from "../sys/process_id.ts";
import { needsInit } from "./namespace_setup.ts";

interface NamedJail {
  readonly plan: JailPlan;
  /** null: it does not stand. */
  readonly identity: ProcessId | null;
}

/**
 * `jail` null, and no root of its own: "", which is where reeve itself is. null: nowhere, for the jail does
 * not stand.
 */
export function placeName(jail: NamedJail | null, own: Pick<DaemonNamespaces, "root"> | null): string | null {
  const outer = jail === null ? "" : jailName(jail);
  if (outer === null) return null;
  const root = own?.root ?? null;
  return root === null ? outer : `${outer} root ${root.path}`.trimStart();
}

/** One that was made again is another jail, whatever its plan is. */
function jailName({ plan, identity }: NamedJail): string | null {
  if (!needsInit(plan)) return plan.root === null ? "" : `chroot ${plan.root.path}`;
  return identity === null ? null : `jail ${identity.pid}:${identity.startTime}`;
}
