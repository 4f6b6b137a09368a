/**
 * Carries out the built-in hook actions that touch the system, with the rights of the process that this runs in: reeve
 * itself for the phases of root, a child of the instance's user for the others. Synchronous; never follows a FIFO into
 * waiting for a reader.
 */
import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  lchownSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { isAbsolute } from "node:path";
import type { HookAction } from "../config/plan.ts";
import { parseId, UserDatabase } from "../config/users.ts";
import { errnoText } from "../sys/errno.ts";
import { setHostname } from "../sys/mounts.ts";
import { setUmask } from "../sys/own_process.ts";
import { closePidfd, openPidfd, signalPidfd } from "../sys/pidfd.ts";
import { errorText } from "../sys/error_text.ts";
import { performMount, performUmount } from "./mount_actions.ts";
import { readPidfile } from "./pidfile_reader.ts";
import { holdProcess } from "./signaller.ts";

/** The actions that need rights; the others are the runner's own (exec, wait, putenv, print, exit). */
export type SystemAction = Exclude<HookAction, { kind: "exec" | "wait" | "putenv" | "print" | "exit" }>;

export interface ActionContext {
  /** Relative paths are relative to this. */
  readonly cwd: string;
  /** Of the files that are made; null: as reeve itself. */
  readonly umask: number | null;
}

const STICKY = 0o1000;
const WRITE = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Throws an Error whose text is `cannot VERB "...": detail`. */
export function performAction(action: SystemAction, context: ActionContext): void {
  const before = context.umask === null ? null : setUmask(context.umask);
  try {
    perform(action, context);
  } catch (problem) {
    throw new Error(`cannot ${describe(action)}: ${detailOf(problem)}`, { cause: problem });
  } finally {
    if (before !== null) setUmask(before);
  }
}

export function isSystemAction(action: HookAction): action is SystemAction {
  return !["exec", "wait", "putenv", "print", "exit"].includes(action.kind);
}

function perform(action: SystemAction, { cwd }: ActionContext): void {
  const at = (path: string): string => isAbsolute(path) ? path : `${cwd}/${path}`;
  switch (action.kind) {
    case "chdir":
      if (!statSync(at(action.path)).isDirectory()) throw new Error("not a directory");
      return accessSync(at(action.path), constants.X_OK);
    case "mkdir":
      return void mkdirSync(at(action.path), 0o777);
    case "chmod":
      return chmodSync(at(action.path), action.mode);
    case "sticky":
      return chmodSync(at(action.path), (statSync(at(action.path)).mode & 0o7777) | STICKY);
    case "chown":
      return changeOwner(at(action.path), action.owner, action.group, action.follow);
    case "create":
      return writeText(at(action.path), "", constants.O_CREAT | constants.O_TRUNC);
    case "write": {
      const how = constants.O_CREAT | (action.append ? constants.O_APPEND : constants.O_TRUNC);
      return writeText(at(action.path), action.newline ? `${action.text}\n` : action.text, how);
    }
    case "writefifo":
      return writeFifo(at(action.path), action.text);
    case "unlink":
      return unlinkSync(at(action.path));
    case "hostname":
      return setHostname(action.name);
    case "unix_signal":
      return sendSignal(action.pid, action.signal, at);
    case "mount": {
      // A source is a path only where it looks like one: "none", "tmpfs", "host:/export".
      const source = action.source.startsWith(".") ? at(action.source) : action.source;
      return performMount({ ...action, source, target: at(action.target) });
    }
    case "umount":
      return performUmount({ ...action, target: at(action.target) });
  }
}

function writeText(path: string, text: string, flags: number): void {
  const fd = openSync(path, WRITE | flags, 0o666);
  try {
    const bytes = Buffer.from(text, "utf8");
    for (let offset = 0; offset < bytes.length;) offset += writeSync(fd, bytes, offset);
  } finally {
    closeSync(fd);
  }
}

/** uWSGI: that nobody reads a FIFO is no failure. */
function writeFifo(path: string, text: string): void {
  try {
    writeText(path, text, 0);
  } catch (problem) {
    const code = (problem as { code?: unknown }).code;
    if (code !== "ENXIO" && code !== "ENODEV") throw problem;
  }
}

function changeOwner(path: string, owner: string, group: string, follow: boolean): void {
  const users = new UserDatabase({ passwd: readText("/etc/passwd"), group: readText("/etc/group") });
  const uid = users.userByName(owner)?.uid ?? parseId(owner);
  const gid = users.groupByName(group)?.gid ?? parseId(group);
  if (uid === null) throw new Error(`there is no user "${owner}"`);
  if (gid === null) throw new Error(`there is no group "${group}"`);
  if (follow) chownSync(path, uid, gid);
  else lchownSync(path, uid, gid);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
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
  const verdict = readPidfile(path, { selfUid, selfPid: process.pid, daemonUid: selfUid, known: null });
  if (!verdict.valid) throw new Error(verdict.found);
  return holdProcess(verdict.process);
}

function describe(action: SystemAction): string {
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
