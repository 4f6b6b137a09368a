/**
 * Namespaces of processes: opened, told apart, and pids translated. Must never open those of a pid that was
 * given to another process in between: whoever opens several holds the process by its pidfd.
 */
import { readlinkSync } from "node:fs";
import { cString, fileDescriptor, processId } from "../checks.ts";
import { CLONE_NEW } from "./child_spec.ts";
import { closeFd } from "../file/descriptor.ts";
import { SysError } from "../errno.ts";
import { native, unwrap } from "../native/native.ts";
import { signalPidfd } from "../process/pidfd.ts";
import { AT_FDCWD, ENOTTY, ESRCH, O_RDONLY } from "../native/constants.ts";

export type NamespaceName = keyof typeof CLONE_NEW;

/**
 * One namespace of a process, open and close-on-exec; the caller closes it. Throws SysError (ENOENT: no such
 * process, or kernel without them).
 */
export function openNamespace(pid: number | "self", name: NamespaceName): number {
  const path = namespacePath(pid, name);
  const result = native().reeve_openat(AT_FDCWD, cString(path, "path"), O_RDONLY, 0, 0);
  return unwrap("openat", result, { doing: "open the namespace", path });
}

/**
 * Several namespaces of the process behind `pidfd`, which is `pid`. They are its own: it still lived when all
 * were open. null: it is an unreaped child of ours, whose number nobody else has. The caller closes them.
 * Throws SysError (ESRCH: it is gone), and then none is open.
 */
export function openNamespaces(
  pid: number,
  pidfd: number | null,
  names: readonly NamespaceName[],
): { readonly fd: number; readonly flags: number }[] {
  const opened: { fd: number; flags: number }[] = [];
  try {
    for (const name of names) opened.push({ fd: openNamespace(pid, name), flags: CLONE_NEW[name] });
    if (pidfd === null || signalPidfd(pidfd, 0)) return opened;
    throw new SysError("pidfd_send_signal", ESRCH, { doing: `open the namespaces of process ${pid}` });
  } catch (error) {
    for (const { fd } of opened) closeFd(fd);
    throw error;
  }
}

/**
 * The kernel's number of a process's namespace, which no other has while this one exists; null: no such
 * process or namespace.
 */
export function namespaceInode(pid: number | "self", name: NamespaceName): string | null {
  try {
    return /\[(\d+)\]$/.exec(readlinkSync(namespacePath(pid, name)))?.[1] ?? null;
  } catch {
    return null;
  }
}

/**
 * reeve's pid of the process that is `pid` in the PID namespace behind `namespace`. null: there is none.
 * "unknown": this kernel (before Linux 6.11) does not tell.
 */
export function pidFromNamespace(namespace: number, pid: number): number | null | "unknown" {
  const result = Number(
    native().reeve_pid_from_namespace(fileDescriptor(namespace, "namespace"), processId(pid)),
  );
  if (result === -ESRCH) return null;
  if (result === -ENOTTY) return "unknown";
  return unwrap("ioctl", result, { doing: `translate pid ${pid}` });
}

function namespacePath(pid: number | "self", name: NamespaceName): string {
  return `/proc/${pid === "self" ? pid : processId(pid)}/ns/${name}`;
}
