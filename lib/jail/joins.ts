/**
 * Opens the namespaces that a plan says are to be joined: those of a process, or files of them. They are
 * opened right before the child that joins them is started, and closed right after: nothing here outlives a
 * spawn.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import type { JoinPlan, NamespaceKind } from "../config/plan/jail_plan.ts";
import { errorText } from "../sys/error_text.ts";
import { statFd } from "../sys/file/files.ts";
import { openPidfd, signalPidfd } from "../sys/process/pidfd.ts";
import { readStat } from "../sys/process/process_table.ts";
import { NAMESPACE_KINDS } from "./identity.ts";
import { namespaceInode, namespacesBeside } from "./namespace_files.ts";
import { cloneFlags } from "./namespace_setup.ts";
import { askForNamespaces } from "./setns_client.ts";

export interface OpenJoins {
  /** A PID namespace among them; null: none. */
  readonly pidNamespace: number | null;
  readonly join: readonly { readonly fd: number; readonly flags: number }[];
  close(): void;
}

export const NO_JOINS: OpenJoins = { pidNamespace: null, join: [], close: () => {} };

const NSFS_MAGIC = 0x6e736673;

/**
 * `base`: the process whose namespaces the child would have without them; what is the same is not joined
 * again. Throws an Error that names what cannot be joined.
 */
export function openJoins(plans: readonly JoinPlan[], base: number | "self"): OpenJoins {
  if (plans.length === 0) return NO_JOINS;
  const fds: number[] = [];
  const found = { pidNamespace: null as number | null, join: [] as { fd: number; flags: number }[] };
  const close = (): void => {
    for (const fd of fds.splice(0)) closeSync(fd);
  };
  const add = (fd: number, kind: NamespaceKind): void => {
    if (kind === "pid") found.pidNamespace = fd;
    else found.join.push({ fd, flags: cloneFlags([kind]) });
  };
  try {
    for (const plan of plans) {
      if (plan.kind === "pid") openOfProcess(plan.pid, base, fds, found, add);
      else if (plan.kind === "path") openOfPath(plan.path, base, fds, add);
      else openOfSocket(plan.path, base, fds, add);
    }
    return { ...found, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Held by a pidfd before and after: the number was its own all the while. */
function openOfProcess(
  pid: number,
  base: number | "self",
  fds: number[],
  found: { join: { fd: number; flags: number }[] },
  add: (fd: number, kind: NamespaceKind) => void,
): void {
  const fail = (why: string): Error => new Error(`cannot join the namespaces of process ${pid}: ${why}`);
  const pidfd = openPidfd(pid);
  if (pidfd === null) throw fail("there is no such process");
  fds.push(pidfd);
  let kinds: NamespaceKind[];
  try {
    const state = readStat(pid)?.state ?? "X";
    if (state === "Z" || state === "X") throw new Error("it has ended");
    kinds = Object.keys(namespacesBeside(pid, base)) as NamespaceKind[];
    if (kinds.length === 0) throw new Error("it has none of its own");
    if (kinds.includes("pid")) {
      const fd = openSync(`/proc/${pid}/ns/pid`, constants.O_RDONLY);
      fds.push(fd);
      add(fd, "pid");
    }
  } catch (error) {
    throw fail(errorText(error));
  }
  if (!signalPidfd(pidfd, 0)) throw fail("it has just ended");
  const flags = cloneFlags(kinds.filter((kind) => kind !== "pid"));
  if (flags !== 0) found.join.push({ fd: pidfd, flags });
}

function openOfPath(
  path: string,
  base: number | "self",
  fds: number[],
  add: (fd: number, kind: NamespaceKind) => void,
): void {
  try {
    const isDirectory = statSync(path).isDirectory();
    let added = 0;
    const names = isDirectory ? readdirSync(path).filter(isKind).map((name) => join(path, name)) : [path];
    for (const file of names) {
      const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
      fds.push(fd);
      const kind = kindOf(fd);
      if (kind === null) throw new Error(`"${file}" is no namespace file`);
      if (namespaceInode(base, kind) === String(fstatSync(fd, { bigint: true }).ino)) continue;
      add(fd, kind);
      added += 1;
    }
    if (names.length === 0) throw new Error("there is no namespace file in it");
    if (added === 0) throw new Error("nothing would change: they are reeve's own");
  } catch (error) {
    throw new Error(`cannot join the namespaces of "${path}": ${errorText(error)}`, { cause: error });
  }
}

/** The last of several of a kind counts, as for uWSGI, which joins one after the other. */
function openOfSocket(
  path: string,
  base: number | "self",
  fds: number[],
  add: (fd: number, kind: NamespaceKind) => void,
): void {
  const handed = askForNamespaces(path);
  fds.push(...handed.map(({ fd }) => fd));
  const others = new Map<NamespaceKind, number>();
  for (const { fd, kind } of handed) {
    if (namespaceInode(base, kind) !== String(fstatSync(fd, { bigint: true }).ino)) others.set(kind, fd);
  }
  // A user namespace comes last: whoever is in it has no rights over the others.
  for (const kind of NAMESPACE_KINDS) {
    const fd = others.get(kind);
    if (fd !== undefined) add(fd, kind);
  }
}

function isKind(name: string): name is NamespaceKind {
  return (NAMESPACE_KINDS as readonly string[]).includes(name);
}

/**
 * The kernel's name of the file: "net:[4026532000]", as the root of its mount where it was bound to a name.
 */
function kindOf(fd: number): NamespaceKind | null {
  if (statFd(fd).fileSystem !== NSFS_MAGIC) return null;
  const mount = /^mnt_id:\t([0-9]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1];
  const line = readFileSync("/proc/self/mountinfo", "latin1").split("\n").find((text) =>
    text.startsWith(`${mount} `)
  );
  // A file of /proc/PID/ns is on the kernel's own mount, which no table has.
  const text = line === undefined ? readlinkSync(`/proc/self/fd/${fd}`) : line.split(" ")[3] ?? "";
  const name = text.split(":")[0] ?? "";
  return isKind(name) ? name : null;
}
