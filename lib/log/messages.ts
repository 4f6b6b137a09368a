/**
 * The texts of reeve's log that people search for, in one table. Those that uWSGI writes too keep its words, so that
 * what greps its log (alerts, scripts) finds the same line here. Pure; escaping is the line format's work.
 */
export const MESSAGES = {
  spawning: (command: string, uid: number, gid: number) => `spawning "${command}" (uid: ${uid} gid: ${gid})`,
  respawning: (command: string, uid: number, gid: number) =>
    `respawning "${command}" (uid: ${uid} gid: ${gid})`,
  throttling: (command: string, seconds: number) => `throttling "${command}" for ${seconds} seconds`,
  foundPidfile: (command: string, pid: number) => `found valid/active pidfile for "${command}" (pid: ${pid})`,
  foundChangedPid: (command: string, oldPid: number, newPid: number) =>
    `found changed pid for "${command}" (old_pid: ${oldPid} new_pid: ${newPid})`,
  foundChangedPidfile: (command: string, oldPid: number, newPid: number) =>
    `found changed pidfile for "${command}" (old_pid: ${oldPid} new_pid: ${newPid})`,
  didNotDaemonize: (command: string, pid: number) => `"${command}" (pid: ${pid}) did not daemonize !!!`,
  stopping: (command: string, pid: number) => `stopping daemon (pid: ${pid}): ${command}`,
  killing: (command: string, pid: number) => `daemon did not die in time, killing (pid: ${pid}): ${command}`,
  annihilated: (command: string, pid: number) => `daemon "${command}" (pid: ${pid}) annihilated`,
  daemonTouched: (path: string, command: string, pid: number) =>
    `*** ${path} has been touched... reloading daemon "${command}" (pid: ${pid}) !!! ***`,
  instanceTouched: (path: string) => `*** ${path} has been touched... grace them all !!! ***`,
  filesystemChanged: (path: string) => `*** ${path} has been modified... grace them all !!! ***`,
  logReopenTouched: (path: string) => `*** ${path} has been touched... reopening the log ***`,
  logRotateTouched: (path: string) => `*** ${path} has been touched... rotating the log ***`,
  commandTouched: (path: string, command: string) =>
    `*** ${path} has been touched... running "${command}" ***`,
  touchMissing: (path: string) =>
    `unable to stat() ${path}, events will be triggered as soon as the file is created`,
  runningHook: (shown: string, phase: string) => `running "${shown}" (${phase})...`,
  runningHiddenHook: (phase: string) => `running --- PRIVATE HOOK --- (${phase})...`,
  commandFailed: (command: string, code: number) => `command "${command}" exited with non-zero code: ${code}`,
  commandKilled: (command: string, signal: number) => `command "${command}" was killed by signal ${signal}`,
  waiting: (target: string, seconds: number) =>
    `waiting for ${target} (${seconds === 0 ? "without limit" : `max ${seconds} seconds`}) ...`,
  waited: (target: string) => `${target} ready`,
  activeFifo: (path: string) => `active master fifo is now ${path}`,
  exited: (pid: number, code: number) => `subprocess ${pid} exited with code ${code}`,
  killedBySignal: (pid: number, signal: number) => `subprocess ${pid} exited by signal ${signal}`,
  reloading: () => "...gracefully reloading",
  reloadExit: () => "reeve: exit instead of reload (exit-on-reload)",
  goodbye: () => "goodbye to reeve",
} as const;
