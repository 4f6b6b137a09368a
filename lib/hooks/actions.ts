/**
 * Carries out the built-in hook actions that touch the system, with the rights of the process that this runs
 * in: reeve itself for the phases of root, a child of the instance's user for the others. Those inside a jail
 * work from outside, beneath the descriptor of its root. Synchronous; never follows a FIFO into waiting for a
 * reader.
 */
import { instancePid } from "../sys/process/instance_pid.ts";
import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  lchownSync,
  mkdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { isAbsolute } from "node:path";
import type { HookAction } from "../config/plan/hook_plan.ts";
import { parseId } from "../config/users.ts";
import { RootedTree } from "../jail/rooted_tree.ts";
import { readUsers } from "../jail/rooted_users.ts";
import { errnoText, errorCode } from "../sys/errno.ts";
import { type FileTree, HOST_TREE, type WriteOptions } from "../sys/file/file_tree.ts";
import { setHostname } from "../sys/host/mounts.ts";
import { setUmask } from "../sys/process/own_process.ts";
import { closePidfd, openPidfd, signalPidfd } from "../sys/process/pidfd.ts";
import { errorText } from "../sys/error_text.ts";
import { performMount, performUmount } from "./mount_actions.ts";
import { readPidfile } from "../pidfile/reader.ts";
import { holdProcess } from "../process/signaller.ts";

/** The actions that need rights; the others are the runner's own (exec, wait, putenv, print, exit). */
export type SystemAction = Exclude<HookAction, { kind: "exec" | "wait" | "putenv" | "print" | "exit" }>;

export interface ActionOptions {
  /** Relative paths are relative to this. */
  readonly cwd: string;
  /** The owner of the files that are made; null: reeve itself. */
  readonly umask: number | null;
  /** A descriptor of the root directory beneath which the paths lie; null: they are reeve's own. */
  readonly root: number | null;
}

const STICKY = 0o1000;
const NEW_FILE = 0o666;

/** Throws an Error whose text is `cannot VERB "...": detail`. */
export function performAction(action: SystemAction, context: ActionOptions): void {
  const before = context.umask === null ? null : setUmask(context.umask);
  try {
    perform(action, context);
  } catch (problem) {
    throw new Error(`cannot ${describeAction(action)}: ${detailOf(problem)}`, { cause: problem });
  } finally {
    if (before !== null) setUmask(before);
  }
}

function perform(action: SystemAction, { cwd, root }: ActionOptions): void {
  const at = (path: string): string => isAbsolute(path) ? path : `${cwd}/${path}`;
  const tree = root === null ? HOST_TREE : new RootedTree(() => root);
  switch (action.kind) {
    case "chdir":
      return tree.target(at(action.path), "look", checkDirectory);
    case "mkdir":
      return tree.entry(at(action.path), "use", (path) => void mkdirSync(path, 0o777));
    case "chmod":
      return tree.target(at(action.path), "use", (path) => chmodSync(path, action.mode));
    case "sticky":
      return tree.target(at(action.path), "use", addSticky);
    case "chown":
      return changeOwner(at(action.path), action, tree);
    case "create":
      return writeText(at(action.path), "", { append: false, truncate: true, create: NEW_FILE }, tree);
    case "write": {
      const { append, newline, text } = action;
      const how = { append, truncate: !append, create: NEW_FILE };
      return writeText(at(action.path), newline ? `${text}\n` : text, how, tree);
    }
    case "writefifo":
      return writeFifo(at(action.path), action.text, tree);
    case "unlink":
      return tree.entry(at(action.path), "use", unlinkSync);
    case "hostname":
    case "unix_signal":
    case "mount":
    case "umount":
      // A process in the jail's namespaces does these (hooks/carrier.ts).
      if (root !== null) throw new Error("it cannot be done from outside of a jail");
      return performOnHost(action, at);
  }
}

function performOnHost(
  action: Extract<SystemAction, { kind: "hostname" | "unix_signal" | "mount" | "umount" }>,
  at: (path: string) => string,
): void {
  switch (action.kind) {
    case "hostname":
      return setHostname(action.name);
    case "unix_signal":
      return sendSignal(action.pid, action.signal, at);
    case "mount":
      return performMount({
        ...action,
        source: mountSource(action.source, at),
        target: at(action.target),
      });
    case "umount":
      return performUmount({ ...action, target: at(action.target) });
  }
}

