/**
 * What a node does in each role at each event: every cell is written, "ignore" included, so that the compiler proves the table
 * total. Nothing else decides about a lordship.
 */
import type { EtcdMachine } from "./etcd_machine.ts";
import type { EtcdEvent, EventType, Role } from "./etcd_state.ts";

/** A node on which no guard can be started stays out of it for so long. */
const UNGUARDED_PAUSE_MS = 30_000;
/** A moment is not worth a line. */
const NOTABLE_WAIT_MS = 100;

type Handler<T extends EventType> = (machine: EtcdMachine, event: Extract<EtcdEvent, { type: T }>) => void;
type Table = { readonly [R in Role]: { readonly [T in EventType]: Handler<T> | "ignore" } };

const want: Handler<"wanted"> = (machine) => {
  machine.status.wanted = true;
};

const unwant = (machine: EtcdMachine): void => {
  machine.status.wanted = false;
};

// --- without a lease --------------------------------------------------------------------------------------------

const begin: Handler<"wanted"> = (machine) => {
  machine.status.wanted = true;
  machine.join();
};

const beginAgain: Handler<"retryDue"> = (machine) => {
  if (machine.status.wanted) machine.join();
};

const closeNow: Handler<"closeAsked"> = (machine) => {
  machine.status.wanted = false;
  machine.status.closing = true;
  machine.clear("retry");
  machine.effect({ do: "closed" });
};

const become: Handler<"joined"> = (machine, { lease }) => {
  machine.status.lease = lease;
  if (!machine.status.wanted) return machine.leave();
  machine.enter("candidate");
  machine.extend(lease);
  machine.beginWaiting();
  machine.log("info", `stands as a candidate in etcd, lease ${lease.ttl / 1000} s`);
};

const joinAgain: Handler<"joinFailed"> = (machine, { text }) => {
  if (machine.status.wanted) machine.retry(text);
  else machine.rest();
};

/** An answer may still come, and is then given back. */
const closeJoining: Handler<"closeAsked"> = (machine) => {
  machine.status.wanted = false;
  machine.status.closing = true;
  machine.clear("retry");
  machine.rest();
};

// --- with one -----------------------------------------------------------------------------------------------------

const renew = (machine: EtcdMachine): void => machine.renew();

const keep: Handler<"renewed"> = (machine, { grant }) => {
  machine.status.renewing = false;
  machine.extend(grant);
};

/** The key is ours, and what is read with the renewal says whether it is our turn. */
const keepTurn: Handler<"renewed"> = (machine, event) => {
  keep(machine, event);
  if (machine.holdsKey()) succeed(machine);
  else machine.renew(); // it read what stood there before the claim
};

const keepOn: Handler<"renewFailed"> = (machine, { text, gone }) => {
  machine.status.renewing = false;
  if (!gone) return machine.renewAgain(`cannot renew the lease: ${text}`);
  machine.log("warning", `the lease is gone: ${text}; standing again`);
  machine.status.lease = null;
  machine.leave();
};

const look: Handler<"directoryRead"> = (machine, { directory }) => {
  machine.read(directory);
  // A claim whose answer was lost has succeeded after all.
  if (machine.holdsKey()) return take(machine, directory.lord!.token);
  machine.warnOfStrayKey();
  machine.consider();
};

const note: Handler<"directoryRead"> = (machine, { directory }) => machine.read(directory);

const claim: Handler<"claimDue"> = (machine) => {
  const { lease, directory } = machine.status;
  if (lease === null || directory.lord !== null) return;
  machine.enter("claiming");
  machine.effect({ do: "claim", lease: lease.id });
};

const take = (machine: EtcdMachine, token: string): void => {
  machine.status.token = token;
  machine.status.tenure = null;
  machine.status.arming = false;
  machine.clear("claim");
  machine.enter("succeeding");
  // What stands there now is the last word of the lord before: with its key it has lost the right to write.
  machine.renew();
};

const lose: Handler<"claimLost"> = (machine) => machine.enter("candidate");

const failClaim: Handler<"claimFailed"> = (machine, { text }) => {
  machine.log("warning", `cannot claim the lordship: ${text}`);
  machine.status.lordlessSince = machine.now + 1000;
  machine.enter("candidate");
  machine.consider();
};

const giveBack = (machine: EtcdMachine): void => {
  unwant(machine);
  machine.leave();
};

