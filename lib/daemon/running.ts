/** A daemon that runs. Each handler is a cell of transitions.ts. */
import type { Wish } from "./gates.ts";
import { byGates, type Cells, type Handler, watchAnew } from "./handler.ts";
import type { DaemonMachine } from "./machine.ts";
import { DAEMON_MESSAGES } from "./messages.ts";
import { sameProcess } from "../sys/process_id.ts";

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

const stopMain = (machine: DaemonMachine, { signal }: { readonly signal: number }): void => {
  const process = machine.status.main ?? machine.status.child;
  if (process === null) return machine.rest();
  machine.stop(process, signal);
};

const restartMain: Handler<"restartRequested"> = (machine, event) => {
  machine.status.stopReason = event.reason;
  machine.restart(event.reason);
};

/** Where its process has just ended, what was to come at its next start does so anyway. */
const changeMain: Handler<"planChanged"> = (machine, change) => {
  machine.changePlan(change);
  if (change.restart) machine.restart("apply");
};

/**
 * A smart daemon goes on without us, told so when it asked to be (notifypid); one that never daemonized does
 * not.
 */
export const releaseMain = (
  machine: DaemonMachine,
  { signal }: Extract<Wish, { readonly to: "goOn" }>,
): void => {
  const { status, settings } = machine;
  const process = status.main;
  if (process === null) return machine.rest();
  if (status.undaemonized) return machine.stop(process, settings.stopSignal);
  if (signal !== null) machine.effect({ do: "signal", process, signal });
  machine.rest();
};

export const killMain = (machine: DaemonMachine): void => {
  const process = machine.status.main ?? machine.status.child;
  machine.shut();
  if (process !== null) return machine.kill(process);
  machine.rest();
};

export const RUNNING: Cells = {
  gatesChanged: byGates({ run: "ignore", stop: stopMain, goOn: releaseMain, jailOpened: watchAnew }),
  restartRequested: restartMain,
  planChanged: changeMain,
  killRequested: killMain,
  spawned: "ignore",
  spawnFailed: "ignore",
  spawnHeld: "ignore",
  childExited: childEnded,
  mainExited: mainEnded,
  pidfileValid: pidfileChanged,
  pidfileInvalid: pidfileLost,
  deadlinePassed: "ignore",
  delayElapsed: "ignore",
  graceElapsed: "ignore",
  emptied: "ignore",
};
