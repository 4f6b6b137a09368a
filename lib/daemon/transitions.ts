/**
 * What happens to a daemon in each state at each event: every cell is written, "ignore" included, so that the
 * compiler proves the table total. Nothing else decides about a daemon's life.
 */
import { DAEMON_MESSAGES } from "./messages.ts";
import { sameProcess } from "../sys/process_id.ts";
import type { StateTable } from "../machine/machine.ts";
import type { DaemonMachine } from "./machine.ts";
import { KILL_PATIENCE_MS, STILL_THERE_MS } from "./patience.ts";
import { SIGKILL } from "../sys/native/constants.ts";
import type { DaemonEvent, EventType, State } from "./state.ts";

type TransitionTable = StateTable<State, DaemonEvent, DaemonMachine>;

type Handler<T extends EventType> = (
  machine: DaemonMachine,
  event: Extract<DaemonEvent, { type: T }>,
) => void;

const begin = (machine: DaemonMachine): void => machine.begin();
const want = (machine: DaemonMachine): void => {
  machine.status.desired = "up";
};

const adopt: Handler<"pidfileValid"> = (machine, event) => {
  const { status, settings } = machine;
  machine.clear("delay");
  status.found = null;
  status.since = machine.now;
  status.started = true;
  status.launch = "none";
  machine.log("info", DAEMON_MESSAGES.foundPidfile(settings.command, event.process.pid));
  machine.effect({ do: "follow", process: event.process });
  machine.run(event.process);
};

/** It runs although it must not: a legion's daemon on a node that is not the lord. Others have no eye on their pidfile when down. */
const stopFound: Handler<"pidfileValid"> = (machine, event) => {
  const { status, settings } = machine;
  status.found = null;
  status.since = machine.now;
  status.main = event.process;
  machine.log("warning", DAEMON_MESSAGES.foundPidfile(settings.command, event.process.pid));
  machine.effect({ do: "follow", process: event.process });
  machine.stop(event.process, settings.stopSignal);
};

/** Told to stop while nothing of it runs. */
const restAtOnce = (machine: DaemonMachine, event: DaemonEvent): void => {
  machine.status.desired = "down";
  machine.status.stopReason = event.type === "unwanted" ? event.reason : "stop";
  machine.rest();
};

const noteFound: Handler<"pidfileInvalid"> = (machine, event) => {
  machine.status.found = event.found;
};

// --- starting -------------------------------------------------------------------------------------------------

const launched: Handler<"spawned"> = (machine, event) => {
  const { status, settings } = machine;
  status.child = event.process;
  status.launch = "alive";
  if (settings.kind !== "smart") return machine.run(event.process);
  machine.timer("deadline", settings.freq * 1000);
};

const launchEnded: Handler<"childExited"> = (machine, event) => {
  const { status } = machine;
  if (status.child === null) return;
  status.child = null;
  status.lastExit = event.cause;
  const good = event.failure === null && event.cause.kind === "exited" && event.cause.code === 0;
  status.launch = good ? "ended" : "failed";
  status.found = event.failure ??
    (good ? status.found : DAEMON_MESSAGES.ended(machine.settings.command, event.cause));
  machine.effect({ do: "readPidfile" });
};

const pidfileAtStart: Handler<"pidfileValid"> = (machine, event) => {
  const { status } = machine;
  if (status.launch === "none") return adopt(machine, event);
  status.found = null;
  status.since = machine.now;
  if (!sameProcess(status.child, event.process)) machine.effect({ do: "follow", process: event.process });
  machine.log("info", DAEMON_MESSAGES.running(event.process.pid));
  machine.run(event.process);
};

const noPidfileAtStart: Handler<"pidfileInvalid"> = (machine, event) => {
  const { status, settings } = machine;
  if (status.launch === "none") {
    status.found = event.found;
    return machine.spawn();
  }
  if (status.launch === "failed") {
    const why = `${status.found ?? "it failed"}; ${event.found}`;
    // A set-up that failed has said already what cannot be started.
    const isSaid = why.startsWith(DAEMON_MESSAGES.cannotStart(settings.command, ""));
    return machine.fail(isSaid ? why : DAEMON_MESSAGES.cannotStart(settings.command, why));
  }
  status.found = event.found;
  if (status.overdue) neverValid(machine);
};