const giveBackAndClose = (machine: EtcdMachine): void => {
  machine.status.closing = true;
  giveBack(machine);
};

// --- the key is ours ------------------------------------------------------------------------------------------------

const takeTurn: Handler<"directoryRead"> = (machine, { directory }) => {
  machine.read(directory);
  if (machine.holdsKey()) return succeed(machine);
  machine.log("warning", "the lord's key was taken away before it was used; standing again");
  machine.leave();
};

const succeed = (machine: EtcdMachine): void => {
  // Not by what was read before the claim.
  if (!machine.holdsKey()) return;
  const wait = machine.freeAt() - machine.now;
  if (wait > 0) {
    if (wait > NOTABLE_WAIT_MS) {
      machine.log("info", `waits ${(wait / 1000).toFixed(1)} s for whatever the lord before may still run`);
    }
    return machine.timer("succeed", machine.freeAt());
  }
  machine.clear("succeed");
  machine.enter("arming");
  machine.renew();
};

const arm: Handler<"renewed"> = (machine, { grant, tenure }) => {
  machine.status.renewing = false;
  machine.extend(grant);
  if (tenure === null) return machine.renew(); // it was under way before it was our turn
  machine.status.tenure = tenure;
  machine.hold(machine.status.arming ? "push" : "arm", grant);
  machine.status.arming = true;
};

const choose: Handler<"armed"> = (machine) => {
  const { token } = machine.status;
  if (token === null) return;
  machine.enter("lord");
  machine.watchDeadline();
  machine.effect({ do: "choose", token });
};

const remainUnarmed: Handler<"guardEnded"> = (machine, { text }) => {
  machine.log("error", `cannot be lord: ${text}; tried again in ${UNGUARDED_PAUSE_MS / 1000} s`);
  machine.status.suspendedUntil = machine.now + UNGUARDED_PAUSE_MS;
  machine.leave();
};

const keepArming: Handler<"renewFailed"> = (machine, event) => {
  if (event.gone) machine.effect({ do: "disarm" });
  keepOn(machine, event);
};

const checkKeyArming: Handler<"directoryRead"> = (machine, { directory }) => {
  machine.read(directory);
  if (machine.holdsKey()) return;
  machine.log("warning", "the lord's key was taken away before it was used; standing again");
  machine.effect({ do: "disarm" });
  machine.leave();
};

const disarmAndLeave = (machine: EtcdMachine): void => {
  machine.effect({ do: "disarm" });
  giveBack(machine);
};

const disarmAndClose = (machine: EtcdMachine): void => {
  machine.status.closing = true;
  disarmAndLeave(machine);
};

// --- lord -------------------------------------------------------------------------------------------------------------

const push: Handler<"renewed"> = (machine, { grant, tenure }) => {
  machine.status.renewing = false;
  machine.extend(grant);
  if (tenure === null) return; // the key is not ours any more, which was read with it
  machine.status.tenure = tenure;
  machine.hold("push", grant);
  if (machine.status.role === "lord") machine.watchDeadline();
};

/** Another may have the lord's key, and waits until our tenure is over: there is time to ask. */
const depose = (machine: EtcdMachine, why: string): void => {
  vacate(machine);
  machine.effect({ do: "depose", why });
};

const vacate = (machine: EtcdMachine): void => {
  machine.clear("stepDown");
  machine.enter("vacating");
  machine.effect({ do: "hush" });
};

const withRest = (machine: EtcdMachine, why: string): string => {
  const rest = Math.max(0, machine.status.deadline - machine.now);
  return `${why}; what still runs is killed in ${(rest / 1000).toFixed(1)} s`;
};

const stepDown: Handler<"stepDownDue"> = (machine) =>
  depose(machine, withRest(machine, "etcd did not confirm the tenure in time"));

const failAsLord: Handler<"renewFailed"> = (machine, { text, gone }) => {
  machine.status.renewing = false;
  if (!gone) return machine.renewAgain(`cannot renew the lease: ${text}`);
  machine.status.lease = null;
  depose(machine, withRest(machine, `the lease is gone: ${text}`));
};

const checkKey: Handler<"directoryRead"> = (machine, { directory }) => {
  machine.read(directory);
  if (!machine.holdsKey()) depose(machine, withRest(machine, "the lord's key was taken away"));
};

const loseGuard: Handler<"guardEnded"> = (machine, { text }) => depose(machine, text);

