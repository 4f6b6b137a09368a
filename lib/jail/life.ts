/**
 * The life of a jail: what follows from what happens to its init. Pure; every cell of the table is written.
 * The holder (lib/supervisor/jail/holder.ts) feeds events and carries the effects out.
 */
import type { Step, StepTable } from "../machine/steps.ts";

/**
 * down: there is none, and none is wanted. making: its init sets it up. entering: it stands, and the hooks
 * that belong to a new jail run. up. dying: its init ends, or was told to, and is not gone yet: nothing new
 * may be in it or beside it. waiting: gone, and made again when the delay is over. ending: no longer wanted,
 * its init not gone yet.
 */
export const JAIL_STATES = ["down", "making", "entering", "up", "dying", "waiting", "ending"] as const;
export type JailState = (typeof JAIL_STATES)[number];

export const JAIL_EVENTS = [
  "wanted",
  "adopted",
  "ready",
  "entered",
  "enteringFailed",
  "dying",
  "gone",
  "delayElapsed",
  "unwanted",
] as const;
/**
 * adopted: an earlier reeve's was found, or handed over. ready: the init says that all is set up. dying: the
 * init is seen to end. gone: it was reaped, or never came to be; nothing of the jail is left.
 */
export type JailEvent = (typeof JAIL_EVENTS)[number];

/**
 * make: start an init. enter: run the hooks of a new jail. open: daemons may be started. shut: none may be,
 * and it is news. kill: SIGKILL to the init. delay: set the timer. ended: there is no jail any more.
 */
export type JailEffect = "make" | "enter" | "open" | "shut" | "kill" | "delay" | "stopDelay" | "ended";

export type JailStep = Step<JailState, JailEffect>;

function to(next: JailState, ...effects: JailEffect[]): JailStep {
  return { next, effects };
}

export const JAIL_TRANSITIONS: StepTable<JailState, JailEvent, JailEffect> = {
  down: {
    wanted: to("making", "make"),
    adopted: to("up", "open"),
    ready: "ignore",
    entered: "ignore",
    enteringFailed: "ignore",
    dying: "ignore",
    gone: "ignore",
    delayElapsed: "ignore",
    unwanted: to("down", "ended"),
  },
  making: {
    wanted: "ignore",
    adopted: "ignore",
    ready: to("entering", "enter"),
    entered: "ignore",
    enteringFailed: "ignore",
    dying: to("dying"),
    gone: to("waiting", "delay"),
    delayElapsed: "ignore",
    unwanted: to("ending", "kill"),
  },
  entering: {
    wanted: "ignore",
    adopted: "ignore",
    ready: "ignore",
    entered: to("up", "open"),
    enteringFailed: to("dying", "kill"),
    dying: to("dying"),
    gone: to("waiting", "delay"),
    delayElapsed: "ignore",
    unwanted: to("ending", "kill"),
  },
  up: {
    wanted: "ignore",
    adopted: "ignore",
    ready: "ignore",
    entered: "ignore",
    enteringFailed: "ignore",
    dying: to("dying", "shut"),
    gone: to("waiting", "shut", "delay"),
    delayElapsed: "ignore",
    unwanted: to("ending", "kill"),
  },
  dying: {
    wanted: "ignore",
    adopted: "ignore",
    ready: "ignore",
    entered: "ignore",
    enteringFailed: "ignore",
    dying: "ignore",
    gone: to("waiting", "delay"),
    delayElapsed: "ignore",
    unwanted: to("ending", "kill"),
  },
  waiting: {
    wanted: "ignore",
    adopted: "ignore",
    ready: "ignore",
    entered: "ignore",
    enteringFailed: "ignore",
    dying: "ignore",
    gone: "ignore",
    delayElapsed: to("making", "make"),
    unwanted: to("down", "stopDelay", "ended"),
  },
  ending: {
    wanted: "ignore",
    adopted: "ignore",
    ready: "ignore",
    entered: "ignore",
    enteringFailed: "ignore",
    dying: "ignore",
    gone: to("down", "ended"),
    delayElapsed: "ignore",
    unwanted: "ignore",
  },
};
