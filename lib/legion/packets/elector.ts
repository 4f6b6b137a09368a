/**
 * The Elector over uWSGI's packets: gives the pure election its inputs and its time, and carries its effects
 * out. Must never decide; what happens next is in election.ts.
 */
import type { LegionPlan } from "../../config/plan/legion_plan.ts";
import type { Announcement } from "../election/announcement.ts";
import type { Timers } from "../../sys/timers.ts";
import { encodeText } from "../../sys/byte_text.ts";
import { errorText } from "../../sys/error_text.ts";
import { settingsOf, startElection, step } from "../election/election.ts";
import type { CeaseReason, Effect, ElectionState, Input, Moment, Step } from "../election/types.ts";
import type { Elector, ElectorEvents, ElectorState, Term } from "../election/elector.ts";
import { electorState } from "./state.ts";
import type { Packets } from "./packets.ts";
import type { Refusals } from "./refusals.ts";
import { StampClock } from "./stamp_clock.ts";
import type { Transport } from "./transport.ts";

export interface PacketElectorDeps {
  readonly plan: LegionPlan;
  /** The uuid is new with each process, the name is the host's. */
  readonly self: { readonly uuid: string; readonly name: string; readonly pid: number };
  readonly transport: Transport;
  readonly packets: Packets;
  readonly refusals: Refusals;
  readonly timers: Timers;
  /** Milliseconds of a clock that goes on while the machine sleeps. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  readonly log: (level: "debug" | "info" | "warning" | "error", text: string) => void;
}

const WHY: Readonly<Record<CeaseReason, string>> = {
  quorum: "its quorum is lost",
  disagreement: "its nodes disagree",
  superseded: "another node is to be lord",
  hookFailed: "a lord hook failed",
  stopAsked: "reeve ends or reloads",
};
/** The largest payload of UDP over IPv4. */
const LARGEST_PACKET = 65_507;
/** The scroll's key, two lengths, the padding of a cipher's block; and what reeve says beyond uWSGI. */
const OVERHEAD = 256;
/** Looks this often whether it can hear the others by now, milliseconds. */
const DEAF_MS = 1000;

export class PacketElector implements Elector {
  readonly #deps: PacketElectorDeps;
  readonly #stamps: StampClock;
  readonly #queue: Input[] = [];
  #isStepping = false;
  #events: ElectorEvents | null = null;
  #state: ElectionState | null = null;
  #timer: { cancel(): void } | null = null;

  constructor(deps: PacketElectorDeps) {
    this.#deps = deps;
    this.#stamps = new StampClock(deps.plan.skewTolerance);
  }

  async start(events: ElectorEvents): Promise<void> {
    this.#events = events;
    this.#checkSize();
    await this.#deps.transport.open((packet, from) => this.#heard(packet, from));
    this.#begin();
  }

  confirm(): void {
    // To the election, who may be lord is the lord.
  }

  decline(_seconds: number): void {
    this.#take({ type: "lordHookFailed" });
  }

  vacated(): void {
    this.#take({ type: "released" });
  }

  leave(): void {
    this.#take({ type: "stopAsked" });
  }

  close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#state = null;
    this.#deps.transport.close();
    return Promise.resolve();
  }

  /** Votes that have lapsed carry nothing, whether or not the election has looked at the clock since. */
  stands({ number }: Term): boolean {
    return this.#state?.term === number && this.#deps.now() < this.#state.leaseEndsAt;
  }

