/**
 * The kernel's calls on this host, tried with arguments that change nothing. Must never leave a process, a
 * file or a setting behind, and never throw: what cannot be asked is an answer as well.
 */
import { errorText } from "../error_text.ts";
import { accessSync, closeSync, constants } from "node:fs";
import { cString } from "../checks.ts";
import { errnoName } from "../errno.ts";
import { native } from "../native/native.ts";
import {
  AT_FDCWD,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  MFD_CLOEXEC,
  MFD_EXEC,
  O_PATH,
  PROBE,
  RESOLVE_IN_ROOT,
} from "../native/constants.ts";

/**
 * null: it works; else the errno's name that a use would meet ("ENOSYS": this kernel lacks it, "EPERM":
 * refused).
 */
export type Refusal = string | null;

export interface KernelCalls {
  readonly clone3: Refusal;
  readonly execveat: Refusal;
  readonly openat2: Refusal;
  readonly closeRange: Refusal;
  readonly pidfdOpen: Refusal;
  readonly pidfdSignal: Refusal;
  readonly subreaper: Refusal;
  readonly memfd: Refusal;
  /** A memfd that can be executed: see vm.memfd_noexec. */
  readonly executableMemfd: Refusal;
  readonly inotify: Refusal;
  readonly namespaces: Readonly<Record<NamespaceName, Refusal>>;
}

const NAMESPACES = {
  mount: CLONE_NEWNS,
  cgroup: CLONE_NEWCGROUP,
  uts: CLONE_NEWUTS,
  ipc: CLONE_NEWIPC,
  user: CLONE_NEWUSER,
  pid: CLONE_NEWPID,
  net: CLONE_NEWNET,
} as const;
export type NamespaceName = keyof typeof NAMESPACES;

/** A text: the native part cannot be loaded, so nothing can be asked, and why. */
export function kernelCalls(): KernelCalls | string {
  try {
    native();
  } catch (error) {
    return errorText(error);
  }
  const call = native();
  return {
    clone3: refusal(call.reeve_probe(PROBE.clone3)),
    execveat: refusal(call.reeve_probe(PROBE.execveat)),
    openat2: opened(call.reeve_openat(AT_FDCWD, cString("/", "path"), O_PATH, 0, BigInt(RESOLVE_IN_ROOT))),
    closeRange: refusal(call.reeve_probe(PROBE.closeRange)),
    pidfdOpen: opened(call.reeve_pidfd_open(process.pid)),
    pidfdSignal: refusal(call.reeve_probe(PROBE.pidfdSignal)),
    subreaper: refusal(call.reeve_probe(PROBE.subreaper)),
    memfd: opened(call.reeve_memfd(MEMFD_NAME, MFD_CLOEXEC)),
    executableMemfd: executableMemfd(),
    inotify: opened(call.reeve_inotify()),
    namespaces: namespaces(),
  };
}

const MEMFD_NAME = cString("reeve-doctor", "memfd name");

function namespaces(): Record<NamespaceName, Refusal> {
  const answer = (name: NamespaceName): Refusal =>
    refusal(native().reeve_probe_namespaces(BigInt(NAMESPACES[name])));
  return {
    mount: answer("mount"),
    cgroup: answer("cgroup"),
    uts: answer("uts"),
    ipc: answer("ipc"),
    user: answer("user"),
    pid: answer("pid"),
    net: answer("net"),
  };
}

function executableMemfd(): Refusal {
  const asked = native().reeve_memfd(MEMFD_NAME, MFD_CLOEXEC | MFD_EXEC);
  // Linux before 6.3 does not know MFD_EXEC, and every memfd of theirs can be executed.
  const fd = Number(Number(asked) < 0 ? native().reeve_memfd(MEMFD_NAME, MFD_CLOEXEC) : asked);
  if (fd < 0) return refusal(fd);
  try {
    accessSync(`/proc/self/fd/${fd}`, constants.X_OK);
    return null;
  } catch {
    return "EACCES";
  } finally {
    closeSync(fd);
  }
}

function refusal(result: number | bigint): Refusal {
  return Number(result) < 0 ? errnoName(-Number(result)) : null;
}

/** The answer of a call that gives a descriptor. */
function opened(result: number | bigint): Refusal {
  if (Number(result) >= 0) closeSync(Number(result));
  return refusal(result);
}
