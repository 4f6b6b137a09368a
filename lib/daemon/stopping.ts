/** A daemon that was told to stop, or that is being killed. Each handler is a cell of transitions.ts. */
import { byGates, type Cells, type Handler, watchAnew } from "./handler.ts";
import type { DaemonMachine } from "./machine.ts";
import { DAEMON_MESSAGES } from "./messages.ts";
import { KILL_PATIENCE_MS, STILL_THERE_MS } from "./patience.ts";
import { SIGKILL } from "../sys/native/constants.ts";
import { sameProcess } from "../sys/process_id.ts";

/** Its patience may be over already: whoever waits for the stop must not wait for ever. */
const hurry = (machine: DaemonMachine): void => machine.timer("grace", KILL_PATIENCE_MS);

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
  // The process that launched it still runs: it ends within the same grace.
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
  machine.shut();
  if (process !== null) return machine.kill(process);
  killLeftovers(machine);
};

/**
 * SIGKILL was sent and it is still there: it sleeps in the kernel. reeve does not wait for it when it ends
 * itself.
 */
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

/** It is started anew, or not, as it is wanted. */
const changeStopped: Handler<"planChanged"> = (machine, change) =>
  machine.changePlan({ ...change, restart: false });

export const STOPPING: Cells = {
  gatesChanged: byGates({ run: "ignore", stop: "ignore", goOn: "ignore", jailOpened: watchAnew }),
  restartRequested: "ignore",
  planChanged: changeStopped,
  killRequested: killNow,
  spawned: "ignore",
  spawnFailed: "ignore",
  spawnHeld: "ignore",
  childExited: stoppedChild,
  mainExited: stoppedMain,
  pidfileValid: "ignore",
  pidfileInvalid: "ignore",
  deadlinePassed: "ignore",
  delayElapsed: "ignore",
  graceElapsed: graceOver,
  emptied: sessionEmptied,
};

export const KILLING: Cells = {
  ...STOPPING,
  gatesChanged: byGates({ run: "ignore", stop: hurry, goOn: hurry, jailOpened: watchAnew }),
  graceElapsed: cannotBeKilled,
};
