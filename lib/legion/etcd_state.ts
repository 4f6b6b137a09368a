/**
 * The words of a node's life in a legion that etcd decides: what it is, what happens to it, what it does. Types only.
 */
import type { NodeId } from "./announcement.ts";
import type { LeaseGrant } from "./etcd_times.ts";

/**
 * out: no part. joining: no lease yet. candidate: a lease, and a key that says who we are. claiming: the lord's key is being
 * written. arming: it is ours, the guard is not up yet. lord. vacating: no lord any more, what ran as one is still being
 * stopped. disarming: the guard is being killed, and all that may be left under it. leaving: the lease is being given back.
 */
export type Role =
  | "out"
  | "joining"
  | "candidate"
  | "claiming"
  | "arming"
  | "lord"
  | "vacating"
  | "disarming"
  | "leaving";

export interface Lease extends LeaseGrant {
  readonly id: string;
}

/** Whoever wrote the lord's key. */
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

/** What stands below the legion's prefix. */
export interface Directory {
  readonly lord: LordKey | null;
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
  | { readonly type: "renewed"; readonly grant: LeaseGrant }
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
  | { readonly type: "stepDownDue" }
  | { readonly type: "disarmOverdue" };

export type EventType = EtcdEvent["type"];
export type EtcdTimer = "retry" | "renew" | "claim" | "stepDown" | "disarm";

export type EtcdEffect =
  | { readonly do: "join" }
  | { readonly do: "renew"; readonly lease: string }
  | { readonly do: "claim"; readonly lease: string }
  /** Give the lease back, as far as it can be, and stop watching. */
  | { readonly do: "leave"; readonly lease: string }
  /** Start the guard, which holds `deadline` from the start. */
  | { readonly do: "arm"; readonly deadline: number }
  | { readonly do: "push"; readonly deadline: number }
  /** Kill the guard, and with it all that still runs under it; `disarmed` once that is dead, at once where there is none. */
  | { readonly do: "disarm" }
  | { readonly do: "choose"; readonly token: string }
  | { readonly do: "depose"; readonly why: string }
  | { readonly do: "setTimer"; readonly timer: EtcdTimer; readonly ms: number }
  | { readonly do: "clearTimer"; readonly timer: EtcdTimer }
  | { readonly do: "log"; readonly level: "info" | "warning" | "error"; readonly text: string }
  | { readonly do: "closed" };

export interface EtcdSettings {
  readonly self: NodeId;
  /** Milliseconds that its daemons want between the stop signal and SIGKILL, the longest of them. */
  readonly grace: number;
}
