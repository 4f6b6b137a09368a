/**
 * The steps of a node that has the lord's key, or had it: waiting for its turn, arming, ruling, and getting
 * rid of what ran. Each handler is a cell of the table in etcd/transitions.ts. Must never give back a tenure
 * under which something may still run.
 */
import type { EtcdMachine } from "./machine.ts";
import { closeLater, giveBack, type Handler, keep, keepOn, unwant } from "./standing.ts";

/** A node on which no guard can be started stays out of it for so long. */
const UNGUARDED_PAUSE_MS = 30_000;
/** A moment is not worth a line. */
const NOTABLE_WAIT_MS = 100;

// --- the key is ours
// ------------------------------------------------------------

export const takeTurn: Handler<"directoryRead"> = (machine, { directory }) => {
  machine.read(directory);
  if (machine.holdsKey()) return succeed(machine);
  machine.log("warning", "the lord's key was taken away before it was used; standing again");
  machine.leave();
};

export const succeed = (machine: EtcdMachine): void => {
  // Not by what was read before the claim.
  if (!machine.holdsKey()) return;
  const wait = machine.freeAt() - machine.now;
  if (wait > 0) {
    if (wait > NOTABLE_WAIT_MS) {
      machine.log("info", `waits ${(wait / 1000).toFixed(1)} s for whatever the lord before may still run`);
    }
    return machine.timerAt("succeed", machine.freeAt());
  }
  machine.clear("succeed");
  machine.enter("arming");
  machine.renew();
};

/** The key is ours, and what is read with the renewal says whether it is our turn. */
export const keepTurn: Handler<"renewed"> = (machine, event) => {
  keep(machine, event);
  if (machine.holdsKey()) succeed(machine);
  else machine.renew(); // it read what stood there before the claim
};

export const arm: Handler<"renewed"> = (machine, { grant, tenure }) => {
  machine.status.renewing = false;
  machine.extend(grant);
  if (tenure === null) return machine.renew(); // it was under way before it was our turn
  machine.status.tenure = tenure;
  machine.hold(machine.status.arming ? "push" : "arm", grant);
  machine.status.arming = true;
};

export const choose: Handler<"armed"> = (machine) => {
  const { token } = machine.status;
  if (token === null) return;
  machine.enter("lord");
  machine.watchDeadline();
  machine.effect({ do: "choose", token });
};

export const remainUnarmed: Handler<"guardEnded"> = (machine, { text }) => {
  machine.log("error", `cannot be lord: ${text}; tried again in ${UNGUARDED_PAUSE_MS / 1000} s`);
  machine.status.suspendedUntil = machine.now + UNGUARDED_PAUSE_MS;
  machine.leave();
};

export const keepArming: Handler<"renewFailed"> = (machine, event) => {
  if (event.gone) machine.effect({ do: "disarm" });
  keepOn(machine, event);
};

export const checkKeyArming: Handler<"directoryRead"> = (machine, { directory }) => {
  machine.read(directory);
  if (machine.holdsKey()) return;
  machine.log("warning", "the lord's key was taken away before it was used; standing again");
  machine.effect({ do: "disarm" });
  machine.leave();
};

export const disarmAndLeave = (machine: EtcdMachine): void => {
  machine.effect({ do: "disarm" });
  giveBack(machine);
};

export const disarmAndClose = (machine: EtcdMachine): void => {
  machine.status.closing = true;
  disarmAndLeave(machine);
};

// --- lord
// ------------------------------------------------------------

export const push: Handler<"renewed"> = (machine, { grant, tenure }) => {
  machine.status.renewing = false;
  machine.extend(grant);
  if (tenure === null) return; // the key is not ours any more, which was read with it
  machine.status.tenure = tenure;
  machine.hold("push", grant);
  if (machine.status.state === "lord") machine.watchDeadline();
};

/** Another may have the lord's key, and waits until our tenure is over: there is time to ask. */
export const depose = (machine: EtcdMachine, why: string): void => {
  vacate(machine);
  machine.effect({ do: "depose", why });
};

export const vacate = (machine: EtcdMachine): void => {
  machine.clear("stepDown");
  machine.enter("vacating");
  machine.effect({ do: "hush" });
};

const withRest = (machine: EtcdMachine, why: string): string => {
  const rest = Math.max(0, machine.status.deadline - machine.now);
  return `${why}; what still runs is killed in ${(rest / 1000).toFixed(1)} s`;
};

export const stepDown: Handler<"stepDownDue"> = (machine) =>
  depose(machine, withRest(machine, "etcd did not confirm the tenure in time"));

export const failAsLord: Handler<"renewFailed"> = (machine, { text, gone }) => {
  machine.status.renewing = false;
  if (!gone) return machine.renewAgain(`cannot renew the lease: ${text}`);
  machine.status.lease = null;
  depose(machine, withRest(machine, `the lease is gone: ${text}`));
};

export const checkKey: Handler<"directoryRead"> = (machine, { directory }) => {
  machine.read(directory);
  if (!machine.holdsKey()) depose(machine, withRest(machine, "the lord's key was taken away"));
};

export const loseGuard: Handler<"guardEnded"> = (machine, { text }) => depose(machine, text);

/** The hook failed. */
export const decline: Handler<"declined"> = (machine, { seconds }) => {
  machine.status.suspendedUntil = machine.now + seconds * 1000;
  machine.disarm();
};

export const vacateUnasked = (machine: EtcdMachine): void => {
  unwant(machine);
  vacate(machine);
};

// --- no lord any more
// ------------------------------------------------------------

export const disarm = (machine: EtcdMachine): void => machine.disarm();

export const vacateAndClose = (machine: EtcdMachine): void => {
  unwant(machine);
  machine.status.closing = true;
  machine.disarm();
};

/** While daemons stop, the lease is kept if it can be: they have their whole grace then. */
export const failVacating: Handler<"renewFailed"> = (machine, { text, gone }) => {
  machine.status.renewing = false;
  if (gone) machine.status.lease = null;
  else machine.renewAgain(`cannot renew the lease: ${text}`);
};

export const leave = (machine: EtcdMachine): void => machine.leave();

export const closeDisarming: Handler<"closeAsked"> = (machine, event) => {
  closeLater(machine, event);
  machine.watchDisarming();
};

/** Nobody else may be lord while it is there, or nobody can know: the lease is not given back. */
export const waitOn = (machine: EtcdMachine): void => {
  machine.log("error", "what ran as lord was killed and does not end: it hangs in the kernel");
  if (!machine.status.closing) return;
  machine.clear("renew");
  machine.rest();
};
