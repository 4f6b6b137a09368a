/**
 * Settings of reeve's own process that the runtime has no word for. Must never be called for a child:
 * children get theirs from their ChildSpec.
 */
import { cString, integer } from "../checks.ts";
import { native, unwrap } from "../native/native.ts";

/**
 * Orphaned descendants become our children, so that their death is an event. Lasts for the life of the
 * process.
 */
export function becomeSubreaper(): void {
  unwrap("prctl", native().reeve_subreaper(1), { doing: "become a subreaper" });
}

/** The name in ps and top; cut at 15 bytes by the kernel. */
export function setProcessName(name: string): void {
  unwrap("prctl", native().reeve_set_name(cString(name, "process name")), { doing: "set the process name" });
}

export function readUmask(): number {
  return unwrap("umask", native().reeve_umask(-1));
}

/** -> the umask before. */
export function setUmask(mask: number): number {
  return unwrap("umask", native().reeve_umask(integer(mask, "umask", 0, 0o777)));
}

/**
 * For as long as this process lives: who lacks the host's rights can neither trace it nor see what it has
 * open.
 */
export function hideProcess(): void {
  unwrap("prctl", native().reeve_dumpable(0), { doing: "hide the process" });
}

export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly effectiveUid: number;
  readonly effectiveGid: number;
  readonly groups: readonly number[];
}

export function ownCredentials(): Credentials {
  const { getuid, getgid, geteuid, getegid, getgroups } = process;
  if (!getuid || !getgid || !geteuid || !getegid || !getgroups) {
    throw new Error("this system has no user ids");
  }
  return {
    uid: getuid(),
    gid: getgid(),
    effectiveUid: geteuid(),
    effectiveGid: getegid(),
    groups: getgroups(),
  };
}