  state(): ElectorState {
    return electorState(this.#state, this.#deps, this.#moment().clock);
  }

  /** A node whose announcements do not fit into a packet would never be heard. Throws. */
  #checkSize(): void {
    const { plan, self, packets } = this.#deps;
    const { scroll } = plan;
    const most = Number.MAX_SAFE_INTEGER;
    const size = (text: string | null): number =>
      packets.seal({
        legion: plan.name,
        id: { uuid: self.uuid, name: self.name, valor: plan.valor },
        pid: self.pid,
        unix: most,
        lord: most,
        checksum: (1n << 64n) - 1n,
        lordValor: most,
        lordUuid: self.uuid,
        scroll: text,
        dead: true,
      }).length;
    const room = LARGEST_PACKET - size(null) - OVERHEAD;
    const bytes = scroll === null ? 0 : encodeText(scroll).length;
    if (bytes > room) {
      throw new Error(`cannot announce a scroll of ${bytes} bytes: a packet has room for ${room}`);
    }
  }

  /** A node that cannot hear the others would elect itself: it waits. */
  #begin(): void {
    const { transport, plan, self, timers } = this.#deps;
    if (transport.problem === null) {
      return this.#carryOut(startElection(settingsOf(plan, self), this.#moment()));
    }
    this.#timer = timers.after(DEAF_MS, () => {
      this.#timer = null;
      transport.mend();
      this.#begin();
    });
  }

  #heard(packet: Uint8Array, from: string): void {
    if (this.#state === null) return;
    const { packets, refusals, wall, now } = this.#deps;
    const opened = packets.open(packet, { wall: wall() / 1000, now: now() });
    if (opened.kind === "refused") refusals.add(opened.reason, from, now());
    else if (opened.kind === "news") {
      const announcement = this.#withoutLongScroll(opened.announcement);
      this.#take({ type: "announcementReceived", announcement });
    }
  }

  /** uWSGI 2.0: legion-scroll-max-size. What is longer is not kept. */
  #withoutLongScroll(announcement: Announcement): Announcement {
    const { scroll } = announcement;
    if (scroll === null || Buffer.byteLength(scroll) <= this.#deps.plan.scrollMaxSize) return announcement;
    return { ...announcement, scroll: null };
  }

  /** One after the other: what an effect brings about comes after all effects. */
  #take(input: Input): void {
    this.#queue.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        if (this.#state !== null) this.#carryOut(step(this.#state, next, this.#moment()));
      }
    } finally {
      this.#isStepping = false;
    }
  }

  #carryOut({ state, effects }: Step): void {
    this.#state = state;
    for (const effect of effects) {
      try {
        this.#run(effect);
      } catch (error) {
        this.#deps.log("error", `cannot ${effect.do}: ${errorText(error)}`);
      }
    }
    this.#wake();
  }

  #wake(): void {
    this.#timer?.cancel();
    if (this.#state === null) return;
    const wait = Math.max(0, this.#state.wakeAt - this.#deps.now());
    this.#timer = this.#deps.timers.after(wait, () => this.#take({ type: "tick" }));
  }

  #run(effect: Effect): void {
    const { transport, packets, log } = this.#deps;
    switch (effect.do) {
      case "announce":
        return transport.send(packets.seal(effect.announcement));
      case "log":
        return log(effect.level, effect.text);
      case "becomeLord":
        return this.#tell((events) => events.chosen({ number: effect.term, token: null }));
      case "ceaseLord":
        return this.#tell((events) => events.deposed(WHY[effect.reason]));
      case "runHooks":
        return this.#tellHooks(effect);
    }
  }

  /** Those of a lordship, of setup and of death are the Legion's own to run. */
  #tellHooks({ event, node }: Extract<Effect, { readonly do: "runHooks" }>): void {
    if (event === "join") this.#tell((events) => events.joined());
    else if (node === null) return;
    else if (event === "node-joined") this.#tell((events) => events.nodeJoined(node));
    else if (event === "node-left") this.#tell((events) => events.nodeLeft(node, false));
  }

  /** In order, and not from within a call of the Legion's. */
  #tell(tell: (events: ElectorEvents) => void): void {
    const events = this.#events;
    if (events !== null) queueMicrotask(() => tell(events));
  }

  #moment(): Moment {
    const clock = this.#deps.now();
    return { clock, unix: this.#stamps.read(this.#deps.wall(), clock) };
  }
}
