/**
 * One look of the election at the world: takes one input, settles what follows from it and from the time,
 * collects the effects. Works on a copy; the state that it was given is never changed.
 */
import { ballotOf } from "./ballot.ts";
import { hear } from "./hear.ts";
import { leave, release, resume, suspend } from "./life.ts";
import { ELECTION_LINES } from "./lines.ts";
import { cease, keepLease, stand, standAnew } from "./lordship.ts";
import { type Timing, timingOf, WARNING_INTERVAL_MS } from "./timing.ts";
import type { Effect, ElectionState, Input, Level, Moment, Step } from "./types.ts";
import { repeatDeath, speak } from "./voice.ts";
import { tallyOf } from "./votes.ts";
import { wakeTime } from "./wake.ts";
import { bestCandidate, checksumOf } from "./members.ts";

type Draft = { -readonly [K in keyof ElectionState]: ElectionState[K] };

export class ElectionRound {
  readonly draft: Draft;
  readonly timing: Timing;
  readonly clock: number;
  readonly unix: number;
  /** Somebody came or went: the sum has to be made anew. */
  recount = false;
  readonly #effects: Effect[] = [];

  constructor(state: ElectionState, now: Moment) {
    this.draft = { ...state };
    this.timing = timingOf(state.settings);
    this.clock = now.clock;
    this.unix = now.unix;
  }

  begin(): void {
    this.recount = true;
    this.effect({ do: "runHooks", event: "setup", node: null });
    this.#settle();
  }

  take(input: Input): void {
    this.#noticeSleep();
    // A lord whose votes lapsed while nothing was heard is none when it hears again.
    if (this.draft.term !== 0) this.#settle();
    switch (input.type) {
      case "announcementReceived":
        if (this.draft.life !== "leaving") hear(this, input.announcement);
        break;
      case "lordHookFailed":
        suspend(this);
        break;
      case "stopAsked":
        leave(this);
        break;
      case "released":
        release(this);
        break;
    }
    this.#settle();
  }

  finish(): Step {
    this.draft.wakeAt = wakeTime(this.draft, this.timing, this.clock);
    return { state: this.draft, effects: this.#effects };
  }

  effect(effect: Effect): void {
    this.#effects.push(effect);
  }

  log(level: Level, text: string): void {
    this.#effects.push({ do: "log", level, text });
  }

  /** Decides whom the packets name. */
  name(): void {
    const { draft, timing, clock } = this;
    const { self } = draft.settings;
    const before = draft.namedUuid;
    draft.namedUuid = ballotOf(draft, timing, clock);
    const yields = before === self.uuid && draft.namedUuid !== self.uuid && draft.said !== null;
    if (timing.strict && yields) standAnew(this);
    const valor = draft.namedUuid === self.uuid ? self.valor : draft.candidateValor;
    draft.namedValor = draft.namedUuid === "" ? 0 : valor;
  }

  /** Something that was due long ago was not done: what waits to be heard may be as old as that. */
  #noticeSleep(): void {
    const { draft, timing, clock } = this;
    const late = clock - draft.wakeAt;
    if (late <= timing.heartbeat) return;
    draft.deafUntil = clock + timing.heartbeat;
    if (late < timing.lease) return;
    draft.patientUntil = clock + 2 * draft.settings.freq;
    this.log("warning", ELECTION_LINES.slept(draft.settings.legion, late));
  }

  #settle(): void {
    const { draft, clock } = this;
    this.#expire();
    if (draft.life === "suspended" && !draft.holding && clock >= draft.suspendedUntil) resume(this);
    if (draft.life !== "running") return repeatDeath(this);
    this.#survey();
    keepLease(this);
    this.name();
    this.#judge();
    speak(this);
  }

  #expire(): void {
    const { draft, clock } = this;
    const { tolerance, legion } = draft.settings;
    if (draft.departed.some(({ seenAt }) => clock >= seenAt + tolerance)) {
      draft.departed = draft.departed.filter(({ seenAt }) => clock < seenAt + tolerance);
    }
    // One that leaves hears nobody, so nobody's silence means anything.
    if (clock < draft.patientUntil || draft.life === "leaving") return;
    if (!draft.members.some(({ seenAt }) => clock >= seenAt + tolerance)) return;
    const silent = draft.members.filter(({ seenAt }) => clock >= seenAt + tolerance);
    draft.members = draft.members.filter(({ seenAt }) => clock < seenAt + tolerance);
    this.recount = true;
    for (const { id } of silent) {
      this.log("info", ELECTION_LINES.left(id, legion));
      this.effect({ do: "runHooks", event: "node-left", node: id });
    }
  }

  #survey(): void {
    if (!this.recount) return;
    this.recount = false;
    const { draft } = this;
    const { self } = draft.settings;
    const candidate = bestCandidate(self, draft.members);
    draft.candidateUuid = candidate?.uuid ?? "";
    draft.candidateValor = candidate?.valor ?? 0;
    draft.checksum = checksumOf(self, draft.members);
    draft.changed = true;
  }

  #judge(): void {
    const { draft, clock } = this;
    const { settings } = draft;
    // uWSGI 2.0 skips its first round: the others have to be heard before anything is made of their number.
    if (clock < Math.max(draft.startedAt + settings.freq, draft.quietUntil)) return;
    const { votes, opposed } = tallyOf(draft);
    draft.votes = votes;
    if (!opposed) draft.agreedAt = clock;
    const standing = draft.namedUuid === settings.self.uuid;
    if (votes < settings.quorum) draft.readySince = null;
    if (votes >= settings.quorum) {
      this.#join();
      if (draft.term === 0 && standing) stand(this);
      else if (draft.term !== 0 && !standing) cease(this, "superseded");
    } else if (votes > 0 && clock >= draft.warnedAt + WARNING_INTERVAL_MS) {
      draft.warnedAt = clock;
      this.log("warning", ELECTION_LINES.noQuorum(votes, settings.legion, settings.quorum));
    }
    if (draft.term !== 0 && clock >= draft.agreedAt + settings.tolerance) cease(this, "disagreement");
  }

  #join(): void {
    const { draft, clock } = this;
    const { legion } = draft.settings;
    if (!draft.joined) {
      draft.joined = true;
      this.effect({ do: "runHooks", event: "join", node: null });
    }
    if (!draft.changed) return;
    draft.changed = false;
    const lord = { valor: draft.namedValor, uuid: draft.namedUuid };
    this.log("info", ELECTION_LINES.quorum(legion, lord, draft.checksum, draft.votes));
    for (const member of draft.members) {
      this.log("info", ELECTION_LINES.quorumNode(member, clock - member.seenAt));
    }
    this.log("info", ELECTION_LINES.quorumEnd);
  }
}