/** The hook failed. */
const decline: Handler<"declined"> = (machine, { seconds }) => {
  machine.status.suspendedUntil = machine.now + seconds * 1000;
  machine.disarm();
};

const vacateUnasked = (machine: EtcdMachine): void => {
  unwant(machine);
  vacate(machine);
};

// --- no lord any more ---------------------------------------------------------------------------------------------------

const disarm = (machine: EtcdMachine): void => machine.disarm();

const vacateAndClose = (machine: EtcdMachine): void => {
  unwant(machine);
  machine.status.closing = true;
  machine.disarm();
};

/** While daemons stop, the lease is kept if it can be: they have their whole grace then. */
const failVacating: Handler<"renewFailed"> = (machine, { text, gone }) => {
  machine.status.renewing = false;
  if (gone) machine.status.lease = null;
  else machine.renewAgain(`cannot renew the lease: ${text}`);
};

const leave = (machine: EtcdMachine): void => machine.leave();

const closeDisarming: Handler<"closeAsked"> = (machine, event) => {
  closeLater(machine, event);
  machine.watchDisarming();
};

/** Nobody else may be lord while it is there, or nobody can know: the lease is not given back. */
const waitOn = (machine: EtcdMachine): void => {
  machine.log("error", "what ran as lord was killed and does not end: it hangs in the kernel");
  if (!machine.status.closing) return;
  machine.clear("renew");
  machine.rest();
};

const rest: Handler<"left"> = (machine) => machine.rest();

const closeLater: Handler<"closeAsked"> = (machine) => {
  unwant(machine);
  machine.status.closing = true;
};

