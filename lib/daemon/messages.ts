/**
 * The texts of a daemon's life in the log, in one table. Those that uWSGI writes too keep its words, so that
 * what greps its log (alerts, scripts) finds the same line here. Pure; `command` is what may be shown:
 * secrets are masked before.
 */
import { signalName } from "../sys/signal_names.ts";
import type { ExitCause } from "../sys/process_id.ts";

const quoted = (command: string): string => `"${command}"`;

const LAST_SIGNAL = 64;

/** A shell, and the init of a PID namespace, end so for a command that a signal killed. */
function codeWords(code: number): string {
  const signal = code - 128;
  return signal >= 1 && signal <= LAST_SIGNAL ? `${code} (128 + ${signalName(signal)})` : String(code);
}

export const DAEMON_MESSAGES = {
  spawning: (command: string, uid: number, gid: number) =>
    `spawning ${quoted(command)} (uid: ${uid} gid: ${gid})`,
  respawning: (command: string, uid: number, gid: number) =>
    `respawning ${quoted(command)} (uid: ${uid} gid: ${gid})`,
  cannotStart: (command: string, why: string) => `cannot start ${quoted(command)}: ${why}`,
  running: (pid: number) => `running (pid: ${pid})`,
  throttling: (command: string, seconds: number) => `throttling ${quoted(command)} for ${seconds} seconds`,
  broken: (failures: number, seconds: number) =>
    `broken: ${failures} failed starts in a row, tried again every ${seconds} seconds`,
  foundPidfile: (command: string, pid: number) =>
    `found valid/active pidfile for ${quoted(command)} (pid: ${pid})`,
  foundChangedPid: (command: string, oldPid: number, newPid: number) =>
    `found changed pid for ${quoted(command)} (old_pid: ${oldPid} new_pid: ${newPid})`,
  keptWithoutPidfile: (found: string, pid: number) =>
    `${found}, but the daemon runs and is kept (pid: ${pid})`,
  noPidfile: (command: string, seconds: number, found: string) =>
    `${quoted(command)} has no valid pidfile after ${seconds} seconds: ${found}`,
  didNotDaemonize: (command: string, pid: number, seconds: number, found: string) =>
    `${
      quoted(command)
    } (pid: ${pid}) did not daemonize !!! ${found} after ${seconds} seconds; it is supervised as it is`,
  survivorKept: (found: string) =>
    `${found}, but the daemon that an earlier reeve started still runs: it is kept`,
  sharedPidfile: (pidfile: string, pid: number) =>
    `pidfile "${pidfile}" is on storage that other machines share, and may name a process of theirs: pid ${pid} is left alone`,
  ended: (command: string, cause: ExitCause) => {
    if (cause.kind === "exited") return `${quoted(command)} exited with code ${codeWords(cause.code)}`;
    return cause.kind === "killed"
      ? `${quoted(command)} was killed by signal ${cause.signal} (${signalName(cause.signal)})`
      : `${quoted(command)} ended`;
  },
  stopping: (command: string, pid: number) => `stopping daemon (pid: ${pid}): ${command}`,
  killing: (command: string, pid: number) => `daemon did not die in time, killing (pid: ${pid}): ${command}`,
  cannotKill: (pid: number) =>
    `cannot kill pid ${pid}: it is still there after SIGKILL (uninterruptible sleep in the kernel?)`,
  annihilated: (command: string, pid: number) => `daemon ${quoted(command)} (pid: ${pid}) annihilated`,
  older: "runs as it was started, which is not as it is configured, until it is restarted",
  leftRunning: (command: string, pid: number) =>
    `${
      quoted(command)
    } ended well and left pid ${pid} running, which is killed: a command that puts itself ` +
    "into the background needs its switch for the foreground, or smart-attach-daemon = PIDFILE COMMAND",
  touched: (path: string, command: string, pid: number) =>
    `*** ${path} has been touched... reloading daemon ${quoted(command)} (pid: ${pid}) !!! ***`,
} as const;
