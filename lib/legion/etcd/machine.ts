/**
 * One node's part in a legion that etcd decides: applies the table of etcd/transitions.ts to its status.
 * Pure: events and the boot-time clock come in, effects go out. Must never be lord while nobody holds the
 * deadline (a guard is up before `choose`), nor while what another lord ran may still run: its tenure has
 * been released, or was seen to stand still for its whole time.
 */
import type { NodeId } from "../election/announcement.ts";
import { deadlineOf, type LeaseGrant, longestGrace, renewalDue } from "./times.ts";
import { Machine } from "../../machine/machine.ts";
import type { Directory, EtcdEvent, EtcdOwnEffect, EtcdSettings, EtcdTimer, Role } from "./state.ts";
import { type EtcdStatus, FIRST_RETRY_MS, freshStatus, NOTHING } from "./status.ts";
import { ETCD_TRANSITIONS } from "./transitions.ts";

/**
 * Those who start together have seen each other by then; and a better candidate has this long to claim before
 * the next does.
 */
const CLAIM_STEP_MS = 300;
const LAST_RETRY_MS = 5000;
/** A server that comes up goes through several errors in a row. */
const SAY_AGAIN_MS = 5000;
/** A killed process is gone in a moment, unless it hangs in the kernel. */
const DISARM_PATIENCE_MS = 2000;
/** While the lease may still be there, each moment counts. */
const RENEW_AGAIN_MS = 100;

export class EtcdMachine extends Machine<Role, EtcdEvent, EtcdOwnEffect, EtcdTimer> {
  readonly settings: EtcdSettings;
  declare readonly status: EtcdStatus;

  /** Its clock is the boot-time clock. */
  constructor(settings: EtcdSettings) {
    super(ETCD_TRANSITIONS, freshStatus());
    this.settings = settings;
  }

  /** `at`: by the boot-time clock. */
  timerAt(timer: EtcdTimer, at: number): void {
    this.timer(timer, Math.max(0, at - this.now));
  }

  join(): void {
    this.enter("joining");
    this.effect({ do: "join" });
  }

  /**
   * Says what is wrong once, and again when it is something else by now; tries again, less and less often.
   */
  retry(text: string): void {
    const { status } = this;
    const isNews = status.problem === null ||
      (status.problem !== text && this.now - status.saidAt >= SAY_AGAIN_MS);
    if (isNews) {
      this.log("warning", text);
      status.saidAt = this.now;
    }
    status.problem = text;
    this.timerAt("retry", this.now + status.retryMs);
    status.retryMs = Math.min(status.retryMs * 2, LAST_RETRY_MS);
  }

  /** The lease was confirmed. */
  extend(grant: LeaseGrant): void {
    const { status } = this;
    if (status.lease === null) return;
    if (status.problem !== null) this.log("info", "etcd answers again");
    status.problem = null;
    status.retryMs = FIRST_RETRY_MS;
    status.lease = { id: status.lease.id, ...grant };
    this.timerAt("renew", renewalDue(grant));
  }

  renew(): void {
    const { status } = this;
    if (status.lease === null || status.renewing) return;
    status.renewing = true;
    // A tenure is not written before that of the lord before is over, nor when ours is.
    const writes = status.state === "arming" || status.state === "lord" || status.state === "vacating";
    this.effect({ do: "renew", lease: status.lease.id, token: writes ? status.token : null });
  }

  /** The renewal failed, and the lease may still be there. */
  renewAgain(text: string): void {
    const { status } = this;
    if (status.problem === null) this.log("warning", text);
    status.problem = text;
    const isUrgent = status.lease !== null && this.now < deadlineOf(status.lease);
    this.timerAt("renew", this.now + (isUrgent ? RENEW_AGAIN_MS : status.retryMs));
    if (!isUrgent) status.retryMs = Math.min(status.retryMs * 2, LAST_RETRY_MS);
  }

  /** Our tenure was written: what runs may run until then. */
  hold(effect: "arm" | "push", grant: LeaseGrant): void {
    this.status.deadline = deadlineOf(grant);
    this.effect({ do: effect, deadline: this.status.deadline });
  }