/** A source is a path only where it looks like one: "none", "tmpfs", "host:/export". */
export function mountSource(source: string, at: (path: string) => string): string {
  return source.startsWith(".") ? at(source) : source;
}

function checkDirectory(path: string): void {
  if (!statSync(path).isDirectory()) throw new Error("not a directory");
  accessSync(path, constants.X_OK);
}

function addSticky(path: string): void {
  chmodSync(path, (statSync(path).mode & 0o7777) | STICKY);
}

function writeText(path: string, text: string, how: WriteOptions, tree: FileTree): void {
  const fd = tree.openForWriting(path, how);
  try {
    const bytes = Buffer.from(text, "utf8");
    for (let offset = 0; offset < bytes.length;) offset += writeSync(fd, bytes, offset);
  } finally {
    closeSync(fd);
  }
}

/** uWSGI: that nobody reads a FIFO is no failure. */
function writeFifo(path: string, text: string, tree: FileTree): void {
  try {
    writeText(path, text, { append: false, truncate: false, create: null }, tree);
  } catch (problem) {
    const code = errorCode(problem);
    if (code !== "ENXIO" && code !== "ENODEV") throw problem;
  }
}

function changeOwner(
  path: string,
  { owner, group, follow }: Extract<SystemAction, { kind: "chown" }>,
  tree: FileTree,
): void {
  const users = readUsers(tree);
  const uid = users.userByName(owner)?.uid ?? parseId(owner);
  const gid = users.groupByName(group)?.gid ?? parseId(group);
  if (uid === null) throw new Error(`there is no user "${owner}"`);
  if (gid === null) throw new Error(`there is no group "${group}"`);
  if (follow) tree.target(path, "use", (held) => chownSync(held, uid, gid));
  else tree.entry(path, "use", (held) => lchownSync(held, uid, gid));
}

/** A pid as written is the writer's responsibility; one from a pidfile counts only if it is that process. */
function sendSignal(target: string, signal: number, at: (path: string) => string): void {
  const pidfd = /^\d+$/.test(target) ? openPidfd(Number(target)) : openFromPidfile(at(target));
  if (pidfd === null) throw new Error("there is no such process");
  try {
    if (!signalPidfd(pidfd, signal)) throw new Error("there is no such process");
  } finally {
    closePidfd(pidfd);
  }
}

function openFromPidfile(path: string): number | null {
  const selfUid = process.getuid?.() ?? 0;
  const verdict = readPidfile(path, { selfUid, selfPid: instancePid(), daemonUid: selfUid, known: null });
  if (!verdict.valid) throw new Error(verdict.found);
  return holdProcess(verdict.process);
}

export function describeAction(action: SystemAction): string {
  switch (action.kind) {
    case "chdir":
      return `change to directory "${action.path}"`;
    case "mkdir":
      return `make directory "${action.path}"`;
    case "chmod":
      return `change the mode of "${action.path}"`;
    case "sticky":
      return `set the sticky bit of "${action.path}"`;
    case "chown":
      return `change the owner of "${action.path}"`;
    case "create":
      return `create "${action.path}"`;
    case "write":
      return `write to "${action.path}"`;
    case "writefifo":
      return `write to FIFO "${action.path}"`;
    case "unlink":
      return `unlink "${action.path}"`;
    case "hostname":
      return `set the host name to "${action.name}"`;
    case "unix_signal":
      return `send signal ${action.signal} to "${action.pid}"`;
    case "mount":
      return `mount "${action.source}" on "${action.target}"`;
    case "umount":
      return `unmount "${action.target}"`;
  }
}

/** Without the path and the name of the call, which the runtime puts in and `describe` has said. */
function detailOf(problem: unknown): string {
  const errno = (problem as { errno?: unknown }).errno;
  return typeof errno === "number" ? errnoText(Math.abs(errno)) : errorText(problem);
}
