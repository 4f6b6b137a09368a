/**
 * The ChildSpec of a jail's init, and what a child needs that is to live in a jail or in namespaces of its
 * own. Nothing is opened here: who calls has the descriptors, and closes them.
 */
import type { DaemonNamespaces, JailPlan } from "../../config/plan/jail_plan.ts";
import { SIGKILL } from "../../sys/native/constants.ts";
import type { JailPlace } from "../../jail/place.ts";
import type { OpenJoins } from "../../jail/joins.ts";
import { daemonSetup, jailSetup, NO_SETUP } from "../../jail/namespace_setup.ts";
import { type ChildSpec, type Confinement, EMPTY_CHILD } from "../../sys/child/child_spec.ts";
import type { Inherited } from "../../process/child_builder.ts";

/** Its name in `ps`. */
const INIT_NAME = "reeve-jail";

/**
 * The init of the jail: sets it up, says so through `readyFd`, and from then on only reaps. It outlives reeve
 * where it `isKnown`, on record in the run directory: nobody would find it again otherwise.
 */
export function jailInit(
  plan: JailPlan,
  joins: OpenJoins,
  readyFd: number,
  inherited: Inherited,
  isKnown: boolean,
): Omit<ChildSpec, "spawnId"> {
  return {
    // Nothing of reeve's is within reach of what is in the jail.
    ...EMPTY_CHILD,
    args: [INIT_NAME],
    file: { path: `/${INIT_NAME}`, searchPath: null },
    umask: inherited.umask,
    rlimits: inherited.rlimits,
    parentDeathSignal: isKnown ? null : SIGKILL,
    role: "jail",
    confinement: {
      ...jailSetup(plan),
      pidNamespace: joins.pidNamespace,
      join: joins.join,
      readyFd,
    },
  };
}

/**
 * Where a daemon lives: in the jail, in namespaces of its own, in its own within the jail; null: where reeve
 * does. Throws where the two cannot be had together.
 */
export function daemonConfinement(
  place: JailPlace | null,
  own: DaemonNamespaces | null,
  joins: OpenJoins,
  mountPoints: readonly string[],
): Confinement | null {
  if (own === null) return place?.confinement ?? null;
  const base = place?.confinement ?? { ...NO_SETUP, pidNamespace: null, join: [], readyFd: null };
  const pidNamespace = joins.pidNamespace ?? base.pidNamespace;
  const setup = daemonSetup(own, pidNamespace !== null, mountPoints);
  if (base.root !== null && setup.root !== null) {
    throw new Error(
      `cannot give it the root "${setup.root.path}" within chroot="${base.root.path}": use namespace instead of chroot`,
    );
  }
  return {
    ...setup,
    pidNamespace,
    join: [...base.join, ...joins.join],
    root: setup.root ?? base.root,
    readyFd: null,
  };
}
