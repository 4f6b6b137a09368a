/**
 * The times that a lease of etcd allows: when it is renewed, when a daemon is told to stop, and when it must
 * be gone. Pure arithmetic on milliseconds of the boot-time clock, every instant counted from before the
 * request was sent.
 */

/** A lease as the server last confirmed it. */
export interface LeaseGrant {
  /**
   * Boot-time milliseconds, read before the confirming request was sent: the server's own count began no
   * earlier.
   */
  readonly sentAt: number;
  /** Milliseconds, by the server. */
  readonly ttl: number;
}

/**
 * Clocks run at different rates, and the kernel needs a moment to kill: this much of the lease is not used.
 */
const MARGIN = 0.05;
const LEAST_MARGIN_MS = 200;
/** Three renewals fit into a lease, the last one ends where the grace begins. */
const PARTS = 3;
const LEAST_ATTEMPT_MS = 200;
const ATTEMPTS = 10;

/** Until when a daemon may run, at the very latest: SIGKILL has done its work by then. */
export function deadlineOf({ sentAt, ttl }: LeaseGrant): number {
  return sentAt + ttl - Math.max(LEAST_MARGIN_MS, ttl * MARGIN);
}

export function renewalDue({ sentAt, ttl }: LeaseGrant): number {
  return sentAt + ttl / PARTS;
}

/** The longest grace that a daemon gets once renewals fail: the rest of the lease is for renewing it. */
export function longestGrace(ttl: number): number {
  return ttl / PARTS;
}

/** How long one server may take to answer before the next one is asked. */
export function attemptPatience(ttl: number): number {
  return Math.max(LEAST_ATTEMPT_MS, ttl / ATTEMPTS);
}
