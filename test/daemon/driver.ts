/** Drives a DaemonMachine by hand: a clock that the test moves, effects as short words. */
import { DaemonMachine } from "../../lib/daemon/machine.ts";
import type { ProcessId } from "../../lib/sys/process_id.ts";
import { type Gates, OPEN } from "../../lib/daemon/gates.ts";
import type { DaemonEvent, Effect, EventType, LifeSettings } from "../../lib/daemon/state.ts";

export const SIGTERM = 15;
export const SIGKILL = 9;

export function id(pid: number, startTime = BigInt(pid) * 10n): ProcessId {
  return { pid, startTime };
}

export const LAUNCHER = id(100);
export const MAIN = id(200);
export const OTHER = id(300);

export const DUMB: LifeSettings = {
  kind: "dumb",
  command: "./d",
  pidfile: null,
  freq: 10,
  maxThrottle: 300,
  control: false,
  stopSignal: SIGTERM,
  reloadSignal: null,
  notifyPid: false,
  stopTimeout: 3,
  legion: null,
};
export const SMART: LifeSettings = { ...DUMB, kind: "smart", pidfile: "/run/d.pid" };
export const SMART2: LifeSettings = { ...DUMB, kind: "smart2", pidfile: "/run/d.pid" };
export const CONTROL: LifeSettings = { ...DUMB, control: true };

function gates(change: Partial<Gates>): Extract<DaemonEvent, { type: "gatesChanged" }> {
  return { type: "gatesChanged", gates: { ...OPEN, ...change } };
}

/** What the gates can come to: it is to run, to stop, or the instance ends and lets go of what can go on. */
const GATES = {
  wanted: gates({}),
  unwanted: gates({ person: "closed" }),
  released: gates({ shutdown: "stop" }),
};

export type Word = Exclude<EventType, "gatesChanged"> | keyof typeof GATES;

/** One event of each type, as it usually comes; of a change of gates one of each kind. */
export const EVENTS: Readonly<Record<Word, DaemonEvent>> = {
  ...GATES,
  restartRequested: { type: "restartRequested", reason: "touch" },
  planChanged: { type: "planChanged", settings: DUMB, next: null, restart: false },
  killRequested: { type: "killRequested" },
  spawned: { type: "spawned", process: LAUNCHER },
  spawnFailed: { type: "spawnFailed", text: "cannot start" },
  spawnHeld: { type: "spawnHeld" },
  childExited: { type: "childExited", cause: { kind: "exited", code: 0 }, failure: null },
  mainExited: { type: "mainExited", cause: { kind: "unknown" } },
  pidfileValid: { type: "pidfileValid", process: MAIN },
  pidfileInvalid: { type: "pidfileInvalid", found: "pidfile does not exist" },
  deadlinePassed: { type: "deadlinePassed" },
  delayElapsed: { type: "delayElapsed" },
  graceElapsed: { type: "graceElapsed" },
  emptied: { type: "emptied" },
};

export class Driver {
  readonly machine: DaemonMachine;
  now = 1000;

  constructor(settings: LifeSettings) {
    this.machine = new DaemonMachine(settings);
  }

  get state(): string {
    return this.machine.status.state;
  }

  /** Effects as words, logs left out. */
  send(...events: readonly (Word | DaemonEvent)[]): string[] {
    let last: readonly Effect[] = [];
    for (const event of events) {
      last = this.machine.handle(typeof event === "string" ? EVENTS[event] : event, this.now);
    }
    return last.filter((effect) => effect.do !== "log").map(word);
  }

  /** Logged texts of one event. */
  logs(event: Word | DaemonEvent): string[] {
    const effects = this.machine.handle(typeof event === "string" ? EVENTS[event] : event, this.now);
    return effects.flatMap((effect) => effect.do === "log" && effect.level !== "debug" ? [effect.text] : []);
  }

  after(milliseconds: number): this {
    this.now += milliseconds;
    return this;
  }
}

/** "signal 15 to 100", "set grace 3000", "clear delay", "spawn", "sweep 100 with 9". */
function word(effect: Effect): string {
  switch (effect.do) {
    case "signal":
      return `signal ${effect.signal} to ${effect.process.pid}`;
    case "setTimer":
      return `set ${effect.timer} ${effect.ms}`;
    case "clearTimer":
      return `clear ${effect.timer}`;
    case "sweep":
      return `sweep ${effect.process.pid} with ${effect.signal}`;
    case "follow":
      return `follow ${effect.process.pid}`;
    default:
      return effect.do;
  }
}
