/** A daemon of which nothing runs: down, or between two starts. Each handler is a cell of transitions.ts. */
import { FRESH_STREAK } from "./backoff.ts";
import { byGates, type Cells, type Handler, watchAnew } from "./handler.ts";
import type { DaemonMachine } from "./machine.ts";
import { DAEMON_MESSAGES } from "./messages.ts";
import type { ProcessId } from "../sys/process_id.ts";

const begin = (machine: DaemonMachine): void => machine.begin();

/** It was down by somebody's word, and its failures are of before. */
const beginAfresh = (machine: DaemonMachine): void => {
  machine.status.streak = FRESH_STREAK;
  machine.begin();
};

const rest = (machine: DaemonMachine): void => machine.rest();

/** Nothing runs and nothing is to: what it may have stood by for is over, or begins. */
const letGo = (machine: DaemonMachine): void => {
  machine.effect({ do: "letGo" });
  machine.standBy();
};

export const adopt: Handler<"pidfileValid"> = (machine, event) => {
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

/**
 * It runs although it must not: a legion's daemon on a node that is not the lord. Others have no eye on their
 * pidfile when down.
 */
const stopFound: Handler<"pidfileValid"> = (machine, event) => {
  if (event.isDoubtful !== true) return stopProcess(machine, event.process);
  const { pidfile } = machine.settings;
  machine.log("warning", DAEMON_MESSAGES.sharedPidfile(pidfile ?? "", event.process.pid));
};

const stopSurvivor: Handler<"pidfileInvalid"> = (machine, { survivor }) => {
  if (survivor !== undefined && survivor !== null) stopProcess(machine, survivor);
};

function stopProcess(machine: DaemonMachine, process: ProcessId): void {
  const { status, settings } = machine;
  status.found = null;
  status.since = machine.now;
  status.main = process;
  machine.log("warning", DAEMON_MESSAGES.foundPidfile(settings.command, process.pid));
  machine.effect({ do: "follow", process });
  machine.stop(process, settings.stopSignal);
}

const noteFound: Handler<"pidfileInvalid"> = (machine, event) => {
  machine.status.found = event.found;
};

/** The fault may have been mended. */
const retry = (machine: DaemonMachine): void => {
  machine.clear("delay");
  machine.begin();
};

/** Somebody asks for it, who has not seen its failures or has mended their cause. */
const restartAfresh: Handler<"restartRequested"> = (machine, { reason }) => {
  if (reason !== "reload") machine.status.streak = FRESH_STREAK;
  retry(machine);
};

const retryInNewJail = (machine: DaemonMachine): void => {
  watchAnew(machine);
  retry(machine);
};

const killWaiting = (machine: DaemonMachine): void => {
  machine.shut();
  machine.rest();
};

/** It watched and stood by as another one. */
const becomeOther: Handler<"planChanged"> = (machine, change) => {
  machine.changePlan(change);
  machine.takeOver();
  letGo(machine);
};

/** One that is to be started anew does not wait: the fault may have been mended. */
const waitAsOther: Handler<"planChanged"> = (machine, change) => {
  machine.changePlan(change);
  if (change.restart) return retry(machine);
  if (machine.takeOver()) watchAnew(machine);
};

export const DOWN: Cells = {
  gatesChanged: byGates({ run: beginAfresh, stop: letGo, goOn: letGo, jailOpened: "ignore" }),
  restartRequested: "ignore",
  planChanged: becomeOther,
  killRequested: "ignore",
  spawned: "ignore",
  spawnFailed: "ignore",
  spawnHeld: "ignore",
  childExited: "ignore",
  mainExited: "ignore",
  pidfileValid: stopFound,
  pidfileInvalid: stopSurvivor,
  deadlinePassed: "ignore",
  delayElapsed: "ignore",
  graceElapsed: "ignore",
  emptied: "ignore",
};

/** Its delay runs; "broken" differs by the length of the delay alone. */
export const BETWEEN_STARTS: Cells = {
  gatesChanged: byGates({ run: "ignore", stop: rest, goOn: rest, jailOpened: retryInNewJail }),
  restartRequested: restartAfresh,
  planChanged: waitAsOther,
  killRequested: killWaiting,
  spawned: "ignore",
  spawnFailed: "ignore",
  spawnHeld: "ignore",
  childExited: "ignore",
  mainExited: "ignore",
  pidfileValid: adopt,
  pidfileInvalid: noteFound,
  deadlinePassed: "ignore",
  delayElapsed: begin,
  graceElapsed: "ignore",
  emptied: "ignore",
};
