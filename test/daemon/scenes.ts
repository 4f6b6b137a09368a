/** How a daemon comes into each of its states, told as the events that lead there. */
import type { DaemonEvent, LifeSettings } from "../../lib/daemon/state.ts";
import { DUMB, LAUNCHER, SMART, type Word } from "./driver.ts";

export interface Scene {
  readonly settings: LifeSettings;
  readonly events: readonly (Word | DaemonEvent)[];
}

const CRASHED: DaemonEvent = { type: "childExited", cause: { kind: "exited", code: 1 }, failure: null };
const OWN_PID: DaemonEvent = { type: "pidfileValid", process: LAUNCHER };
const SMART_RUNS = ["wanted", "pidfileInvalid", "spawned", "childExited", "pidfileValid"] as const;

/** Named "STATE, how". */
export const SCENES: Readonly<Record<string, Scene>> = {
  "down, dumb": { settings: DUMB, events: [] },
  "down, smart": { settings: SMART, events: [] },
  "waiting, dumb": { settings: DUMB, events: ["wanted", "spawned", CRASHED, "emptied"] },
  "waiting, smart": { settings: SMART, events: ["wanted", "pidfileInvalid", "spawnFailed"] },
  "broken, dumb": { settings: { ...DUMB, freq: 1 }, events: ["wanted", "spawned", CRASHED, "emptied"] },
  "starting, dumb": { settings: DUMB, events: ["wanted"] },
  "starting, smart not launched": { settings: SMART, events: ["wanted"] },
  "starting, smart launched": { settings: SMART, events: ["wanted", "pidfileInvalid", "spawned"] },
  "starting, smart launcher ended": {
    settings: SMART,
    events: ["wanted", "pidfileInvalid", "spawned", "childExited", "pidfileInvalid"],
  },
  "starting, smart launcher failed": {
    settings: SMART,
    events: ["wanted", "pidfileInvalid", "spawned", CRASHED],
  },
  "starting, smart overdue": {
    settings: SMART,
    events: ["wanted", "pidfileInvalid", "spawned", "deadlinePassed"],
  },
  "running, dumb": { settings: DUMB, events: ["wanted", "spawned"] },
  "running, smart": { settings: SMART, events: SMART_RUNS },
  "running, smart adopted": { settings: SMART, events: ["wanted", "pidfileValid"] },
  "running, smart beside its launcher": {
    settings: SMART,
    events: ["wanted", "pidfileInvalid", "spawned", "pidfileValid"],
  },
  "running, smart that is its launcher": {
    settings: SMART,
    events: ["wanted", "pidfileInvalid", "spawned", OWN_PID],
  },
  "running, smart that never daemonized": {
    settings: SMART,
    events: ["wanted", "pidfileInvalid", "spawned", "deadlinePassed", "pidfileInvalid"],
  },
  "running, smart whose process is gone": { settings: SMART, events: [...SMART_RUNS, "mainExited"] },
  "stopping, dumb": { settings: DUMB, events: ["wanted", "spawned", "unwanted"] },
  "stopping, dumb to restart": { settings: DUMB, events: ["wanted", "spawned", "restartRequested"] },
  "stopping, dumb with its session left": {
    settings: DUMB,
    events: ["wanted", "spawned", "unwanted", "childExited"],
  },
  "stopping, smart": { settings: SMART, events: [...SMART_RUNS, "unwanted"] },
  "stopping, smart beside its launcher": {
    settings: SMART,
    events: ["wanted", "pidfileInvalid", "spawned", "pidfileValid", "unwanted"],
  },
  "stopping, launcher of a smart one that died": {
    settings: SMART,
    events: ["wanted", "pidfileInvalid", "spawned", "pidfileValid", "mainExited", "pidfileInvalid"],
  },
  "killing, dumb": { settings: DUMB, events: ["wanted", "spawned", "killRequested"] },
  "killing, dumb whose session is left after a crash": {
    settings: DUMB,
    events: ["wanted", "spawned", CRASHED],
  },
  "killing, dumb whose patience is over": {
    settings: DUMB,
    events: ["wanted", "spawned", "restartRequested", "graceElapsed", "graceElapsed"],
  },
  "killing, smart": { settings: SMART, events: [...SMART_RUNS, "killRequested"] },
};
