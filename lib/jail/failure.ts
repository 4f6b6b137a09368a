/**
 * Words for a jail that could not be made, and for a child that could not be put where it belongs: the stage,
 * what it was about, the errno, and the remedy where errno misleads. Pure.
 */
import type { MountStep } from "../sys/child/child_spec.ts";
import { errnoName, errnoText } from "../sys/errno.ts";

export interface PlaceFailure {
  /** As lib/sys/child/stage.ts has it; "clone" where there was no child yet. */
  readonly stage: string;
  readonly errno: number;
  /** mount: which of the steps. */
  readonly detail?: number;
}

/** The place that was asked for. */
export interface PlaceSubject {
  readonly root: string | null;
  readonly mounts: readonly MountStep[];
  readonly hostname: string | null;
}

/** `stage object: errno text (remedy)`; null for a stage that has nothing to do with namespaces. */
export function describePlaceFailure(subject: PlaceSubject, failure: PlaceFailure): string | null {
  const mount = subject.mounts[failure.detail ?? 0] ?? null;
  const words = wordsOf(subject, failure, mount);
  if (words === null) return null;
  const remedy = remedyOf(failure, mount);
  return `${words}: ${errnoText(failure.errno)}${remedy === null ? "" : ` (${remedy})`}`;
}

function wordsOf(subject: PlaceSubject, failure: PlaceFailure, mount: MountStep | null): string | null {
  switch (failure.stage) {
    case "clone":
      return "make its namespaces";
    case "join namespaces":
    case "new namespaces":
    case "loopback":
    case "user namespace":
      return failure.stage;
    case "shield of /proc and /sys":
      return "keep what is the host's in /proc and /sys from it";
    case "root":
      return `root "${subject.root ?? "/"}"`;
    case "hostname":
      return `hostname "${subject.hostname ?? ""}"`;
    case "mount":
      return mount === null ? "mount" : mountWords(mount);
    default:
      return null;
  }
}

function mountWords(mount: MountStep): string {
  switch (mount.kind) {
    case "bind":
      return `mount "${mount.source}" on "${mount.target}"`;
    case "devices":
      return `devices in "${mount.target}"`;
    case "remount":
      return `remount "${mount.target}"`;
    case "umount":
      return `umount "${mount.target}"`;
    default:
      return `mount ${mount.type} on "${mount.target}"`;
  }
}

function remedyOf(failure: PlaceFailure, mount: MountStep | null): string | null {
  const name = errnoName(failure.errno);
  if (failure.stage === "mount") return mountRemedy(name, mount);
  if (failure.stage === "root") {
    if (name === "ENOENT") return "build a root file system there first";
    if (name === "ENOTDIR") return "it has to be a directory";
    if (name === "EPERM") return "it takes root, or CAP_SYS_ADMIN";
    return null;
  }
  if (failure.stage === "shield of /proc and /sys" && name === "ESTALE") {
    return "somebody renames the directories in which they are mounted";
  }
  if (failure.stage === "join namespaces" && name === "ESRCH") return "who had them has ended";
  switch (name) {
    case "EPERM":
      return "namespaces take root, or CAP_SYS_ADMIN; in a container they may be forbidden altogether";
    case "EINVAL":
    case "ENOSYS":
      return "this kernel lacks one of the namespaces asked for; reeve doctor lists those it has";
    case "ENOSPC":
    case "EUSERS":
      return "a limit is reached: see sysctl user, max_pid_namespaces, max_mnt_namespaces and their like";
    case "ENOMEM":
      return failure.stage === "clone" ? "there is no memory, or the jail is just ending" : null;
    default:
      return null;
  }
}

function mountRemedy(name: string, mount: MountStep | null): string | null {
  if (mount === null) return null;
  switch (name) {
    case "ENOENT":
      return mount.kind === "bind"
        ? `"${mount.source}" is not there, or "${mount.target}" cannot be made in the root`
        : `make the directory "${mount.target}" in the root`;
    case "EROFS":
      return `the root is read-only: make "${mount.target}" in it beforehand`;
    case "ENOTDIR":
      return `"${mount.target}" and what is mounted there must both be directories, or neither`;
    case "ELOOP":
      return `a link on the way to "${mount.target}" leads round`;
    case "EPERM":
      return "mounts take root, or CAP_SYS_ADMIN; in a container they may be forbidden altogether";
    default:
      return null;
  }
}
