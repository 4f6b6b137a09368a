/**
 * A node of a legion that etcd decides: runs the effects of its machine. The Elector that a Legion is given
 * in the place of uWSGI's packets. Must never decide; what happens next is in etcd/transitions.ts.
 */
import type { NodeId } from "../election/announcement.ts";
import { EtcdMachine } from "./machine.ts";
import { EtcdNeighbours } from "./neighbours.ts";
import { LeaseGone, type Reading } from "./session.ts";
import type { EtcdSession } from "./session.ts";
import { Runner } from "../../machine/runner.ts";
import type { EtcdEffect, EtcdEvent, EtcdOwnEffect, EtcdTimer } from "./state.ts";
import { longestGrace } from "./times.ts";
import { electorState } from "./view.ts";
import { EtcdWatch } from "./watch.ts";
import type { Elector, ElectorEvents, ElectorState } from "../election/elector.ts";
import { GuardKeeper } from "./guard_keeper.ts";
import type { LordGuard, StartGuard } from "../guard/port.ts";
import type { Timers } from "../../sys/timers.ts";
import { errorText } from "../../sys/error_text.ts";

export interface CandidateDeps {
  readonly self: NodeId;
  readonly session: EtcdSession;
  /** The server that answered last. */
  readonly url: () => string;
  readonly urls: readonly string[];
  /** Milliseconds: the longest stop_timeout among the legion's daemons. */
  readonly grace: number;
  readonly startGuard: StartGuard;
  readonly timers: Timers;
  /** Boot-time milliseconds. */
  readonly now: () => number;
  readonly log: (level: "debug" | "info" | "warning" | "error", text: string) => void;
}

/** The core tells daemons to stop by itself, unless it is stuck. */
const GUARD_LAG_MS = 150;
/** How long giving back the lease may hold up the end: it expires by itself as well. */
const LEAVE_PATIENCE_MS = 2000;

export class EtcdCandidate implements Elector {
  readonly #deps: CandidateDeps;
  readonly #machine: EtcdMachine;
  readonly #runner: Runner<EtcdEvent, EtcdEffect, EtcdTimer>;
  #events: ElectorEvents | null = null;
  readonly #guard: GuardKeeper;
  #watch: EtcdWatch | null = null;
  /** Calls off what belongs to the present lease. */
  #life = new AbortController();
  /** The revision of the store when it was last read: an older answer that comes late is not news. */
  #revision = 0n;
  #hasJoined = false;
  readonly #neighbours: EtcdNeighbours;
  #closed = Promise.withResolvers<void>();

