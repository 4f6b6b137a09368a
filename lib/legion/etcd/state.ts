/**
 * The words of a node's life in a legion that etcd decides: what it is, what happens to it, what it does.
 * Types only.
 */
import type { MachineEffect } from "../../machine/machine.ts";
import type { NodeId } from "../election/announcement.ts";
import type { LeaseGrant } from "./times.ts";

/**
 * out: no part. joining: no lease yet. candidate: a lease, and a key that says who we are. claiming: the
 * lord's key is being written. succeeding: it is ours, what the lord before ran may still run. arming:
 * nothing of that does, the guard is not up yet. lord. vacating: no lord any more, what ran as one is still
 * being stopped. disarming: the guard is being killed, and all that may be left under it. leaving: tenure and
 * lease are being given back.
 */
export type Role =
  | "out"
  | "joining"
  | "candidate"
  | "claiming"
  | "succeeding"
  | "arming"
  | "lord"
  | "vacating"
  | "disarming"
  | "leaving";

export interface Lease extends LeaseGrant {
  readonly id: string;
}

/** The node that wrote the lord's key. */
export interface LordKey {
  readonly uuid: string;
  readonly name: string;
  readonly valor: number;
  /** Seconds since 1970, by the lord's clock. */
  readonly since: number;
  readonly lease: string;
  /** The creation revision: the fencing token. */
  readonly token: string;
}

/**
 * The last lord's note, written before it let anything run, and at every renewal: the proof that it is over.
 */
export interface Tenure {
  /** The revision of the store when it was written last. */
  readonly revision: string;
  /** Milliseconds after it was written in which what its lord runs may still run. */
  readonly ttl: number;
  /** Nothing of it runs any more. */
  readonly released: boolean;
}

/** The keys below the legion's prefix. */
export interface Directory {
  readonly lord: LordKey | null;
  /** null: there has never been a lord. */
  readonly tenure: Tenure | null;
  /** All candidates, ourselves included. */
  readonly candidates: readonly NodeId[];
}

export type EtcdEvent =
  // the legion's word
  | { readonly type: "wanted" }
  | { readonly type: "leaveAsked" }
  | { readonly type: "declined"; readonly seconds: number }
  | { readonly type: "vacated" }
  | { readonly type: "closeAsked" }
  // the server's
  | { readonly type: "joined"; readonly lease: Lease }
  | { readonly type: "joinFailed"; readonly text: string }
  /** `tenure`: revision at which ours was written with it; null: it was not. */
  | { readonly type: "renewed"; readonly grant: LeaseGrant; readonly tenure: string | null }
  | { readonly type: "renewFailed"; readonly text: string; readonly gone: boolean }
  | { readonly type: "directoryRead"; readonly directory: Directory }
  | { readonly type: "claimed"; readonly token: string }
  | { readonly type: "claimLost" }
  | { readonly type: "claimFailed"; readonly text: string }
  | { readonly type: "left" }
  // the guard's
  | { readonly type: "armed" }
  | { readonly type: "guardEnded"; readonly text: string }
  /** Nothing is left of what ran under a guard. */
  | { readonly type: "disarmed" }
  // time's
  | { readonly type: "retryDue" }
  | { readonly type: "renewDue" }
  | { readonly type: "claimDue" }
  | { readonly type: "successionDue" }
  | { readonly type: "stepDownDue" }
  | { readonly type: "disarmOverdue" };

export type EventType = EtcdEvent["type"];
export type EtcdTimer = "retry" | "renew" | "claim" | "succeed" | "stepDown" | "disarm";

export type EtcdOwnEffect =
  | { readonly do: "join" }
  /** `token`: of our lord's key: our tenure is written with it, if that key still stands. */
  | { readonly do: "renew"; readonly lease: string; readonly token: string | null }
  | { readonly do: "claim"; readonly lease: string }
  /**
   * Give back what there is, as far as it can be, and stop watching. `tenure`: revision of our own, which
   * nothing runs under any more.
   */
  | { readonly do: "leave"; readonly lease: string | null; readonly tenure: string | null }
  /** Start the guard, which holds `deadline` from the start. */
  | { readonly do: "arm"; readonly deadline: number }
  | { readonly do: "push"; readonly deadline: number }
  /** The daemons are told to stop by the legion: the guard need not. */
  | { readonly do: "hush" }
  /**
   * Kill the guard, and with it all that still runs under it; `disarmed` once that is dead, at once where
   * there is none.
   */
  | { readonly do: "disarm" }
  | { readonly do: "choose"; readonly token: string }
  | { readonly do: "depose"; readonly why: string }
  | { readonly do: "closed" };

export type EtcdEffect = EtcdOwnEffect | MachineEffect<EtcdTimer>;

export interface EtcdSettings {
  readonly self: NodeId;
  /** Milliseconds that its daemons want between the stop signal and SIGKILL, the longest of them. */
  readonly grace: number;
}
