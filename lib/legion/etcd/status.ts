/** The knowledge and the intentions of a node of an etcd legion; only its machine writes it. */
import type { Directory, Lease, Role } from "./state.ts";

export const NOTHING: Directory = { lord: null, tenure: null, candidates: [] };

export interface EtcdStatus {
  state: Role;
  /** The legion takes part. */
  wanted: boolean;
  closing: boolean;
  lease: Lease | null;
  directory: Directory;
  /** The revision of our own lord's key. */
  token: string | null;
  /** Boot-time milliseconds: since when we have known that there is no lord. */
  lordlessSince: number;
  /** The last tenure that was seen: its revision, and the first time that we saw this one. */
  seen: { readonly revision: string; readonly at: number } | null;
  /** Revision of our own tenure; null: none was written in this lordship. */
  tenure: string | null;
  /** The revision of our last own key under which nothing runs any more. */
  ended: string | null;
  /** The deadline that the guard holds. */
  deadline: number;
  /** Not before then: after a failed lord hook, or without a guard. */
  suspendedUntil: number;
  retryMs: number;
  renewing: boolean;
  arming: boolean;
  /** Why it takes no part at the moment. */
  problem: string | null;
  /** When that was last said. */
  saidAt: number;
  /** Token of a lord's key without a lease that was warned of. */
  stray: string | null;
}

export const FIRST_RETRY_MS = 250;

export function freshStatus(): EtcdStatus {
  return {
    state: "out",
    wanted: false,
    closing: false,
    lease: null,
    directory: NOTHING,
    token: null,
    lordlessSince: 0,
    seen: null,
    tenure: null,
    ended: null,
    deadline: 0,
    suspendedUntil: 0,
    retryMs: FIRST_RETRY_MS,
    renewing: false,
    arming: false,
    problem: null,
    saidAt: 0,
    stray: null,
  };
}
