/**
 * The commands to a running instance. Signals, letters of the master FIFO, touched files and the control
 * socket are tables onto this union; lib/supervisor/commands.ts is the one place that performs it. Types
 * only.
 */

import type { StopReason } from "../daemon/state.ts";

/** Commands about the instance as a whole. */
export type PlainCommand =
  /** Asked for again: at once. */
  | "stop"
  | "stopNow"
  /** A reload that exit-on-reload makes a stop: with 0, whatever a control daemon ends with. */
  | "exitOnReload"
  | "reload"
  | "reopenLog"
  | "rotateLog"
  | "updatePidfiles"
  | "logState"
  /** There are no workers to pause: it is heard and nothing is done. */
  | "pause";

export type InstanceCommand =
  | { readonly do: PlainCommand }
  /** A command line that has nothing to do with a daemon, as of touch-exec. */
  | { readonly do: "run"; readonly command: string }
  /** A person's word: it stays stopped, over a reload too, until it is to be started. */
  | { readonly do: "stopDaemon"; readonly daemon: string }
  | { readonly do: "startDaemon"; readonly daemon: string }
  | { readonly do: "restartDaemon"; readonly daemon: string; readonly reason: StopReason };
