/**
 * The election's spans of time, all derived from freq and tolerance. Pure arithmetic. docs/legion.md proves
 * from these numbers that two lords with a majority never meet: whoever changes one changes the proof.
 */
import type { ElectionSettings } from "./types.ts";

export interface Timing {
  /** A quorum of two or more: votes are leases. Else a lord needs nobody, and the rules are uWSGI's. */
  readonly strict: boolean;
  /**
   * How long a vote carries a lordship after it was heard; after as long a silence nobody is named any more.
   */
  readonly lease: number;
  /** How long after one was named no other is: a lease, and what the packet may have been late. */
  readonly lock: number;
  /**
   * After this long nobody's vote counts any more that was cast before something was said, by whoever heard
   * it or not.
   */
  readonly outlast: number;
  /** A node looks at least this often, to notice that it slept; it slept when it is late by as much. */
  readonly heartbeat: number;
}

const LEASE_SHARE = 0.55;
/**
 * How late a packet may be, from decided to heard: one half for the network, one for what the hearer cannot
 * notice.
 */
const MARGIN_SHARE = 0.15;

export function timingOf({ quorum, tolerance }: ElectionSettings): Timing {
  const lease = tolerance * LEASE_SHARE;
  const margin = tolerance * MARGIN_SHARE;
  return {
    strict: quorum >= 2,
    lease,
    lock: lease + margin,
    outlast: lease + 2 * margin,
    heartbeat: margin / 4,
  };
}

/** A warning that goes on is repeated after this long, as uWSGI does. */
export const WARNING_INTERVAL_MS = 60_000;
/** News go out at once, this many in a row; then one in each of NEWS_SHARE of freq. */
export const NEWS_BURST = 5;
export const NEWS_SHARE = 0.2;
/** A term from a clock that is further ahead than this is no reason to count on from it. Seconds. */
export const FAR_FUTURE_S = 86_400;
/**
 * Members and departed that are kept; more than any legion has, so that whoever knows the secret cannot fill
 * the memory.
 */
export const MOST_MEMBERS = 1024;
