/**
 * The flags of mount and umount hooks as the kernel's numbers, and the calls that a mount takes. Pure.
 *
 * uWSGI makes one call, in which the kernel then overlooks some flags without a word: a bind ignores ro and
 * nosuid, and private or shared beside a bind are ignored as well. Here each is a call of its own, so that
 * what is written holds.
 */
import type { MountStep } from "../sys/child/child_spec.ts";
import type { MountEntry } from "../sys/host/mount_info.ts";
import type { MountRequest } from "../sys/host/mounts.ts";
import {
  MNT_DETACH,
  MNT_FORCE,
  MS_BIND,
  MS_DIRSYNC,
  MS_MANDLOCK,
  MS_MOVE,
  MS_NOATIME,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  MS_SHARED,
  MS_SYNCHRONOUS,
} from "../sys/native/constants.ts";

const MOUNT: Readonly<Record<string, number>> = {
  defaults: 0,
  bind: MS_BIND,
  dirsync: MS_DIRSYNC,
  mandlock: MS_MANDLOCK,
  move: MS_MOVE,
  noatime: MS_NOATIME,
  nodev: MS_NODEV,
  noexec: MS_NOEXEC,
  rdonly: MS_RDONLY,
  readonly: MS_RDONLY,
  ro: MS_RDONLY,
  remount: MS_REMOUNT,
  nosuid: MS_NOSUID,
  sync: MS_SYNCHRONOUS,
  rec: MS_REC,
  recursive: MS_REC,
  private: MS_PRIVATE,
  shared: MS_SHARED,
};

const UMOUNT: Readonly<Record<string, number>> = { defaults: 0, force: MNT_FORCE, detach: MNT_DETACH };
const RECURSIVE = new Set(["rec", "recursive"]);

const PER_MOUNT = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME;
const PROPAGATION = MS_PRIVATE | MS_SHARED;

/** Options of /proc/self/mountinfo that a remount has to repeat, or it would take them away. */
const KEPT: Readonly<Record<string, number>> = {
  ro: MS_RDONLY,
  nosuid: MS_NOSUID,
  nodev: MS_NODEV,
  noexec: MS_NOEXEC,
};

function sum(flags: readonly string[], known: Readonly<Record<string, number>>, other: string): number {
  return flags.reduce((total, flag) => {
    const value = Object.hasOwn(known, flag) ? known[flag] : undefined;
    if (value === undefined) throw new Error(`flag "${flag}" ${other}`);
    return total | value;
  }, 0);
}

export interface MountPlan {
  readonly call: MountRequest;
  /**
   * To be set on the new mount afterwards, beside what it has; 0: nothing. `recursive`: on those below it
   * too.
   */
  readonly restrict: number;
  readonly recursive: boolean;
  /** To be set after that; 0: nothing. */
  readonly propagation: number;
}

/** The calls that one mount hook takes. Throws an Error that names a flag which is not one of a mount. */
export function planMount(
  request: { type: string; source: string; target: string; flags: readonly string[]; data: string | null },
): MountPlan {
  const flags = sum(
    request.flags,
    MOUNT,
    request.flags.some((flag) => Object.hasOwn(UMOUNT, flag)) ? "is one of umount" : "is not known",
  );
  const { type, source, target, data } = request;
  const recursive = (flags & MS_REC) !== 0;
  const isBind = (flags & MS_BIND) !== 0 && (flags & MS_REMOUNT) === 0;
  if (!isBind) {
    return { call: { type, source, target, flags, data }, restrict: 0, recursive, propagation: 0 };
  }
  const propagation = flags & PROPAGATION;
  return {
    call: { type, source, target, flags: MS_BIND | (flags & MS_REC), data },
    restrict: flags & PER_MOUNT,
    recursive,
    propagation: propagation === 0 ? 0 : propagation | (flags & MS_REC),
  };
}

export interface UmountPlan {
  readonly flags: number;
  /** Mounts below it go first. */
  readonly recursive: boolean;
}

/** Throws an Error that names a flag which is not one of an umount. */
export function planUmount(flags: readonly string[]): UmountPlan {
  const others = flags.filter((flag) => !RECURSIVE.has(flag));
  const wrong = others.some((flag) => Object.hasOwn(MOUNT, flag)) ? "is one of mount" : "is not known";
  return { flags: sum(others, UMOUNT, wrong), recursive: others.length < flags.length };
}

const STEP = { create: false, recursive: false, optional: false, sourceInside: true, data: "" } as const;

/**
 * The same for a child that makes the mount in a jail: paths are the jail's. The first makes the mount, the
 * others change it. Throws an Error as `planMount` does.
 */
export function mountSteps(
  request: Parameters<typeof planMount>[0],
): [MountStep, ...MountStep[]] {
  const { call, restrict, recursive, propagation } = planMount(request);
  const { source, target, type } = call;
  const data = call.data ?? "";
  if ((call.flags & MS_BIND) !== 0 && (call.flags & MS_REMOUNT) === 0) {
    const bind: MountStep = { ...STEP, kind: "bind", source, target, type: "", recursive, flags: restrict };
    if (propagation === 0) return [bind];
    const change: MountStep = {
      ...STEP,
      kind: "plain",
      source: "none",
      target,
      type: "none",
      flags: propagation,
      sourceInside: false,
    };
    return [bind, change];
  }
  const changes = (call.flags & (MS_REMOUNT | MS_MOVE | PROPAGATION)) !== 0;
  // The source of a move is a path; elsewhere it is what the file system makes of it.
  const sourceInside = (call.flags & MS_MOVE) !== 0;
  return [{
    ...STEP,
    kind: changes ? "plain" : "new",
    source,
    target,
    type,
    data,
    flags: call.flags,
    sourceInside,
  }];
}

/** Throws an Error as `planUmount` does. */
export function umountStep(request: { target: string; flags: readonly string[] }): MountStep {
  const { flags, recursive } = planUmount(request.flags);
  return { ...STEP, kind: "umount", source: "", target: request.target, type: "", flags, recursive };
}

/** Flags of the call that gives an existing mount `restrict` beside its own. */
export function restrictFlags(entry: MountEntry, restrict: number): number {
  const kept = entry.options.reduce((total, option) => total | (KEPT[option] ?? 0), 0);
  return MS_BIND | MS_REMOUNT | kept | restrict;
}

/** Below `top`, and not `top` itself. */
export function isBelow(path: string, top: string): boolean {
  return path.startsWith(top === "/" ? "/" : `${top}/`) && path !== top;
}
