/**
 * Signals to reeve itself: blocked from before the first line of JavaScript until the handlers stand, so that none is
 * lost over an exec and none ends reeve by its default action.
 */
import type { InstanceCommand, PlainCommand } from "../control/commands.ts";
import { parseSignal } from "../sys/signal_names.ts";
import { unblockSignals } from "../sys/process/signals.ts";
import { isTerminal } from "../sys/process/tty.ts";

export type Meanings = Readonly<Partial<Record<NodeJS.Signals, PlainCommand>>>;

/** TERM, INT: stop. HUP: reload. QUIT: stop at once. USR1: state to the log. USR2: reopen logs; beside an entrypoint these two are COMMAND's. */
export function meanings(sigtermReloads: boolean, entrypoint: boolean): Meanings {
  return {
    SIGTERM: sigtermReloads ? "reload" : "stop",
    SIGINT: "stop",
    SIGHUP: "reload",
    SIGQUIT: "stopNow",
    ...(entrypoint ? {} : { SIGUSR1: "logState", SIGUSR2: "reopenLog" } as const),
  };
}

const NAMES = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE"] as const;

/** The numbers that the image before holds back for the next. */
export const HELD_SIGNALS: readonly number[] = NAMES.map((name) => parseSignal(name) ?? 0);

const early: NodeJS.Signals[] = [];
let deliver = (name: NodeJS.Signals): void => void early.push(name);

/**
 * To be called before the first await of a core: the event loop lets every signal in while it waits, and what has no
 * handler then would end reeve. What comes before `wireSignals` is kept for it.
 */
export function catchSignals(): void {
  for (const name of NAMES) process.on(name, () => deliver(name));
  unblockSignals(HELD_SIGNALS);
}

/** Gives each signal its meaning from now on, beginning with those that came early. SIGPIPE has none: logs may close. */
export function wireSignals(
  wanted: Meanings,
  perform: (command: InstanceCommand) => void,
  childEnded: () => void,
): void {
  const isEcho = interruptEcho();
  deliver = (name) => {
    if (name === "SIGINT" && isEcho()) return;
    if (name === "SIGCHLD") return childEnded();
    const command = wanted[name];
    if (command !== undefined) perform({ do: command });
  };
  for (const name of early.splice(0)) deliver(name);
}

/** A second Ctrl-C of a person comes later than this, milliseconds. */
const ECHO_MS = 250;

/**
 * Ctrl-C reaches every process of the foreground group, and a parent among them (npm, a shell script) hands it on once more: that
 * is one wish to stop and not two, of which the second would kill.
 */
function interruptEcho(): () => boolean {
  const terminal = isTerminal(0);
  let last = -Infinity;
  return () => {
    const before = last;
    last = performance.now();
    return terminal && last - before < ECHO_MS;
  };
}