export const ETCD_TRANSITIONS: Table = {
  out: {
    wanted: begin,
    leaveAsked: unwant,
    declined: "ignore",
    vacated: "ignore",
    closeAsked: closeNow,
    joined: "ignore",
    joinFailed: "ignore",
    renewed: "ignore",
    renewFailed: "ignore",
    directoryRead: "ignore",
    claimed: "ignore",
    claimLost: "ignore",
    claimFailed: "ignore",
    left: "ignore",
    armed: "ignore",
    guardEnded: "ignore",
    disarmed: "ignore",
    retryDue: beginAgain,
    renewDue: "ignore",
    claimDue: "ignore",
    successionDue: "ignore",
    stepDownDue: "ignore",
    disarmOverdue: "ignore",
  },
  joining: {
    wanted: want,
    leaveAsked: unwant,
    declined: "ignore",
    vacated: "ignore",
    closeAsked: closeJoining,
    joined: become,
    joinFailed: joinAgain,
    renewed: "ignore",
    renewFailed: "ignore",
    directoryRead: "ignore",
    claimed: "ignore",
    claimLost: "ignore",
    claimFailed: "ignore",
    left: "ignore",
    armed: "ignore",
    guardEnded: "ignore",
    disarmed: "ignore",
    retryDue: beginAgain,
    renewDue: "ignore",
    claimDue: "ignore",
    successionDue: "ignore",
    stepDownDue: "ignore",
    disarmOverdue: "ignore",
  },
  candidate: {
    wanted: want,
    leaveAsked: giveBack,
    declined: "ignore",
    vacated: "ignore",
    closeAsked: giveBackAndClose,
    joined: "ignore",
    joinFailed: "ignore",
    renewed: keep,
    renewFailed: keepOn,
    directoryRead: look,
    claimed: "ignore",
    claimLost: "ignore",
    claimFailed: "ignore",
    left: "ignore",
    armed: "ignore",
    guardEnded: "ignore",
    disarmed: "ignore",
    retryDue: "ignore",
    renewDue: renew,
    claimDue: claim,
    successionDue: "ignore",
    stepDownDue: "ignore",
    disarmOverdue: "ignore",
  },
  claiming: {
    wanted: want,
    leaveAsked: giveBack,
    declined: "ignore",
    vacated: "ignore",
    closeAsked: giveBackAndClose,
    joined: "ignore",
    joinFailed: "ignore",
    renewed: keep,
    renewFailed: keepOn,
    directoryRead: note,
    claimed: (machine, { token }) => take(machine, token),
    claimLost: lose,
    claimFailed: failClaim,
    left: "ignore",
    armed: "ignore",
    guardEnded: "ignore",
    disarmed: "ignore",
    retryDue: "ignore",
    renewDue: renew,
    claimDue: "ignore",
    successionDue: "ignore",
    stepDownDue: "ignore",
    disarmOverdue: "ignore",
  },
  succeeding: {
    wanted: want,
    leaveAsked: giveBack,
    declined: "ignore",
    vacated: "ignore",
    closeAsked: giveBackAndClose,
    joined: "ignore",
    joinFailed: "ignore",
    renewed: keepTurn,
    renewFailed: keepOn,
    directoryRead: takeTurn,
    claimed: "ignore",
    claimLost: "ignore",
    claimFailed: "ignore",
    left: "ignore",
    armed: "ignore",
    guardEnded: "ignore",
    disarmed: "ignore",
    retryDue: "ignore",
    renewDue: renew,
    claimDue: "ignore",
    successionDue: succeed,
    stepDownDue: "ignore",
    disarmOverdue: "ignore",
  },
  arming: {
    wanted: want,
    leaveAsked: disarmAndLeave,
    declined: "ignore",
    vacated: "ignore",
    closeAsked: disarmAndClose,
    joined: "ignore",
    joinFailed: "ignore",
    renewed: arm,
    renewFailed: keepArming,
    directoryRead: checkKeyArming,
    claimed: "ignore",
    claimLost: "ignore",
    claimFailed: "ignore",
    left: "ignore",
    armed: choose,
    guardEnded: remainUnarmed,
    disarmed: "ignore",
    retryDue: "ignore",
    renewDue: renew,
    claimDue: "ignore",
    successionDue: "ignore",
    stepDownDue: "ignore",
    disarmOverdue: "ignore",
  },
  lord: {
    wanted: want,
    leaveAsked: vacateUnasked,
    declined: decline,
    vacated: "ignore",
    closeAsked: vacateAndClose,
    joined: "ignore",
    joinFailed: "ignore",
    renewed: push,
    renewFailed: failAsLord,
    directoryRead: checkKey,
    claimed: "ignore",
    claimLost: "ignore",
    claimFailed: "ignore",
    left: "ignore",
    armed: "ignore",
    guardEnded: loseGuard,
    disarmed: "ignore",
    retryDue: "ignore",
    renewDue: renew,
    claimDue: "ignore",
    successionDue: "ignore",
    stepDownDue: stepDown,
    disarmOverdue: "ignore",
  },
  vacating: {
    wanted: want,
    leaveAsked: unwant,
    declined: decline,
    vacated: disarm,
    closeAsked: vacateAndClose,
    joined: "ignore",
    joinFailed: "ignore",
    renewed: push,
    renewFailed: failVacating,
    directoryRead: note,
    claimed: "ignore",
    claimLost: "ignore",
    claimFailed: "ignore",
    left: "ignore",
    armed: "ignore",
    guardEnded: "ignore",
    disarmed: "ignore",
    retryDue: "ignore",
    renewDue: renew,
    claimDue: "ignore",
    successionDue: "ignore",
    stepDownDue: "ignore",
    disarmOverdue: "ignore",
  },
  disarming: {
    wanted: want,
    leaveAsked: unwant,
    declined: "ignore",
    vacated: "ignore",
    closeAsked: closeDisarming,
    joined: "ignore",
    joinFailed: "ignore",
    renewed: keep,
    renewFailed: failVacating,
    directoryRead: note,
    claimed: "ignore",
    claimLost: "ignore",
    claimFailed: "ignore",
    left: "ignore",
    armed: "ignore",
    guardEnded: "ignore",
    disarmed: leave,
    retryDue: "ignore",
    renewDue: renew,
    claimDue: "ignore",
    successionDue: "ignore",
    stepDownDue: "ignore",
    disarmOverdue: waitOn,
  },
  leaving: {
    wanted: want,
    leaveAsked: unwant,
    declined: "ignore",
    vacated: "ignore",
    closeAsked: closeLater,
    joined: "ignore",
    joinFailed: "ignore",
    renewed: "ignore",
    renewFailed: "ignore",
    directoryRead: "ignore",
    claimed: "ignore",
    claimLost: "ignore",
    claimFailed: "ignore",
    left: rest,
    armed: "ignore",
    guardEnded: "ignore",
    disarmed: "ignore",
    retryDue: "ignore",
    renewDue: "ignore",
    claimDue: "ignore",
    successionDue: "ignore",
    stepDownDue: "ignore",
    disarmOverdue: "ignore",
  },
};