  /** When the daemons are told to stop unless the tenure is written anew before. */
  watchDeadline(): void {
    const { lease, deadline } = this.status;
    if (lease === null) return;
    this.timerAt("stepDown", deadline - Math.min(this.settings.grace, longestGrace(lease.ttl)));
  }

  /** When nothing that the lord before ran can run any more, by our own clock; 0: it is so. */
  freeAt(): number {
    const { directory: { tenure }, seen, ended } = this.status;
    if (tenure === null || tenure.released || tenure.revision === ended || seen === null) return 0;
    return seen.at + tenure.ttl;
  }

  /** Whether we are the lord by what stands in etcd. */
  holdsKey(): boolean {
    const { directory, lease } = this.status;
    return directory.lord !== null && lease !== null && directory.lord.lease === lease.id &&
      directory.lord.uuid === this.settings.self.uuid;
  }

  /**
   * A candidate looks whether it should claim the lordship, and when: the best at once, each other later than
   * its betters.
   */
  consider(): void {
    const { status, settings } = this;
    if (status.directory.lord !== null) return this.clear("claim");
    if (settings.self.valor <= 0 || !status.wanted) return;
    const better = status.directory.candidates.filter((other) => outranks(other, settings.self));
    this.timerAt("claim", status.lordlessSince + CLAIM_STEP_MS * better.length);
  }

  /** A lord's key without a lease was put there by hand, or restored, and would stand for ever. */
  warnOfStrayKey(): void {
    const { lord } = this.status.directory;
    if (lord === null || lord.lease !== "0" || this.status.stray === lord.token) return;
    this.status.stray = lord.token;
    this.log("warning", "the lord's key in etcd has no lease, so that nobody can become lord: delete it");
  }

  /** Not before those who start at the same time are heard. */
  beginWaiting(): void {
    this.status.lordlessSince = this.now + CLAIM_STEP_MS;
  }

  read(directory: Directory): void {
    const { status } = this;
    const { tenure } = directory;
    // It was written before it was read: whatever it allows ends no later than that much after now.
    if (tenure !== null && tenure.revision !== status.seen?.revision) {
      status.seen = { revision: tenure.revision, at: this.now };
    }
    const before = status.directory.lord;
    status.directory = directory;
    if (before !== null && directory.lord === null) {
      status.lordlessSince = Math.max(status.lordlessSince, this.now);
    }
  }

  /** The lease is kept until nothing is left that it stood for. */
  disarm(): void {
    this.clear("stepDown");
    this.enter("disarming");
    this.watchDisarming();
    this.effect({ do: "disarm" });
  }

  watchDisarming(): void {
    this.timerAt("disarm", this.now + DISARM_PATIENCE_MS);
  }

  /** Nothing runs: tenure and lease are given back, whether that succeeds or not. */
  leave(): void {
    const { status } = this;
    for (const timer of ["retry", "renew", "claim", "succeed", "stepDown", "disarm"] as const) {
      this.clear(timer);
    }
    const lease = status.lease?.id ?? null;
    const { tenure } = status;
    if (tenure !== null) status.ended = tenure;
    status.token = null;
    status.tenure = null;
    status.renewing = false;
    status.lease = null;
    if (lease === null && tenure === null) return this.rest();
    this.enter("leaving");
    this.effect({ do: "leave", lease, tenure });
  }

  /** Nothing is held. */
  rest(): void {
    const { status } = this;
    status.directory = NOTHING;
    status.token = null;
    status.tenure = null;
    status.lease = null;
    status.renewing = false;
    this.enter("out");
    if (status.closing) return this.effect({ do: "closed" });
    if (!status.wanted) return;
    if (status.suspendedUntil > this.now) this.timerAt("retry", status.suspendedUntil);
    else this.join();
  }
}

/**
 * The better lord of two candidates is the one with the higher valor, then with the greater uuid, byte by
 * byte, as in uWSGI's elections.
 */
function outranks(other: NodeId, self: NodeId): boolean {
  if (other.valor <= 0) return false;
  if (other.valor !== self.valor) return other.valor > self.valor;
  return other.uuid > self.uuid;
}
