/**
 * Signals to reeve itself: blocked from the executable's first instruction until the handlers stand, so that
 * none is lost over an exec and none ends reeve by its default action.
 */
import type { InstanceCommand, PlainCommand } from "../control/commands.ts";
import { parseSignal } from "../sys/signal_names.ts";
import { setSignalMask } from "../sys/process/signals.ts";
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

/**
 * For a process that is no core: signals do what they did before the stub blocked them. `mask`: what was
 * blocked when reeve was started; null where no stub ran.
 */
export function letSignalsBe(mask: bigint | null): void {
  if (mask !== null) setSignalMask(mask);
}

/** The meaning of each signal that the keeper tells of, by its number. */
export function signalMeanings(
  wanted: Meanings,
  perform: (command: InstanceCommand) => void,
  tellCommand: (name: NodeJS.Signals) => void,
): (signal: number) => void {
  const isEcho = interruptEcho();
  const names = new Map([...OWN, ...COMMANDS].map((name) => [parseSignal(name) ?? 0, name]));
  return (signal) => {
    const name = names.get(signal);
    if (name === undefined || (name === "SIGINT" && isEcho())) return;
    const command = wanted[name];
    if (command !== undefined) perform({ do: command });
    else if (COMMANDS.some((one) => one === name)) tellCommand(name);
  };
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
