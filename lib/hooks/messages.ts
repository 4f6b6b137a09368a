/**
 * The texts of hooks in reeve's log that people search for, in one table. Those that uWSGI writes too keep
 * its words. Pure; escaping is the line format's work.
 */
import { signalName } from "../sys/signal_names.ts";

/** Shown in the place of a hook that was written with a leading "!". */
export const HIDDEN = "[hidden]";

export const MESSAGES = {
  runningHook: (shown: string, phase: string) => `running "${shown}" (${phase})...`,
  runningHiddenHook: (phase: string) => `running --- PRIVATE HOOK --- (${phase})...`,
  commandFailed: (command: string, code: number) => `command "${command}" exited with non-zero code: ${code}`,
  commandKilled: (command: string, signal: number) =>
    `command "${command}" was killed by signal ${signal} (${signalName(signal)})`,
} as const;
