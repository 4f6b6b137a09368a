/** A daemon that starts: launched, or about to be. Each handler is a cell of transitions.ts. */
import { byGates, type Cells, type Handler, watchAnew } from "./handler.ts";
import type { DaemonMachine } from "./machine.ts";
import { DAEMON_MESSAGES } from "./messages.ts";
import { adopt } from "./resting.ts";
import { wishOf } from "./gates.ts";
import { killMain, releaseMain } from "./running.ts";
import { sameProcess } from "../sys/process_id.ts";

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
  status.launch = good ? "ended" : event.failure === null ? "failed" : "unstarted";
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
  const wish = wishOf(machine.status.gates, machine.settings);
  if (wish.to === "goOn") releaseMain(machine, wish);
};

const noPidfileAtStart: Handler<"pidfileInvalid"> = (machine, event) => {
  const { status, settings } = machine;
  if (wishOf(status.gates, settings).to === "goOn") return stopLaunch(machine, settings.stopSignal);
  if (status.launch === "none") return launch(machine, event);
  const why = `${status.found ?? "it failed"}; ${event.found}`;
  // A set-up that failed has said already what cannot be started.
  if (status.launch === "unstarted") return machine.fail(why);
  if (status.launch === "failed") return machine.fail(DAEMON_MESSAGES.cannotStart(settings.command, why));
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

/** Not a second time beside the process on record, whose pidfile is lost or spoilt. */
const launch: Handler<"pidfileInvalid"> = (machine, { found, survivor }) => {
  machine.status.found = found;
  if (survivor === undefined || survivor === null) return machine.spawn();
  machine.log("warning", DAEMON_MESSAGES.survivorKept(found), { pid: survivor.pid });
  adopt(machine, { type: "pidfileValid", process: survivor });
};

/** One that goes on without reeve is told by its pidfile, which it may have written this very moment. */
const lookOnceMore = (machine: DaemonMachine): void => {
  if (machine.status.launch === "none") return stopLaunch(machine, machine.settings.stopSignal);
  machine.effect({ do: "readPidfile" });
};

/** Also one that was to go on: what shows no valid pidfile could not be adopted later. */
function stopLaunch(machine: DaemonMachine, signal: number): void {
  const { child } = machine.status;
  if (child === null) return machine.rest();
  machine.stop(child, signal);
}

const startHeld = (machine: DaemonMachine): void => {
  watchAnew(machine);
  if (machine.status.held) machine.spawnHeld();
};

const holdStart: Handler<"spawnHeld"> = (machine) => {
  machine.status.held = true;
};

const restartLaunch: Handler<"restartRequested"> = (machine, event) => {
  const { status, settings } = machine;
  status.stopReason = event.reason;
  if (status.child === null) return;
  machine.stop(status.child, settings.stopSignal);
};

/** Nothing was launched yet: what is launched is the new one. A launcher is told to stop, or its daemon. */
const changeStart: Handler<"planChanged"> = (machine, change) => {
  const { status } = machine;
  machine.changePlan(change);
  if (status.child === null && status.launch === "none") {
    if (change.next !== null) machine.begin();
  } else if (change.restart) machine.restart("apply");
};

export const STARTING: Cells = {
  gatesChanged: byGates({
    run: "ignore",
    stop: (machine, { signal }) => stopLaunch(machine, signal),
    goOn: lookOnceMore,
    jailOpened: startHeld,
  }),
  restartRequested: restartLaunch,
  planChanged: changeStart,
  killRequested: killMain,
  spawned: launched,
  spawnFailed: (machine, event) => machine.fail(event.text),
  spawnHeld: holdStart,
  childExited: launchEnded,
  mainExited: "ignore",
  pidfileValid: pidfileAtStart,
  pidfileInvalid: noPidfileAtStart,
  deadlinePassed: lastLook,
  delayElapsed: "ignore",
  graceElapsed: "ignore",
  emptied: "ignore",
};
