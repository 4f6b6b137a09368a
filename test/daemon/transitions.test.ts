/**
 * Every cell of the transition table, driven by hand: what each event does to a daemon in each situation.
 * What is not written here must do nothing.
 */
import { expect, test } from "bun:test";
import { STATES } from "../../lib/daemon/state.ts";
import { Driver, EVENTS, type Word } from "./driver.ts";
import { SCENES } from "./scenes.ts";

/** Next state, "(down)" when it is not wanted, effects in their order. */
type Row = Readonly<Partial<Record<Word, string>>>;

const EXPECTED: Readonly<Record<string, Row>> = {
  "down, dumb": {
    wanted: "starting: spawn",
    unwanted: "down (down): letGo",
    released: "down (down): letGo",
    planChanged: "down (down): letGo",
    // While it stands by: the lord of its legion is another.
    pidfileValid: "stopping (down): follow 200, clear deadline, signal 15 to 200, set grace 3000",
  },
  "down, smart": {
    wanted: "starting: watchPidfile, readPidfile",
    unwanted: "down (down): letGo",
    released: "down (down): letGo",
    planChanged: "down (down): letGo",
    // While it stands by: the lord of its legion is another.
    pidfileValid: "stopping (down): follow 200, clear deadline, signal 15 to 200, set grace 3000",
  },
  "waiting, dumb": {
    unwanted: "down (down): clear delay, clear deadline, clear grace, stopped",
    released: "down (down): clear delay, clear deadline, clear grace, stopped",
    restartRequested: "starting: clear delay, spawn",
    killRequested: "down (down): clear delay, clear deadline, clear grace, stopped",
    pidfileValid: "running: clear delay, follow 200, clear deadline",
    pidfileInvalid: "waiting",
    delayElapsed: "starting: spawn",
  },
  "waiting, smart": {
    unwanted: "down (down): clear delay, clear deadline, clear grace, stopped",
    released: "down (down): clear delay, clear deadline, clear grace, stopped",
    restartRequested: "starting: clear delay, readPidfile",
    killRequested: "down (down): clear delay, clear deadline, clear grace, stopped",
    pidfileValid: "running: clear delay, follow 200, clear deadline",
    delayElapsed: "starting: readPidfile",
  },
  "broken, dumb": {
    unwanted: "down (down): clear delay, clear deadline, clear grace, stopped",
    released: "down (down): clear delay, clear deadline, clear grace, stopped",
    restartRequested: "starting: clear delay, spawn",
    killRequested: "down (down): clear delay, clear deadline, clear grace, stopped",
    pidfileValid: "running: clear delay, follow 200, clear deadline",
    pidfileInvalid: "broken",
    delayElapsed: "starting: spawn",
  },
  "starting, dumb": {
    unwanted: "down (down): clear delay, clear deadline, clear grace, stopped",
    released: "down (down): clear delay, clear deadline, clear grace, stopped",
    restartRequested: "starting",
    killRequested: "down (down): clear delay, clear deadline, clear grace, stopped",
    spawned: "running: clear deadline",
    spawnFailed: "waiting: clear deadline, set delay 1000",
    spawnHeld: "starting",
    pidfileValid: "running: clear delay, follow 200, clear deadline",
    pidfileInvalid: "starting: spawn",
  },
  "starting, smart not launched": {
    unwanted: "down (down): clear delay, clear deadline, clear grace, stopped",
    released: "down (down): clear delay, clear deadline, clear grace, stopped",
    restartRequested: "starting",
    killRequested: "down (down): clear delay, clear deadline, clear grace, stopped",
    spawned: "starting: set deadline 10000",
    spawnFailed: "waiting: clear deadline, set delay 1000",
    spawnHeld: "starting",
    pidfileValid: "running: clear delay, follow 200, clear deadline",
    pidfileInvalid: "starting: spawn",
  },
  "starting, smart launched": {
    unwanted: "stopping (down): clear deadline, signal 15 to 100, set grace 3000",
    released: "starting (down): readPidfile",
    restartRequested: "stopping: clear deadline, signal 15 to 100, set grace 3000",
    killRequested: "killing (down): clear deadline, signal 9 to 100, set grace 5000",
    spawned: "starting: set deadline 10000",
    spawnFailed: "waiting: clear deadline, set delay 1000",
    spawnHeld: "starting",
    childExited: "starting: readPidfile",
    pidfileValid: "running: follow 200, clear deadline",
    deadlinePassed: "starting: readPidfile",
  },
  "starting, smart launcher ended": {
    unwanted: "down (down): clear delay, clear deadline, clear grace, stopped",
    released: "starting (down): readPidfile",
    restartRequested: "starting",
    killRequested: "down (down): clear delay, clear deadline, clear grace, stopped",
    spawned: "starting: set deadline 10000",
    spawnFailed: "waiting: clear deadline, set delay 1000",
    spawnHeld: "starting",
    pidfileValid: "running: follow 200, clear deadline",
    deadlinePassed: "starting: readPidfile",
  },
  "starting, smart launcher failed": {
    unwanted: "down (down): clear delay, clear deadline, clear grace, stopped",
    released: "starting (down): readPidfile",
    restartRequested: "starting",
    killRequested: "down (down): clear delay, clear deadline, clear grace, stopped",
    spawned: "starting: set deadline 10000",
    spawnFailed: "waiting: clear deadline, set delay 1000",
    spawnHeld: "starting",
    pidfileValid: "running: follow 200, clear deadline",
    pidfileInvalid: "waiting: clear deadline, set delay 1000",
    deadlinePassed: "starting: readPidfile",
  },
  "starting, smart overdue": {
    unwanted: "stopping (down): clear deadline, signal 15 to 100, set grace 3000",
    released: "starting (down): readPidfile",
    restartRequested: "stopping: clear deadline, signal 15 to 100, set grace 3000",
    killRequested: "killing (down): clear deadline, signal 9 to 100, set grace 5000",
    spawned: "starting: set deadline 10000",
    spawnFailed: "waiting: clear deadline, set delay 1000",
    spawnHeld: "starting",
    childExited: "starting: readPidfile",
    pidfileValid: "running: follow 200, clear deadline",
    pidfileInvalid: "running: clear deadline",
    deadlinePassed: "starting: readPidfile",
  },
  "running, dumb": {
    unwanted: "stopping (down): clear deadline, signal 15 to 100, set grace 3000",
    released: "stopping (down): clear deadline, signal 15 to 100, set grace 3000",
    restartRequested: "stopping: clear deadline, signal 15 to 100, set grace 3000",
    killRequested: "killing (down): clear deadline, signal 9 to 100, set grace 5000",
    childExited: "killing: set grace 5000, sweep 100 with 9",
    mainExited: "running: readPidfile",
    pidfileValid: "running: follow 200, clear deadline",
    pidfileInvalid: "running",
  },
  "running, smart": {
    unwanted: "stopping (down): clear deadline, signal 15 to 200, set grace 3000",
    released: "down (down): clear delay, clear deadline, clear grace, stopped",
    restartRequested: "stopping: clear deadline, signal 15 to 200, set grace 3000",
    killRequested: "killing (down): clear deadline, signal 9 to 200, set grace 5000",
    mainExited: "running: readPidfile",
    pidfileInvalid: "running",
  },
  "running, smart adopted": {
    unwanted: "stopping (down): clear deadline, signal 15 to 200, set grace 3000",
    released: "down (down): clear delay, clear deadline, clear grace, stopped",
    restartRequested: "stopping: clear deadline, signal 15 to 200, set grace 3000",
    killRequested: "killing (down): clear deadline, signal 9 to 200, set grace 5000",
    mainExited: "running: readPidfile",
    pidfileInvalid: "running",
  },
  "running, smart beside its launcher": {
    unwanted: "stopping (down): clear deadline, signal 15 to 200, set grace 3000",
    released: "down (down): clear delay, clear deadline, clear grace, stopped",
    restartRequested: "stopping: clear deadline, signal 15 to 200, set grace 3000",
    killRequested: "killing (down): clear deadline, signal 9 to 200, set grace 5000",
    childExited: "running",
    mainExited: "running: readPidfile",
    pidfileInvalid: "running",
  },
  "running, smart that is its launcher": {
    unwanted: "stopping (down): clear deadline, signal 15 to 100, set grace 3000",
    released: "down (down): clear delay, clear deadline, clear grace, stopped",
    restartRequested: "stopping: clear deadline, signal 15 to 100, set grace 3000",
    killRequested: "killing (down): clear deadline, signal 9 to 100, set grace 5000",
    childExited: "running: readPidfile",
    mainExited: "running: readPidfile",
    pidfileValid: "running: follow 200, clear deadline",
    pidfileInvalid: "running",
  },
  "running, smart that never daemonized": {
    unwanted: "stopping (down): clear deadline, signal 15 to 100, set grace 3000",
    released: "stopping (down): clear deadline, signal 15 to 100, set grace 3000",
    restartRequested: "stopping: clear deadline, signal 15 to 100, set grace 3000",
    killRequested: "killing (down): clear deadline, signal 9 to 100, set grace 5000",
    childExited: "running: readPidfile",
    mainExited: "running: readPidfile",
    pidfileValid: "running: follow 200, clear deadline",
  },
  "running, smart whose process is gone": {
    unwanted: "down (down): clear delay, clear deadline, clear grace, stopped",
    released: "down (down): clear delay, clear deadline, clear grace, stopped",
    restartRequested: "running",
    killRequested: "down (down): clear delay, clear deadline, clear grace, stopped",
    mainExited: "running: readPidfile",
    pidfileValid: "running: follow 200, clear deadline",
    pidfileInvalid: "waiting: set delay 1000",
  },
  "stopping, dumb": {
    wanted: "stopping",
    released: "stopping (down)",
    killRequested: "killing (down): clear deadline, signal 9 to 100, set grace 5000",
    childExited: "stopping (down): sweep 100 with 15",
    mainExited: "stopping (down): signal 15 to 100",
    graceElapsed: "killing (down): clear deadline, signal 9 to 100, set grace 5000",
  },
  "stopping, dumb to restart": {
    unwanted: "stopping (down)",
    released: "stopping (down)",
    killRequested: "killing (down): clear deadline, signal 9 to 100, set grace 5000",
    childExited: "stopping: sweep 100 with 15",
    mainExited: "stopping: signal 15 to 100",
    graceElapsed: "killing: clear deadline, signal 9 to 100, set grace 5000",
  },
  "stopping, dumb with its session left": {
    wanted: "stopping",
    released: "stopping (down)",
    killRequested: "killing (down): set grace 5000, sweep 100 with 9",
    graceElapsed: "killing (down): set grace 5000, sweep 100 with 9",
    emptied: "down (down): clear grace, stopped",
  },
  "stopping, smart": {
    wanted: "stopping",
    released: "stopping (down)",
    killRequested: "killing (down): clear deadline, signal 9 to 200, set grace 5000",
    mainExited: "down (down): clear grace, stopped",
    graceElapsed: "killing (down): clear deadline, signal 9 to 200, set grace 5000",
  },
  "stopping, smart beside its launcher": {
    wanted: "stopping",
    released: "stopping (down)",
    killRequested: "killing (down): clear deadline, signal 9 to 200, set grace 5000",
    childExited: "stopping (down)",
    mainExited: "stopping (down): signal 15 to 100",
    graceElapsed: "killing (down): clear deadline, signal 9 to 200, set grace 5000",
  },
  "stopping, launcher of a smart one that died": {
    unwanted: "stopping (down)",
    released: "stopping (down)",
    killRequested: "killing (down): clear deadline, signal 9 to 100, set grace 5000",
    childExited: "stopping: sweep 100 with 15",
    graceElapsed: "killing: clear deadline, signal 9 to 100, set grace 5000",
  },
  "killing, dumb": {
    wanted: "killing",
    unwanted: "killing (down): set grace 5000",
    released: "killing (down): set grace 5000",
    killRequested: "killing (down): clear deadline, signal 9 to 100, set grace 5000",
    childExited: "killing (down): sweep 100 with 9",
    mainExited: "killing (down): signal 9 to 100",
    graceElapsed: "down (down): clear delay, clear deadline, clear grace, stopped",
  },
  "killing, dumb whose session is left after a crash": {
    unwanted: "killing (down): set grace 5000",
    released: "killing (down): set grace 5000",
    killRequested: "killing (down): set grace 5000, sweep 100 with 9",
    graceElapsed: "killing: set grace 60000",
    emptied: "waiting: clear grace, set delay 1000",
  },
  "killing, dumb whose patience is over": {
    unwanted: "killing (down): set grace 5000",
    released: "killing (down): set grace 5000",
    killRequested: "killing (down): clear deadline, signal 9 to 100, set grace 5000",
    childExited: "killing: sweep 100 with 9",
    mainExited: "killing: signal 9 to 100",
    graceElapsed: "killing: set grace 60000",
  },
  "killing, smart": {
    wanted: "killing",
    unwanted: "killing (down): set grace 5000",
    released: "killing (down): set grace 5000",
    killRequested: "killing (down): clear deadline, signal 9 to 200, set grace 5000",
    mainExited: "down (down): clear grace, stopped",
    graceElapsed: "down (down): clear delay, clear deadline, clear grace, stopped",
  },
};

