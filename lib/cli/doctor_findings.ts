/**
 * The meaning of a host's facts for reeve: pure, facts in, findings out. "without": reeve works and does
 * without this; "missing": reeve cannot supervise at all here. Must never ask the system itself.
 */
import type { KernelCalls, NamespaceName, Refusal } from "../sys/host/host.ts";
import type { HostFiles } from "../sys/host/host_files.ts";

export type FindingState = "ok" | "without" | "missing";

export interface Finding {
  readonly name: string;
  readonly state: FindingState;
  /** The fact, in a few words. */
  readonly found: string;
  /** Its meaning for reeve; "" where nothing has to be said. */
  readonly means: string;
}

/** `calls`: a text says why none could be tried: the native part cannot be loaded. */
export function findings(files: HostFiles, calls: KernelCalls | string): readonly Finding[] {
  return [
    finding("kernel", "ok", `Linux ${files.kernel}, ${files.architecture}`),
    firstProcess(files),
    rights(files),
    ...(typeof calls === "string" ? [nativePart(calls)] : callFindings(files, calls)),
    inotifyLimits(files),
    cgroup(files),
    ...fileFindings(files),
    terminal(files),
    openFiles(files),
    birthmarks(files),
  ];
}

function callFindings(files: HostFiles, calls: KernelCalls): readonly Finding[] {
  return [
    calls.execveat === "ENOSYS"
      ? call("execveat", "ENOSYS", "without", "reeve's helper is executed by a path in /proc")
      : call("execveat", calls.execveat, "missing", "no daemon can be started"),
    memfd(files, calls),
    call("clone3", calls.clone3, "without", "daemons are started by clone instead, which serves as well"),
    call(
      "pidfd",
      calls.pidfdOpen ?? calls.pidfdSignal,
      "without",
      "processes are signalled by number, after a comparison of start times; the end of a daemon that is no child of reeve goes unseen",
    ),
    call(
      "subreaper",
      calls.subreaper,
      "without",
      "a daemon that daemonizes is no child of reeve: its end is seen by pidfd alone",
    ),
    call("openat2", calls.openat2, "without", "jails need it (Linux 5.6); daemons do not"),
    call("close_range", calls.closeRange, "without", "descriptors are closed one by one"),
    call(
      "inotify",
      calls.inotify,
      "without",
      "touch files are not noticed, and a changed pidfile only later",
    ),
    namespaces(calls),
    call("user-ns", calls.namespaces.user, "without", "unshare = user and the key ns=user fail"),
  ];
}

function call(name: string, refusal: Refusal, state: FindingState, means: string): Finding {
  return refusal === null ? finding(name, "ok", "works") : finding(name, state, refused(refusal), means);
}

function refused(errno: string): string {
  switch (errno) {
    case "ENOSYS":
      return "not in this kernel";
    case "EPERM":
    case "EACCES":
      return "refused";
    default:
      return `refused (${errno})`;
  }
}

function firstProcess({ pid }: HostFiles): Finding {
  return pid === 1
    ? finding("pid", "ok", "PID 1", "reeve becomes a small init that reaps, and runs itself below it")
    : finding("pid", "ok", "not PID 1", "orphans of daemons come to reeve");
}

/** Those of capabilities(7) that reeve or a usual daemon's start needs. */
const WANTED_CAPABILITIES: readonly (readonly [number, string])[] = [
  [5, "kill"],
  [6, "setgid"],
  [7, "setuid"],
  [8, "setpcap"],
  [21, "sys_admin"],
  [23, "sys_nice"],
  [24, "sys_resource"],
];

function rights(files: HostFiles): Finding {
  const lacking = WANTED_CAPABILITIES.filter(([bit]) => (files.capabilities >> BigInt(bit) & 1n) === 0n)
    .map(([, name]) => name);
  const traits = [
    ...(files.noNewPrivs ? ["no_new_privs is set"] : []),
    ...(files.filtered ? ["system calls are filtered"] : []),
  ];
  const who = [files.uid === 0 ? "root" : `uid ${files.uid}`, ...traits].join(", ");
  if (lacking.length === 0) return finding("rights", "ok", `${who}, with every capability that counts`);
  if (lacking.length === WANTED_CAPABILITIES.length) {
    return finding("rights", "without", `${who}, no capabilities`, "every daemon runs as the user of reeve");
  }
  const cannot = [
    ...(lacking.includes("setuid") || lacking.includes("setgid")
      ? ["daemons cannot run as other users"]
      : []),
    ...(lacking.includes("kill") ? ["daemons of other users cannot be signalled"] : []),
    ...(lacking.includes("sys_admin") ? ["no mounts, no jails"] : []),
    ...(lacking.includes("sys_resource") ? ["limits can only be lowered"] : []),
    ...(lacking.includes("sys_nice") ? ["priorities can only be lowered"] : []),
    ...(lacking.includes("setpcap") ? ["the bounding set of capabilities stays as it is"] : []),
  ];
  return finding("rights", "without", `${who}, without ${lacking.join(", ")}`, cannot.join("; "));
}

function nativePart(reason: string): Finding {
  return finding("native", "missing", "the native part cannot be loaded", reason);
}

function memfd(files: HostFiles, calls: KernelCalls): Finding {
  if (calls.memfd !== null) {
    return files.imageDirectory === null
      ? finding("memfd", "missing", refused(calls.memfd), "and no writable directory is in its place")
      : finding(
        "memfd",
        "without",
        refused(calls.memfd),
        `unlinked files in ${files.imageDirectory} are in its place`,
      );
  }
  if (calls.executableMemfd === null) return finding("memfd", "ok", "works, and may be executed");
  const sysctl = files.memfdNoexec === null ? "" : ` (vm.memfd_noexec = ${files.memfdNoexec})`;
  // The native part is loaded, so there was a directory for it.
  const where = files.imageDirectory === null
    ? "the native part is in an unlinked file instead"
    : `the native part is in an unlinked file in ${files.imageDirectory} instead`;
  return finding("memfd", "without", `may not be executed${sysctl}`, where);
}

