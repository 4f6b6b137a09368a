/**
 * The texts of the instance in reeve's log that people search for, in one table; those of a daemon are in
 * ../daemon/messages.ts. Those that uWSGI writes too keep its words. Pure; escaping is the line format's work.
 */
import { signalName } from "../sys/signal_names.ts";

export const MESSAGES = {
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
  commandKilled: (command: string, signal: number) =>
    `command "${command}" was killed by signal ${signal} (${signalName(signal)})`,
  waiting: (target: string, seconds: number) =>
    `waiting for ${target} (${seconds === 0 ? "without limit" : `max ${seconds} seconds`}) ...`,
  waited: (target: string) => `${target} ready`,
  activeFifo: (path: string) => `active master fifo is now ${path}`,
  reloading: () => "...gracefully reloading",
  reloadExit: () => "exit-on-reload: stopping instead of reloading",
  goodbye: () => "goodbye to reeve",
} as const;
