/**
 * The mounts that a jail, or a daemon with namespaces of its own, sees: each one as the record that the
 * helper carries out. Pure; nothing here looks whether a path is there.
 */
import type { KeepMount } from "../config/plan/jail_plan.ts";
import type { MountStep } from "../sys/child/child_spec.ts";
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY } from "../sys/native/constants.ts";

const NOTHING: MountStep = {
  kind: "new",
  source: "",
  target: "/",
  type: "",
  data: "",
  flags: 0,
  create: false,
  recursive: false,
  optional: false,
  sourceInside: false,
};

/** The processes of the PID namespace that the child is in, and no others. */
export const PROC: MountStep = {
  ...NOTHING,
  source: "proc",
  target: "/proc",
  type: "proc",
  flags: MS_NOSUID | MS_NODEV | MS_NOEXEC,
  create: true,
};

/** Devices that every program expects, terminals of the jail's own; a read-only root has what it has. */
export const DEVICES: MountStep = {
  ...NOTHING,
  kind: "devices",
  target: "/dev",
  create: true,
  optional: true,
};

/** uWSGI 2.0 binds without what is mounted below, and so does this. */
export function keepStep({ source, target }: Pick<KeepMount, "source" | "target">): MountStep {
  return { ...NOTHING, kind: "bind", source, target, create: true };
}

/** The old root, with all that is mounted in it, beneath the new one. */
export function oldRootStep(target: string): MountStep {
  return { ...NOTHING, kind: "bind", source: "/", target, create: true, recursive: true };
}

/** Empty, writable for everybody as /tmp is, seen by the one daemon alone. */
export function tmpfsStep(target: string): MountStep {
  return {
    ...NOTHING,
    source: "tmpfs",
    target,
    type: "tmpfs",
    data: "mode=1777",
    flags: MS_NOSUID | MS_NODEV,
    create: true,
  };
}

/** `optional`: a mount that is covered, or has gone since it was listed, need not be found. */
export function readOnlyStep(target: string, optional: boolean): MountStep {
  return { ...NOTHING, kind: "remount", target, flags: MS_RDONLY, optional };
}

/** `path` is `top` or beneath it. */
export function isWithin(path: string, top: string): boolean {
  return path === top || path.startsWith(top === "/" ? "/" : `${top}/`);
}

/**
 * Keep-mounts of /dev itself and beneath come before the devices, which fill in what is still missing then: a
 * /dev/pts of the host is not covered by a new one.
 */
export function withDevices(keep: readonly KeepMount[]): readonly MountStep[] {
  const inDevices = keep.filter(({ target }) => isWithin(target, "/dev"));
  const others = keep.filter(({ target }) => !isWithin(target, "/dev"));
  return [...inDevices.map(keepStep), DEVICES, ...others.map(keepStep)];
}