/** Looks a last time, since changes of a directory go unnoticed where it cannot be watched. */
const lastLook = (machine: DaemonMachine): void => {
  if (machine.status.launch === "none") return;
  machine.status.overdue = true;
  machine.effect({ do: "readPidfile" });
};

const neverValid = (machine: DaemonMachine): void => {
  const { status, settings } = machine;
  const found = status.found ?? "nothing was found";
  if (status.child !== null) {
    status.undaemonized = true;
    machine.log(
      "error",
      DAEMON_MESSAGES.didNotDaemonize(settings.command, status.child.pid, settings.freq, found),
    );
    return machine.run(status.child);
  }
  machine.fail(DAEMON_MESSAGES.noPidfile(settings.command, settings.freq, found));
};

const stopLaunch: Handler<"unwanted"> = (machine, event) => {
  const { status } = machine;
  status.desired = "down";
  status.stopReason = event.reason;
  if (status.child === null) return machine.rest();
  machine.stop(status.child, event.signal);
};

const restartLaunch: Handler<"restartRequested"> = (machine, event) => {
  const { status, settings } = machine;
  status.stopReason = event.reason;
  if (status.child === null) return;
  machine.stop(status.child, settings.stopSignal);
};

/** What has not shown a valid pidfile could not be adopted later: it is stopped, not left behind. */
const releaseLaunch: Handler<"released"> = (machine) => {
  const { status, settings } = machine;
  status.desired = "down";
  if (status.child === null) return machine.rest();
  machine.stop(status.child, settings.stopSignal);
};

// --- running --------------------------------------------------------------------------------------------------

const childEnded: Handler<"childExited"> = (machine, event) => {
  const { status, settings } = machine;
  const leader = status.child;
  const wasMain = sameProcess(leader, status.main);
  status.child = null;
  if (!wasMain) return; // It daemonized: the launcher's end is no news.
  status.main = null;
  if (settings.kind !== "smart" || event.failure !== null) {
    return machine.died(leader, event.cause, event.failure);
  }
  status.lastExit = event.cause;
  status.leader = leader;
  machine.effect({ do: "readPidfile" });
};

const mainEnded: Handler<"mainExited"> = (machine, event) => {
  machine.status.lastExit = event.cause;
  machine.status.main = null;
  machine.effect({ do: "readPidfile" });
};

const pidfileChanged: Handler<"pidfileValid"> = (machine, event) => {
  const { status, settings } = machine;
  status.found = null;
  if (sameProcess(status.main, event.process)) {
    status.undaemonized = false;
    return;
  }
  machine.log(
    "info",
    DAEMON_MESSAGES.foundChangedPid(settings.command, status.main?.pid ?? 0, event.process.pid),
  );
  status.undaemonized = false;
  status.leader = null;
  status.since = machine.now;
  machine.effect({ do: "follow", process: event.process });
  machine.run(event.process);
};

const pidfileLost: Handler<"pidfileInvalid"> = (machine, event) => {
  const { status } = machine;
  if (status.main === null) return machine.died(status.leader, status.lastExit ?? { kind: "unknown" }, null);
  if (status.found === null && !status.undaemonized) {
    machine.log("warning", DAEMON_MESSAGES.keptWithoutPidfile(event.found, status.main.pid));
  }
  status.found = event.found;
};

const stopMain: Handler<"unwanted"> = (machine, event) => {
  const { status } = machine;
  status.desired = "down";
  status.stopReason = event.reason;
  const process = status.main ?? status.child;
  if (process === null) return machine.rest();
  machine.stop(process, event.signal);
};