  constructor(deps: CandidateDeps) {
    this.#deps = deps;
    this.#machine = new EtcdMachine({ self: deps.self, grace: deps.grace });
    this.#runner = new Runner<EtcdEvent, EtcdEffect, EtcdTimer>(this.#machine, TIMER_EVENTS, {
      now: deps.now,
      timers: deps.timers,
      log: (level, text) => deps.log(level, text),
      carryOut: (effect) => this.#carryOut(effect),
    });
    this.#neighbours = new EtcdNeighbours(deps.self);
    this.#guard = new GuardKeeper(deps.startGuard, (event) => this.#handle(event), deps.log);
  }

  /** Under which the daemons of a lordship are to be born; null while there is none, or no longer. */
  get guard(): LordGuard | null {
    return this.#guard.current;
  }

  /** Milliseconds before the deadline at which the guard is to tell a daemon to stop, if reeve has not. */
  graceOf(wanted: number): number {
    const { lease } = this.#machine.status;
    const grace = lease === null ? wanted : Math.min(wanted, longestGrace(lease.ttl));
    return Math.max(0, grace - GUARD_LAG_MS);
  }

  start(events: ElectorEvents): Promise<void> {
    this.#events = events;
    this.#handle({ type: "wanted" });
    return Promise.resolve();
  }

  confirm(): void {
    this.#deps.log("info", `is the lord, token ${this.#machine.status.token ?? ""}`);
  }

  decline(seconds: number): void {
    this.#handle({ type: "declined", seconds });
  }

  vacated(): void {
    this.#handle({ type: "vacated" });
  }

  leave(): void {
    this.#handle({ type: "leaveAsked" });
  }

  close(): Promise<void> {
    this.#handle({ type: "closeAsked" });
    return this.#closed.promise;
  }

  state(): ElectorState {
    return electorState(this.#machine.status, this.#deps.self, this.#deps.url(), this.#deps.urls);
  }

  #handle(event: EtcdEvent): void {
    this.#runner.handle(event);
  }

  #carryOut(effect: EtcdOwnEffect): void {
    switch (effect.do) {
      case "join":
        return void this.#join();
      case "renew":
        return void this.#renew(effect.lease, effect.token);
      case "claim":
        return void this.#claim(effect.lease);
      case "leave":
        return void this.#leave(effect.lease, effect.tenure);
      case "arm":
        return this.#guard.arm(effect.deadline);
      case "push":
        return this.#guard.push(effect.deadline);
      case "hush":
        return this.#guard.hush();
      case "disarm":
        return this.#guard.disarm();
      case "choose":
        return this.#tell((events) => events.chosen({ number: Number(effect.token), token: effect.token }));
      case "depose":
        return this.#tell((events) => events.deposed(effect.why));
      case "closed":
        return this.#close();
    }
  }

  /** Never from within a call of the Legion's. */
  #tell(what: (events: ElectorEvents) => void): void {
    const events = this.#events;
    if (events !== null) queueMicrotask(() => what(events));
  }

  async #join(): Promise<void> {
    const life = this.#begin();
    this.#revision = 0n;
    try {
      const { lease, reading } = await this.#deps.session.join(life);
      if (life.aborted) {
        return void this.#giveBack((signal) => this.#deps.session.leave(lease.id, signal));
      }
      this.#handle({ type: "joined", lease });
      this.#read(reading);
      if (life.aborted) return;
      this.#watch = new EtcdWatch(
        {
          changes: (revision, signal) => this.#deps.session.changes(revision, signal),
          read: (signal) => this.#deps.session.read(signal),
          url: this.#deps.url,
          timers: this.#deps.timers,
        },
        reading.revision,
        (news) => this.#read(news),
      );
      if (!this.#hasJoined) this.#tell((events) => events.joined());
      this.#hasJoined = true;
    } catch (error) {
      if (!life.aborted) this.#handle({ type: "joinFailed", text: `waiting for etcd: ${errorText(error)}` });
    }
  }

  async #renew(lease: string, token: string | null): Promise<void> {
    const life = this.#life.signal;
    try {
      const { grant, reading, tenure } = await this.#deps.session.renew(lease, token, life);
      if (life.aborted) return;
      this.#read(reading);
      if (life.aborted) return; // what was read has ended it
      this.#handle({ type: "renewed", grant, tenure });
      this.#watch?.look();
    } catch (error) {
      if (life.aborted) return;
      this.#handle({ type: "renewFailed", text: errorText(error), gone: error instanceof LeaseGone });
    }
  }

  async #claim(lease: string): Promise<void> {
    const life = this.#life.signal;
    try {
      const token = await this.#deps.session.claim(lease, Math.floor(Date.now() / 1000), life);
      if (life.aborted) return;
      if (token !== null && BigInt(token) > this.#revision) this.#revision = BigInt(token);
      this.#handle(token === null ? { type: "claimLost" } : { type: "claimed", token });
    } catch (error) {
      if (life.aborted) return;
      if (error instanceof LeaseGone) this.#handle({ type: "renewFailed", text: error.message, gone: true });
      else this.#handle({ type: "claimFailed", text: errorText(error) });
    }
  }

  async #leave(lease: string | null, tenure: string | null): Promise<void> {
    this.#end();
    const { session } = this.#deps;
    // The tenure first: whoever sees that the lord's key is gone is to find it released.
    await this.#giveBack(async (signal) => {
      if (tenure !== null) await session.release(tenure, signal);
      if (lease !== null) await session.leave(lease, signal);
    });
    this.#handle({ type: "left" });
  }

  async #giveBack(give: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const late = new AbortController();
    const timer = this.#deps.timers.after(LEAVE_PATIENCE_MS, () => late.abort());
    try {
      await give(late.signal);
    } catch (error) {
      const why = late.signal.aborted ? "no answer" : errorText(error);
      this.#deps.log(
        "warning",
        `cannot give back the lease, so that others have to wait for its end: ${why}`,
      );
    } finally {
      timer.cancel();
    }
  }

  #begin(): AbortSignal {
    this.#end();
    this.#life = new AbortController();
    return this.#life.signal;
  }

  #end(): void {
    this.#life.abort();
    this.#watch?.close();
    this.#watch = null;
  }

  #read({ directory, revision }: Reading): void {
    if (revision < this.#revision) return;
    this.#revision = revision;
    this.#handle({ type: "directoryRead", directory });
    for (const { id, isHere } of this.#neighbours.compare(directory.candidates)) {
      this.#tell((events) => isHere ? events.nodeJoined(id) : events.nodeLeft(id, false));
    }
  }

  #close(): void {
    this.#runner.clearTimers();
    this.#end();
    this.#guard.kill();
    this.#closed.resolve();
  }
}

const TIMER_EVENTS: Readonly<Record<EtcdTimer, EtcdEvent>> = {
  retry: { type: "retryDue" },
  renew: { type: "renewDue" },
  claim: { type: "claimDue" },
  stepDown: { type: "stepDownDue" },
  disarm: { type: "disarmOverdue" },
  succeed: { type: "successionDue" },
};