const NOTHING_HAPPENS = "nothing";

function outcome(scene: string, event: Word): string {
  const { settings, events } = SCENES[scene]!;
  const driver = new Driver(settings);
  driver.send(...events);
  const before = Bun.inspect(driver.machine.status);
  const effects = driver.send(event);
  if (effects.length === 0 && Bun.inspect(driver.machine.status) === before) return NOTHING_HAPPENS;
  const { state, desired } = driver.machine.status;
  return `${state}${desired === "down" ? " (down)" : ""}${
    effects.length > 0 ? `: ${effects.join(", ")}` : ""
  }`;
}

for (const [name, scene] of Object.entries(SCENES)) {
  test(`a daemon that is ${name}: every event`, () => {
    const driver = new Driver(scene.settings);
    driver.send(...scene.events);
    expect(driver.state).toBe(name.split(",")[0]!);
    const row: Row = EXPECTED[name] ?? {};
    for (const event of Object.keys(EVENTS) as Word[]) {
      expect(`${event}: ${outcome(name, event)}`).toBe(`${event}: ${row[event] ?? NOTHING_HAPPENS}`);
    }
  });
}

test("there is a scene for every state, and an expectation for every scene", () => {
  const states = new Set(Object.keys(SCENES).map((name) => name.split(",")[0]));
  expect([...states].sort()).toEqual([...STATES].sort());
  expect(Object.keys(EXPECTED).sort()).toEqual(Object.keys(SCENES).sort());
});
