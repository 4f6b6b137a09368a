/**
 * Signals to reeve itself: blocked from before the first line of JavaScript until the handlers stand, so that none is
 * lost over an exec and none ends reeve by its default action.
 */
import { signalFromName, unblockSignals } from "../sys/signals.ts";

export type SignalAction = "stop" | "stopNow" | "reload" | "describe" | "reopenLogs" | "reap";

export type Meanings = Readonly<Partial<Record<NodeJS.Signals, SignalAction>>>;

/** TERM, INT: stop. HUP: reload. QUIT: stop at once. USR1: state to the log. USR2: reopen logs; beside an entrypoint these two are COMMAND's. */
export function meanings(sigtermReloads: boolean, entrypoint: boolean): Meanings {
  return {
    SIGTERM: sigtermReloads ? "reload" : "stop",
    SIGINT: "stop",
    SIGHUP: "reload",
    SIGQUIT: "stopNow",
    SIGCHLD: "reap",
    ...(entrypoint ? {} : { SIGUSR1: "describe", SIGUSR2: "reopenLogs" } as const),
  };
}

/** The numbers that the image before blocks for the next. */
export const HELD_SIGNALS: readonly number[] = Object.keys(meanings(false, false)).map((name) =>
  signalFromName(name) ?? 0
);

/** Installs the handlers, then lets in what came meanwhile. */
export function wireSignals(wanted: Meanings, run: (action: SignalAction) => void): void {
  for (const [name, action] of Object.entries(wanted)) process.on(name as NodeJS.Signals, () => run(action));
  // Nobody who writes to a closed pipe of a log shall end the supervisor.
  process.on("SIGPIPE", () => {});
  unblockSignals(HELD_SIGNALS);
}
