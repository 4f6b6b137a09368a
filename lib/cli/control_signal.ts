/**
 * `reeve --stop FILE` and `reeve --reload FILE`: a signal to the reeve whose pid is in a pidfile, and what
 * became of it. The file is not trusted: it must be a small regular file with one pid, and that process must
 * be a reeve, before anything is signalled.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import process from "node:process";
import { closePidfd, openPidfd, signalPidfd } from "../sys/process/pidfd.ts";
import { readStat } from "../sys/process/process_table.ts";
import { describeProblem } from "../config/problem.ts";
import { errorCode } from "../sys/errno.ts";
import { commandName, isReeve } from "../process/running_reeve.ts";
import { EXIT } from "./shared/exit_code.ts";
import type { Outputs } from "./shared/output.ts";

/** uWSGI's as well: SIGINT, for SIGTERM may mean a reload. */
const STOP_SIGNAL = 2;
const RELOAD_SIGNAL = 1;
/** A pid, a line end, and room for other lines that somebody may have put behind it. */
const MOST_BYTES = 4096;

/** How long a stop is waited for, which goes on all the same. */
const STOP_SECONDS = 90;

export interface ControlSignalDeps {
  /** Resolves when the process of a pidfd has ended, or after that time. -> whether it has ended. */
  readonly untilEnded: (pidfd: number, seconds: number) => Promise<boolean>;
  /**
   * Asks the instance of a process to reload, over its control socket. -> the exit code; null: it has none.
   */
  readonly reload: (pid: number) => Promise<number | null>;
}

/** 0: it has stopped, or was reloaded. 1: not, with the reason on stderr. 124: it stops still. */
export async function signalInstance(
  what: "stop" | "reload",
  pidfile: string,
  outputs: Outputs,
  { untilEnded, reload }: ControlSignalDeps = realDeps(outputs),
): Promise<number> {
  try {
    const pid = readPid(pidfile);
    const pidfd = holdReeve(pid, pidfile);
    try {
      if (what === "reload") {
        const code = await reload(pid);
        if (code !== null) return code;
        send(pidfd, pid, RELOAD_SIGNAL);
        outputs.out.line(`sent HUP to reeve, pid ${pid}: its log says what becomes of it`);
        return EXIT.ok;
      }
      send(pidfd, pid, STOP_SIGNAL);
      if (await untilEnded(pidfd, STOP_SECONDS)) {
        outputs.out.line(`stopped reeve, pid ${pid}`);
        return EXIT.ok;
      }
      outputs.err.line(`reeve, pid ${pid}, has not stopped after ${STOP_SECONDS} s: it goes on stopping`);
      return EXIT.timeout;
    } finally {
      closePidfd(pidfd);
    }
  } catch (error) {
    outputs.err.line(`cannot ${what}: ${describeProblem(error)}`);
    return EXIT.failure;
  }
}

function realDeps(outputs: Outputs): ControlSignalDeps {
  return {
    untilEnded: async (pidfd, seconds) => {
      const { watcher } = await import("../sys/file/watcher.ts");
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const watch = watcher().add(pidfd, () => resolve(true));
      try {
        return await Promise.race([promise, Bun.sleep(seconds * 1000).then(() => false)]);
      } finally {
        watch.remove();
      }
    },
    reload: async (pid) => (await import("./operate/reload_process.ts")).reloadProcess(pid, outputs),
  };
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

/**
 * A pidfd of it: what is looked at, and signalled later, is the same process. Throws where it is no reeve.
 */
function holdReeve(pid: number, pidfile: string): number {
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
    return pidfd;
  } catch (error) {
    closePidfd(pidfd);
    throw error;
  }
}

function send(pidfd: number, pid: number, signal: number): void {
  if (!signalPidfd(pidfd, signal)) throw new Error(`process ${pid} has just ended`);
}
