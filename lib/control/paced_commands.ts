/**
 * The commands to an instance that come by a signal or through the FIFO, each at most once a second however
 * often it is asked for: a flood of them costs neither daemons nor log. Must never hold a stop back.
 */
import type { InstanceCommand, PlainCommand } from "./commands.ts";
import { Pace, type PaceDeps } from "../sys/pace.ts";

export interface PacedDeps extends Omit<PaceDeps, "onHeld"> {
  readonly log: (level: "info", text: string) => void;
  readonly perform: (command: InstanceCommand) => void;
}

const heldBack = (name: string, ms: number): string =>
  `the next ${name} is held back for ${(ms / 1000).toFixed(1)} s: the last was less than a second ago`;

/** null: performed whenever it is asked for. */
const NAMES: Readonly<Record<PlainCommand, string | null>> = {
  stop: null,
  stopNow: null,
  exitOnReload: null,
  reload: "reload",
  reopenLog: "reopening of the log",
  rotateLog: "rotation of the log",
  updatePidfiles: "writing of the pidfiles",
  logState: "log of the state",
  pause: "pause",
};

export class PacedCommands {
  readonly #deps: PacedDeps;
  readonly #paces = new Map<PlainCommand, Pace>();

  constructor(deps: PacedDeps) {
    this.#deps = deps;
  }

  ask(command: InstanceCommand): void {
    const name = isPlain(command.do) ? NAMES[command.do] : null;
    if (!isPlain(command.do) || name === null) return this.#deps.perform(command);
    this.#paceOf(command.do, name).ask(() => this.#deps.perform(command));
  }

  /** Performs now what is held back, but for a reload: this image ends in one. */
  runHeld(): void {
    for (const [what, pace] of this.#paces) if (what !== "reload") pace.runHeld();
  }

  /** Nothing more is performed. */
  cancel(): void {
    for (const pace of this.#paces.values()) pace.cancel();
  }

  #paceOf(what: PlainCommand, name: string): Pace {
    const { timers, now, log } = this.#deps;
    const onHeld = (ms: number): void => log("info", heldBack(name, ms));
    const pace = this.#paces.get(what) ?? new Pace({ timers, now, onHeld });
    this.#paces.set(what, pace);
    return pace;
  }
}

function isPlain(what: InstanceCommand["do"]): what is PlainCommand {
  return Object.hasOwn(NAMES, what);
}
