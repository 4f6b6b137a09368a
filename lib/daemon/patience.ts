/**
 * How long reeve bears with a process that got SIGKILL, in milliseconds. Numbers only: what happens then is
 * in transitions.ts.
 */

/** How long it may take to vanish before a line says that it does not. */
export const KILL_PATIENCE_MS = 5000;

/** How often it is said again of a daemon that is to be started once it is gone. */
export const STILL_THERE_MS = 60_000;
