/**
 * The steps of a node that has no part in a lordship: joining, standing, claiming, leaving. Each handler is a
 * cell of the table in etcd/transitions.ts.
 */
import type { EtcdMachine } from "./machine.ts";
import type { EtcdEvent, EventType } from "./state.ts";

export type Handler<T extends EventType> = (
  machine: EtcdMachine,
  event: Extract<EtcdEvent, { type: T }>,
) => void;

export const want: Handler<"wanted"> = (machine) => {
  machine.status.wanted = true;
};

export const unwant = (machine: EtcdMachine): void => {
  machine.status.wanted = false;
};

// --- without a lease
// --------------------------------------------------------------------------------------------

export const begin: Handler<"wanted"> = (machine) => {
  machine.status.wanted = true;
  machine.join();
};

export const beginAgain: Handler<"retryDue"> = (machine) => {
  if (machine.status.wanted) machine.join();
};

export const closeNow: Handler<"closeAsked"> = (machine) => {
  machine.status.wanted = false;
  machine.status.closing = true;
  machine.clear("retry");
  machine.effect({ do: "closed" });
};

export const become: Handler<"joined"> = (machine, { lease }) => {
  machine.status.lease = lease;
  if (!machine.status.wanted) return machine.leave();
  machine.enter("candidate");
  machine.extend(lease);
  machine.beginWaiting();
  machine.log("info", `stands as a candidate in etcd, lease ${lease.ttl / 1000} s`);
};

export const joinAgain: Handler<"joinFailed"> = (machine, { text }) => {
  if (machine.status.wanted) machine.retry(text);
  else machine.rest();
};

/** An answer may still come, and is then given back. */
export const closeJoining: Handler<"closeAsked"> = (machine) => {
  machine.status.wanted = false;
  machine.status.closing = true;
  machine.clear("retry");
  machine.rest();
};

// --- with one
// -----------------------------------------------------------------------------------------------------

export const renew = (machine: EtcdMachine): void => machine.renew();

export const keep: Handler<"renewed"> = (machine, { grant }) => {
  machine.status.renewing = false;
  machine.extend(grant);
};

export const keepOn: Handler<"renewFailed"> = (machine, { text, gone }) => {
  machine.status.renewing = false;
  if (!gone) return machine.renewAgain(`cannot renew the lease: ${text}`);
  machine.log("warning", `the lease is gone: ${text}; standing again`);
  machine.status.lease = null;
  machine.leave();
};

export const take = (machine: EtcdMachine, token: string): void => {
  machine.status.token = token;
  machine.status.tenure = null;
  machine.status.arming = false;
  machine.clear("claim");
  machine.enter("succeeding");
  // The key that stands there now is the last word of the lord before: with its key it has lost the right to
  // write.
  machine.renew();
};

export const look: Handler<"directoryRead"> = (machine, { directory }) => {
  machine.read(directory);
  // A claim whose answer was lost has succeeded after all.
  if (machine.holdsKey()) return take(machine, directory.lord!.token);
  machine.warnOfStrayKey();
  machine.consider();
};

export const note: Handler<"directoryRead"> = (machine, { directory }) => machine.read(directory);

export const claim: Handler<"claimDue"> = (machine) => {
  const { lease, directory } = machine.status;
  if (lease === null || directory.lord !== null) return;
  machine.enter("claiming");
  machine.effect({ do: "claim", lease: lease.id });
};

export const lose: Handler<"claimLost"> = (machine) => machine.enter("candidate");

export const failClaim: Handler<"claimFailed"> = (machine, { text }) => {
  machine.log("warning", `cannot claim the lordship: ${text}`);
  machine.status.lordlessSince = machine.now + 1000;
  machine.enter("candidate");
  machine.consider();
};

export const giveBack = (machine: EtcdMachine): void => {
  unwant(machine);
  machine.leave();
};

export const giveBackAndClose = (machine: EtcdMachine): void => {
  machine.status.closing = true;
  giveBack(machine);
};

export const rest: Handler<"left"> = (machine) => machine.rest();

export const closeLater: Handler<"closeAsked"> = (machine) => {
  unwant(machine);
  machine.status.closing = true;
};