const restartMain: Handler<"restartRequested"> = (machine, event) => {
  const { status, settings } = machine;
  status.stopReason = event.reason;
  const process = status.main ?? status.child;
  if (process !== null) machine.stop(process, settings.stopSignal);
};

/** A smart daemon goes on without us, told so when it asked to be (notifypid); one that never daemonized does not. */
const releaseMain: Handler<"released"> = (machine, event) => {
  const { status, settings } = machine;
  const process = status.main;
  status.desired = "down";
  if (process === null) return machine.rest();
  if (status.undaemonized) return machine.stop(process, settings.stopSignal);
  if (event.signal !== null) machine.effect({ do: "signal", process, signal: event.signal });
  machine.rest();
};

const killMain = (machine: DaemonMachine): void => {
  const process = machine.status.main ?? machine.status.child;
  machine.status.desired = "down";
  if (process !== null) return machine.kill(process);
  machine.rest();
};

// --- stopping and killing -------------------------------------------------------------------------------------

const unwant: Handler<"unwanted"> = (machine, event) => {
  machine.status.desired = "down";
  machine.status.stopReason = event.reason;
};

/** Its patience may be over already: whoever waits for the stop must not wait for ever. */
const unwantKilling: Handler<"unwanted"> = (machine, event) => {
  unwant(machine, event);
  machine.timer("grace", KILL_PATIENCE_MS);
};

const releaseStopping: Handler<"released"> = (machine) => {
  machine.status.desired = "down";
};

const releaseKilling: Handler<"released"> = (machine) => {
  machine.status.desired = "down";
  machine.timer("grace", KILL_PATIENCE_MS);
};

/** The process that was told to stop is gone; what is left of its session has until the same deadline. */
const stoppedChild: Handler<"childExited"> = (machine, event) => leaderGone(machine, true, event.cause);
const stoppedMain: Handler<"mainExited"> = (machine, event) => leaderGone(machine, false, event.cause);

function leaderGone(
  machine: DaemonMachine,
  child: boolean,
  cause: DaemonMachine["status"]["lastExit"],
): void {
  const { status, settings } = machine;
  const leader = child ? status.child : status.main;
  const wasMain = !child || status.main === null || sameProcess(status.child, status.main);
  if (leader === null) return;
  if (child) status.child = null;
  if (!wasMain) return;
  status.main = null;
  status.lastExit = cause;
  machine.log("info", DAEMON_MESSAGES.annihilated(settings.command, leader.pid));
  const signal = status.state === "killing" ? SIGKILL : settings.stopSignal;
  // What launched it still runs: it ends within the same grace.
  if (!child && status.child !== null) {
    return machine.effect({ do: "signal", process: status.child, signal });
  }
  if (!child) return machine.settle();
  status.leader = leader;
  machine.effect({ do: "sweep", process: leader, signal });
}

/** Only while it is waited for: a session that a kill gave up on may become empty at any later time. */
const sessionEmptied: Handler<"emptied"> = (machine) => {
  if (machine.status.leader !== null) machine.settle();
};

const graceOver = (machine: DaemonMachine): void => {
  const { status, settings } = machine;
  const process = status.main ?? status.child;
  machine.log(
    "warning",
    DAEMON_MESSAGES.killing(settings.command, process?.pid ?? status.leader?.pid ?? 0),
  );
  if (process !== null) return machine.kill(process);
  killLeftovers(machine);
};

/** The leader is gone, others of its session are not. */
function killLeftovers(machine: DaemonMachine): void {
  const { leader } = machine.status;
  machine.enter("killing");
  machine.timer("grace", KILL_PATIENCE_MS);
  if (leader !== null) machine.effect({ do: "sweep", process: leader, signal: SIGKILL });
}

const killNow = (machine: DaemonMachine): void => {
  const { status } = machine;
  const process = status.main ?? status.child;
  status.desired = "down";
  if (process !== null) return machine.kill(process);
  killLeftovers(machine);
};

