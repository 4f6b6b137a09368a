/**
 * From a daemon's plan to its ChildSpec: everything that the child will be, decided before the spawn.
 */
import type { Command, DaemonPlan, Identity } from "../config/plan/daemon_plan.ts";
import type { InstancePlan } from "../config/plan/instance_plan.ts";
import { SIGKILL } from "../sys/native/constants.ts";
import { flagsOf, shielded } from "../jail/namespace_setup.ts";
import { changeEnvironment, type Environment, userEnvironment } from "./environment.ts";
import { type ChildSpec, CLONE_NEW, type Confinement } from "../sys/child/child_spec.ts";
import { RLIMIT } from "../sys/process/limits.ts";

/** The settings that reeve was started with and hands on unchanged. */
export interface Inherited {
  readonly umask: number;
  /** Set where reeve changed its own limits: those of the child. */
  readonly rlimits: ChildSpec["rlimits"];
  readonly isRoot: boolean;
  readonly cpuCount: number;
  /** fd 0 is a terminal. */
  readonly terminal: boolean;
}

/** argv and file of a command. `searchPath`: PATH of the child. */
export function commandFile(command: Command, searchPath: string): Pick<ChildSpec, "args" | "file"> {
  if (command.kind === "shell") {
    return { args: [command.shell, "-c", command.text], file: { path: command.shell, searchPath: null } };
  }
  const path = command.words[0] ?? "";
  return { args: command.words, file: { path, searchPath: path.includes("/") ? null : searchPath } };
}

/** Settings of the instance that hold for every child, hooks included. */
export function instanceChild(
  instance: InstancePlan,
  identity: Identity | null,
  inherited: Inherited,
): Pick<ChildSpec, "uid" | "gid" | "groups" | "umask" | "rlimits" | "caps" | "nice"> {
  const rlimits = [...inherited.rlimits];
  if (instance.limitAs !== null) {
    const bytes = BigInt(instance.limitAs);
    rlimits.push({ resource: RLIMIT.addressSpace, soft: bytes, hard: bytes });
  }
  if (instance.limitNproc !== null) {
    const count = BigInt(instance.limitNproc);
    rlimits.push({ resource: RLIMIT.processes, soft: count, hard: count });
  }
  const keep = instance.caps === null ? null : maskOf(instance.caps);
  return {
    uid: identity?.uid ?? null,
    gid: identity?.gid ?? null,
    groups: identity === null || !inherited.isRoot ? null : identity.groups,
    umask: instance.umask ?? inherited.umask,
    rlimits,
    caps: keep === null ? null : { keep, bound: keep },
    nice: instance.nice,
  };
}

/** The environment of a child that runs as `identity`, as the instance's user-env wants it. */
export function environmentAs(
  identity: Identity | null,
  environment: Environment,
  { userEnvironment: kind }: InstancePlan,
): Environment {
  return kind === "inherit" ? environment : userEnvironment(environment, identity);
}

/** The environment of a daemon, which has variables of its own on top of the instance's. */
export function environmentOf({ environment }: DaemonPlan, base: Environment): Environment {
  return environment.length === 0 ? base : changeEnvironment(base, environment);
}

/** Where a daemon lives that does not live where reeve does. */
export interface Whereabouts {
  readonly confinement: Confinement;
  /** The jail's directory that relative directories are relative to; null: reeve's own working directory. */
  readonly cwd: string | null;
}

export function daemonChild(
  plan: DaemonPlan,
  instance: InstancePlan,
  index: number,
  surrounding: Environment,
  inherited: Inherited,
  where: Whereabouts | null = null,
): Omit<ChildSpec, "spawnId"> {
  const environment = environmentOf(plan, surrounding);
  const entrypoint = plan.option === "entrypoint";
  const identity = plan.identity ?? instance.identity;
  const child = instanceChild(instance, identity, inherited);
  const spec: Omit<ChildSpec, "spawnId"> = {
    ...commandFile(plan.command, environment.path),
    ...child,
    caps: capsOf(plan, child.caps),
    environment: environmentAs(identity, environment, instance).list,
    chdir: where === null ? plan.chdir : directoryOf(plan, where),
    fds: new Map<number, number | "null">([[0, plan.stdin ? 0 : "null"], [1, 1], [2, 2]]),
    session: entrypoint && inherited.terminal ? "foreground" : "new",
    noNewPrivs: plan.noNewPrivs,
    oomScoreAdj: null,
    cpus: cpusOf(instance.cpuAffinity, index, inherited.cpuCount),
    parentDeathSignal: diesWithReeve(plan) ? SIGKILL : null,
    gated: true,
    ...(where === null ? {} : { confinement: where.confinement }),
  };
  return shieldBounded(spec, plan.namespaces?.readonly ?? false);
}

/**
 * A child in a jail, or in namespaces of its own, with fewer rights than root has there, is given no way to
 * the host by what the kernel hands to uid 0 whatever its rights (/proc/sys/kernel/core_pattern is a program
 * that the kernel runs as the host's root).
 */
export function shieldBounded<Spec extends Omit<ChildSpec, "spawnId">>(spec: Spec, isReadOnly = false): Spec {
  const { confinement, uid, caps, noNewPrivs } = spec;
  if (confinement == null) return spec;
  const isInUserNamespace = ((flagsOf(confinement.join) | confinement.unshare) & CLONE_NEW.user) !== 0;
  const isBounded = isReadOnly || noNewPrivs || isInUserNamespace || caps !== null ||
    (uid !== null && uid !== 0);
  return isBounded ? { ...spec, confinement: shielded(confinement, confinement.join) } : spec;
}

/**
 * A smart daemon does not, unless it is a legion's: without reeve nobody knows whether this node is the lord.
 */
function diesWithReeve({ kind, legion }: DaemonPlan): boolean {
  return kind === "dumb" || (kind === "smart2" && legion !== null);
}

/** The bounding set of the one daemon: never more than the instance leaves it. */
function capsOf({ capsBound }: DaemonPlan, caps: ChildSpec["caps"]): ChildSpec["caps"] {
  if (capsBound === null) return caps;
  const bound = maskOf(capsBound) & (caps?.bound ?? ~0n);
  return { keep: caps === null || caps.keep === null ? null : caps.keep & bound, bound };
}

/** A root of its own is another place than the instance's directory. */
function directoryOf({ chdir, namespaces }: DaemonPlan, { cwd }: Whereabouts): string | null {
  const base = namespaces === null || namespaces.root === null ? cwd : "/";
  if (base === null || chdir?.startsWith("/") === true) return chdir;
  return chdir === null ? base : `${base === "/" ? "" : base}/${chdir}`;
}

function maskOf(capabilities: readonly number[]): bigint {
  return capabilities.reduce((mask, capability) => mask | (1n << BigInt(capability)), 0n);
}

/** uWSGI deals CPUs out in turn: the n-th takes the next `each` of them. */
function cpusOf(each: number | null, index: number, count: number): readonly number[] | null {
  if (each === null || each <= 0) return null;
  const cpus = Array.from({ length: Math.min(each, count) }, (_, offset) => (index * each + offset) % count);
  return [...new Set(cpus)];
}
