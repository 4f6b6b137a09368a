/**
 * Signals to reeve itself: blocked from the executable's first instruction until the handlers stand, so that
 * none is lost over an exec and none ends reeve by its default action.
 */
import type { InstanceCommand, PlainCommand } from "../control/commands.ts";
import { parseSignal } from "../sys/signal_names.ts";
import { setSignalMask, unblockSignals } from "../sys/process/signals.ts";
import { isTerminal } from "../sys/process/tty.ts";

export type Meanings = Readonly<Partial<Record<NodeJS.Signals, PlainCommand>>>;

/**
 * TERM, INT: stop. HUP: reload. QUIT: stop at once. USR1: state to the log. USR2: reopen logs; beside an
 * entrypoint these two are COMMAND's.
 */
export function meanings(sigtermReloads: boolean, entrypoint: boolean): Meanings {
  return {
    SIGTERM: sigtermReloads ? "reload" : "stop",
    SIGINT: "stop",
    SIGHUP: "reload",
    SIGQUIT: "stopNow",
    ...(entrypoint ? {} : { SIGUSR1: "logState", SIGUSR2: "reopenLog" } as const),
  };
}

/** The signals that every instance hears. */
const OWN = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE"] as const;

/**
 * The signals that go to COMMAND beside a configuration: all that neither instance nor runtime has a use for.
 */
const COMMANDS = [
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
  "SIGTSTP",
  "SIGCONT",
  "SIGTTIN",
  "SIGTTOU",
  "SIGALRM",
  "SIGURG",
  "SIGIO",
  "SIGVTALRM",
] as const satisfies readonly NodeJS.Signals[];

/**
 * The numbers that are blocked when an image of reeve starts: by the stub (native/stub/stub.c), or by the
 * image before it. Never one that the runtime uses itself.
 */
export const HELD_SIGNALS: readonly number[] = [...new Set([...OWN, ...COMMANDS])].map((name) =>
  parseSignal(name) ?? 0
);

let caught: readonly NodeJS.Signals[] = [];
let early: NodeJS.Signals[] = [];
const keep = (name: NodeJS.Signals): void => void early.push(name);
let deliver = keep;
const onSignal = (name: NodeJS.Signals): void => deliver(name);

/**
 * To be called before the first await of a core: the event loop lets every signal in while it waits, and what
 * has no handler then would end reeve. What comes before it has a meaning is kept. `entrypoint`: COMMAND's
 * signals are caught as well.
 */
export function catchSignals(entrypoint: boolean): void {
  caught = entrypoint ? [...new Set([...OWN, ...COMMANDS])] : OWN;
  for (const name of caught) process.on(name, onSignal);
  unblockSignals(HELD_SIGNALS);
}

/**
 * For an image that runs no instance: signals do what they did before the stub blocked them, also those that
 * came since. `mask`: what was blocked when reeve was started; null where no stub ran.
 */
export function letSignalsBe(mask: bigint | null): void {
  // The runtime ignores SIGPIPE, and would not again once a handler is gone.
  for (const name of caught) if (name !== "SIGPIPE") process.off(name, onSignal);
  caught = [];
  const came = early;
  early = [];
  for (const name of came) process.kill(process.pid, name);
  if (mask !== null) setSignalMask(mask);
}

/**
 * Gives each signal its meaning from now on, beginning with those that came early. SIGPIPE has none: logs may
 * close.
 */
export function wireSignals(
  wanted: Meanings,
  perform: (command: InstanceCommand) => void,
  childEnded: () => void,
  tellCommand: (name: NodeJS.Signals) => void,
): void {
  const isEcho = interruptEcho();
  deliverAll((name) => {
    if (name === "SIGINT" && isEcho()) return;
    if (name === "SIGCHLD") return childEnded();
    const command = wanted[name];
    if (command !== undefined) perform({ do: command });
    else if (COMMANDS.some((one) => one === name)) tellCommand(name);
  });
}

/** For who waits for an instance that runs elsewhere: all that is said to it. */
export function passSignalsOn(pass: (name: NodeJS.Signals) => void): void {
  deliverAll((name) => {
    if (name !== "SIGCHLD" && name !== "SIGPIPE") pass(name);
  });
}

function deliverAll(to: (name: NodeJS.Signals) => void): void {
  deliver = to;
  for (const name of early.splice(0)) to(name);
}

/** A second Ctrl-C of a person comes later than this, milliseconds. */
const ECHO_MS = 250;

/**
 * Ctrl-C reaches every process of the foreground group, and a parent among them (npm, a shell script) hands
 * it on once more: that is one wish to stop and not two, of which the second would kill.
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
