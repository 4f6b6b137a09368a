/**
 * `reeve --stop FILE` and `reeve --reload FILE`: a signal to the reeve whose pid is in a pidfile. The file is
 * not trusted: it must be a small regular file with one pid, and that process must be a reeve, before
 * anything is signalled.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import process from "node:process";
import { closePidfd, openPidfd, signalPidfd } from "../sys/process/pidfd.ts";
import { readStat } from "../sys/process/process_table.ts";
import { describeProblem } from "../config/problem.ts";
import { errorCode } from "../sys/errno.ts";
import { signalName } from "../sys/signal_names.ts";
import { commandName, isReeve } from "../process/running_reeve.ts";
import { EXIT } from "./shared/exit_code.ts";
import type { Outputs } from "./shared/output.ts";

/** uWSGI's as well: SIGINT, for SIGTERM may mean a reload. */
const STOP_SIGNAL = 2;
const RELOAD_SIGNAL = 1;
/** A pid, a line end, and room for other lines that somebody may have put behind it. */
const MOST_BYTES = 4096;

/** 0: the signal was sent. 1: not, with the reason on stderr. */
export function signalInstance(what: "stop" | "reload", pidfile: string, outputs: Outputs): number {
  const signal = what === "stop" ? STOP_SIGNAL : RELOAD_SIGNAL;
  try {
    const pid = readPid(pidfile);
    send(pid, signal, pidfile);
    outputs.out.line(`sent ${signalName(signal)} to reeve, pid ${pid}`);
    return EXIT.ok;
  } catch (error) {
    outputs.err.line(`cannot ${what}: ${describeProblem(error)}`);
    return EXIT.failure;
  }
}

function readPid(path: string): number {
  let fd: number;
  try {
    // A FIFO must not make it wait, a planted link must not lead it astray.
    fd = openSync(
      path,
      constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | constants.O_NOFOLLOW,
    );
  } catch (error) {
    const isLink = errorCode(error) === "ELOOP";
    throw new Error(
      `pidfile "${path}": ${isLink ? "it is a symbolic link, name the file itself" : describeProblem(error)}`,
    );
  }
  try {
    if (!fstatSync(fd).isFile()) throw new Error(`pidfile "${path}": it is no regular file`);
    const bytes = new Uint8Array(MOST_BYTES);
    const text = new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes)));
    const pid = Number(/^\s*(\d{1,10})\s/.exec(`${text}\n`)?.[1] ?? NaN);
    // 1 is possible: a container's reeve.
    if (!(pid >= 1 && pid <= 0x7fffffff)) throw new Error(`pidfile "${path}": there is no pid in it`);
    return pid;
  } finally {
    closeSync(fd);
  }
}

/** Holds the process by a pidfd while it is looked at, so that the signal cannot hit another one. */
function send(pid: number, signal: number, pidfile: string): void {
  if (pid === process.pid) {
    throw new Error(`pidfile "${pidfile}" holds the pid of this command, ${pid}: it is stale`);
  }
  const pidfd = openPidfd(pid);
  if (pidfd === null) {
    throw new Error(`process ${pid} of pidfile "${pidfile}" does not exist: the file is stale`);
  }
  try {
    // A zombie can be signalled, and heeds nothing.
    const state = readStat(pid)?.state;
    if (state === undefined || state === "Z" || state === "X") {
      throw new Error(`process ${pid} of pidfile "${pidfile}" has ended: the file is stale`);
    }
    const name = commandName(pid);
    if (!isReeve(pid, name)) {
      const found = name === null ? "cannot be examined" : `is "${name}", not a reeve`;
      throw new Error(`process ${pid} of pidfile "${pidfile}" ${found}: nothing was signalled`);
    }
    if (!signalPidfd(pidfd, signal)) throw new Error(`process ${pid} has just ended`);
  } finally {
    closePidfd(pidfd);
  }
}