/** SIGKILL was sent and it is still there: it sleeps in the kernel. reeve does not wait for it when it ends itself. */
const cannotBeKilled = (machine: DaemonMachine): void => {
  const { status } = machine;
  const pid = (status.main ?? status.child ?? status.leader)?.pid ?? 0;
  machine.log(
    "error",
    DAEMON_MESSAGES.cannotKill(pid),
  );
  if (status.desired === "down") return machine.rest();
  machine.timer("grace", STILL_THERE_MS);
};

/** Nothing of it runs and its delay does; "broken" differs by the length of the delay alone. */
const BETWEEN_STARTS: TransitionTable[State] = {
  wanted: want,
  unwanted: restAtOnce,
  restartRequested: retry,
  released: restAtOnce,
  killRequested: restAtOnce,
  spawned: "ignore",
  spawnFailed: "ignore",
  childExited: "ignore",
  mainExited: "ignore",
  pidfileValid: adopt,
  pidfileInvalid: noteFound,
  deadlinePassed: "ignore",
  delayElapsed: begin,
  graceElapsed: "ignore",
  emptied: "ignore",
};

export const TRANSITIONS: TransitionTable = {
  down: {
    wanted: begin,
    unwanted: restAtOnce,
    restartRequested: "ignore",
    released: restAtOnce,
    killRequested: "ignore",
    spawned: "ignore",
    spawnFailed: "ignore",
    childExited: "ignore",
    mainExited: "ignore",
    pidfileValid: stopFound,
    pidfileInvalid: "ignore",
    deadlinePassed: "ignore",
    delayElapsed: "ignore",
    graceElapsed: "ignore",
    emptied: "ignore",
  },
  waiting: BETWEEN_STARTS,
  broken: BETWEEN_STARTS,
  starting: {
    wanted: want,
    unwanted: stopLaunch,
    restartRequested: restartLaunch,
    released: releaseLaunch,
    killRequested: killMain,
    spawned: launched,
    spawnFailed: (machine, event) => machine.fail(event.text),
    childExited: launchEnded,
    mainExited: "ignore",
    pidfileValid: pidfileAtStart,
    pidfileInvalid: noPidfileAtStart,
    deadlinePassed: lastLook,
    delayElapsed: "ignore",
    graceElapsed: "ignore",
    emptied: "ignore",
  },
  running: {
    wanted: want,
    unwanted: stopMain,
    restartRequested: restartMain,
    released: releaseMain,
    killRequested: killMain,
    spawned: "ignore",
    spawnFailed: "ignore",
    childExited: childEnded,
    mainExited: mainEnded,
    pidfileValid: pidfileChanged,
    pidfileInvalid: pidfileLost,
    deadlinePassed: "ignore",
    delayElapsed: "ignore",
    graceElapsed: "ignore",
    emptied: "ignore",
  },
  stopping: {
    wanted: want,
    unwanted: unwant,
    restartRequested: "ignore",
    released: releaseStopping,
    killRequested: killNow,
    spawned: "ignore",
    spawnFailed: "ignore",
    childExited: stoppedChild,
    mainExited: stoppedMain,
    pidfileValid: "ignore",
    pidfileInvalid: "ignore",
    deadlinePassed: "ignore",
    delayElapsed: "ignore",
    graceElapsed: graceOver,
    emptied: sessionEmptied,
  },
  killing: {
    wanted: want,
    unwanted: unwantKilling,
    restartRequested: "ignore",
    released: releaseKilling,
    killRequested: killNow,
    spawned: "ignore",
    spawnFailed: "ignore",
    childExited: stoppedChild,
    mainExited: stoppedMain,
    pidfileValid: "ignore",
    pidfileInvalid: "ignore",
    deadlinePassed: "ignore",
    delayElapsed: "ignore",
    graceElapsed: cannotBeKilled,
    emptied: sessionEmptied,
  },
};

/** Touched while it waits: whatever was wrong may have been mended. */
function retry(machine: DaemonMachine): void {
  machine.clear("delay");
  machine.begin();
}
