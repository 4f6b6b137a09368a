/**
 * The texts of watches and waits in reeve's log that people search for, in one table. Those that uWSGI writes
 * too keep its words. Pure; escaping is the line format's work.
 */
export const MESSAGES = {
  instanceTouched: (path: string) => `*** ${path} has been touched... grace them all !!! ***`,
  filesystemChanged: (path: string) => `*** ${path} has been modified... grace them all !!! ***`,
  logReopenTouched: (path: string) => `*** ${path} has been touched... reopening the log ***`,
  logRotateTouched: (path: string) => `*** ${path} has been touched... rotating the log ***`,
  commandTouched: (path: string, command: string) =>
    `*** ${path} has been touched... running "${command}" ***`,
  touchMissing: (path: string) =>
    `unable to stat() ${path}, events will be triggered as soon as the file is created`,
  touchOwn: (path: string, what: string) =>
    `"${path}" is a file that reeve itself writes: its changes cause no ${what}`,
  touchHeld: (what: string, seconds: number) =>
    `the next ${what} is held back for ${seconds.toFixed(1)} s: the last was less than a second ago`,
  waiting: (target: string, seconds: number) =>
    `waiting for ${target} (${seconds === 0 ? "without limit" : `max ${seconds} seconds`}) ...`,
  waited: (target: string) => `${target} ready`,
} as const;
