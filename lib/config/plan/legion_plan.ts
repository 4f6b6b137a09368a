/**
 * The legions of a configuration: who stands, who is known, what is done when the lord changes. Types only,
 * part of the Plan. Secrets are in it: never log it, show it through mask.ts.
 */
import type { Origin } from "../origin.ts";

/** The action of a legion's hook; `shown` of its hook is for the log. */
export type LegionAction =
  | { readonly kind: "cmd"; readonly command: string }
  | { readonly kind: "log"; readonly text: string }
  /** A unix signal to a daemon of this instance. */
  | { readonly kind: "signal"; readonly daemon: string; readonly signal: number };

export type LegionEvent = "setup" | "join" | "lord" | "unlord" | "death" | "node-joined" | "node-left";

export interface LegionHook {
  readonly event: LegionEvent;
  readonly action: LegionAction;
  readonly shown: string;
  readonly origin: Origin;
}

/** Where packets come in or go to. `address` is numeric, or the path of a unix datagram socket. */
export type LegionAddress =
  | { readonly kind: "udp4" | "udp6"; readonly address: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export interface LegionNode {
  readonly address: LegionAddress;
  readonly origin: Origin;
}

/** uWSGI's own packets. */
export interface UdpTransportPlan {
  readonly kind: "udp";
  readonly listen: LegionAddress;
  readonly multicast: boolean;
  /** legion-mcast-if: name or address of the interface; null: the system's choice. */
  readonly multicastInterface: string | null;
  readonly broadcast: boolean;
  readonly nodes: readonly LegionNode[];
  /** OpenSSL's name, lower case. */
  readonly cipher: string;
  readonly secret: string;
  readonly iv: string | null;
  /** legion-auth; null: none. */
  readonly authSecret: string | null;
}

export interface EtcdTransportPlan {
  readonly kind: "etcd";
  readonly urls: readonly string[];
  /** Seconds. */
  readonly ttl: number;
  readonly prefix: string;
  readonly user: { readonly name: string; readonly passwordFile: string } | null;
  readonly tls: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null };
}

export interface LegionPlan {
  readonly name: string;
  /** 0: an arbiter, which votes and is never lord. */
  readonly valor: number;
  readonly transport: UdpTransportPlan | EtcdTransportPlan;
  /** Votes that a lord needs; 0 is as 1. */
  readonly quorum: number;
  /**
   * Seconds, fractions allowed: between two announcements; of silence until a node is dropped; of age of a
   * packet.
   */
  readonly freq: number;
  readonly tolerance: number;
  readonly skewTolerance: number;
  /** Seconds out of the election after a failed lord hook; null: off. */
  readonly deathOnLordError: number | null;
  readonly scroll: string | null;
  /** Bytes. */
  readonly scrollMaxSize: number;
  readonly scrollListMaxSize: number;
  /** Seconds that a hook may take. */
  readonly hookTimeout: number;
  readonly hooks: readonly LegionHook[];
  readonly origin: Origin;
}