const JAIL_NAMESPACES: readonly NamespaceName[] = ["mount", "pid", "uts", "ipc", "net", "cgroup"];

function namespaces(calls: KernelCalls): Finding {
  const lacking = JAIL_NAMESPACES.filter((name) => calls.namespaces[name] !== null);
  if (lacking.length === 0) return finding("namespaces", "ok", JAIL_NAMESPACES.join(", "));
  const all = lacking.length === JAIL_NAMESPACES.length;
  const reasons = new Set(lacking.map((name) => refused(calls.namespaces[name] ?? "")));
  const found = `${all ? "" : `${lacking.join(", ")}: `}${[...reasons].join(", ")}`;
  return finding("namespaces", "without", found, "jails need them; daemons do not");
}

function inotifyLimits({ inotifyInstances, inotifyWatches }: HostFiles): Finding {
  if (inotifyInstances === null || inotifyWatches === null) {
    return finding("inotify-max", "ok", "no limits to be seen");
  }
  const found = `${inotifyInstances} instances, ${inotifyWatches} watches for each user`;
  return inotifyInstances >= 16 && inotifyWatches >= 1024
    ? finding("inotify-max", "ok", found)
    : finding("inotify-max", "without", found, "few: touch files and pidfiles may go unwatched");
}

function cgroup({ cgroup: facts }: HostFiles): Finding {
  if (facts === null) return finding("cgroup", "without", "not mounted", "nothing of reeve needs it");
  const found = facts.version === "hybrid" ? "v1 and v2" : facts.version;
  return facts.writable
    ? finding("cgroup", "ok", `${found}, writable`)
    : finding("cgroup", "without", `${found}, not writable`, "nothing of reeve needs it");
}

function fileFindings(files: HostFiles): readonly Finding[] {
  const hides = files.procHides.join(", ");
  const when = (name: string, there: boolean, ok: string, found: string, means: string): Finding =>
    there ? finding(name, "ok", ok) : finding(name, "without", found, means);
  return [
    when(
      "/proc",
      files.seesOthers,
      hides === "" ? "shows all processes" : `${hides}, but reeve may see all`,
      hides === "" ? "processes of others are hidden" : `processes of others are hidden (${hides})`,
      "a daemon that runs as another user from before the start of reeve is not recognised by its pidfile",
    ),
    when(
      "/proc/children",
      files.listsChildren,
      "children are listed",
      "no lists of children",
      "every process is looked at to find a child",
    ),
    when(
      "/dev/null",
      files.devNull,
      "is there",
      "absent",
      "daemons get the closed end of a pipe as stdin",
    ),
    when(
      "/bin/sh",
      files.shell,
      "is there",
      "absent",
      "commands are split into words; those with shell syntax fail",
    ),
    when(
      "/etc/passwd",
      files.users,
      "can be read",
      "cannot be read",
      "users and groups by number alone",
    ),
    runDirectory(files),
  ];
}

const RUN_DIRECTORY_COST =
  "what daemons leave behind after a kill -9 of reeve is not found, a second reeve of a configuration is not noticed, and commands reach no instance; set run-dir";

function runDirectory({ runDirectories, uid }: HostFiles): Finding {
  const usable = runDirectories.find(({ writable }) => writable);
  if (usable !== undefined) return finding("run-dir", "ok", `${usable.path}/NAME`);
  const found = runDirectories.length > 0
    ? `${runDirectories.map(({ path }) => path).join(", ")}: not writable`
    : uid === 0
    ? "none"
    : "XDG_RUNTIME_DIR is not set";
  return finding("run-dir", "without", found, RUN_DIRECTORY_COST);
}

function terminal({ terminals }: HostFiles): Finding {
  const names = ["stdin", "stdout", "stderr"].filter((_, fd) => terminals[fd] === true);
  return names.length === 0
    ? finding("terminal", "ok", "none", "as usual for a service")
    : finding("terminal", "ok", names.join(", "));
}

/** Reeve itself, and what a daemon costs at most: a pipe for its log, a directory watched. */
const FILES_OF_REEVE = 64;

function openFiles({ openFiles: limit }: HostFiles): Finding {
  if (limit === null) return finding("open-files", "ok", "no limit to be seen");
  const shown = (value: number): string => value === Infinity ? "unlimited" : String(value);
  const found = `${shown(limit.soft)}, at most ${shown(limit.hard)}`;
  return limit.hard > FILES_OF_REEVE
    ? finding("open-files", "ok", found, "daemons get the first; reeve itself takes the second")
    : finding("open-files", "without", found, "room for few daemons: raise it with ulimit -n");
}

/** Birthmarks are numbers up to 2^63 in the soft limit of file locks (lib/process/birthmark.ts). */
function birthmarks({ fileLocks: limit }: HostFiles): Finding {
  if (limit === null || limit.hard < 2 ** 63) {
    return finding(
      "birthmarks",
      "without",
      limit === null ? "no limit of file locks to be seen" : `file locks limited to ${limit.hard}`,
      "what a daemon forked into another session does not end with it: ulimit -Hx unlimited before reeve starts",
    );
  }
  return finding(
    "birthmarks",
    "ok",
    "file locks unlimited",
    "what a daemon forked is known, whatever its session",
  );
}

function finding(name: string, state: FindingState, found: string, means = ""): Finding {
  return { name, state, found, means };
}
