/**
 * The election's vocabulary: what it is told, what it remembers, what it wants done. Types only. Times are
 * milliseconds of one clock that goes on while the machine sleeps (CLOCK_BOOTTIME); the wall clock stands in
 * packets alone.
 */
import type { LegionEvent } from "../../config/plan/legion_plan.ts";
import type { Announcement, NodeId } from "./announcement.ts";

export type Level = "debug" | "info" | "warning" | "error";

/** Now: `clock` in milliseconds as above, `unix` in whole seconds since 1970. */
export interface Moment {
  readonly clock: number;
  readonly unix: number;
}

export interface ElectionSettings {
  readonly legion: string;
  readonly self: NodeId;
  readonly pid: number;
  /** Votes that a lord needs, at least 1. */
  readonly quorum: number;
  /** Milliseconds. */
  readonly freq: number;
  readonly tolerance: number;
  /** Milliseconds out of the election after a failed lord hook; null: such a failure changes nothing. */
  readonly suspension: number | null;
  readonly scroll: string | null;
  /** Bytes: a longer scroll of a lord is not shown. */
  readonly scrollMaxSize: number;
}

/** Another node, alive as far as is known. */
export interface Member {
  readonly id: NodeId;
  readonly seenAt: number;
  /** The same, of what was certainly heard in time. */
  readonly heardAt: number;
  /**
   * When it last named us as we stand now, and was heard in time; -Infinity: what it said last is no vote for
   * us.
   */
  readonly votedAt: number;
  readonly checksum: bigint;
  readonly lord: number;
  readonly lordValor: number;
  readonly lordUuid: string;
  readonly holding: boolean;
  /** How often it has ceased to name itself. */
  readonly candidacy: number;
  readonly scroll: string | null;
}

/** One that announced its death. */
export interface Departed {
  readonly uuid: string;
  /** Packets that it sent before this second are old. */
  readonly unix: number;
  readonly seenAt: number;
  /** Daemons that it ran as lord are not gone yet. */
  readonly holding: boolean;
}

export type Input =
  /** Authentic, of this legion, in its time window: the wire has seen to that. */
  | { readonly type: "announcementReceived"; readonly announcement: Announcement }
  /** The time of `wakeAt` has come; more often does no harm. */
  | { readonly type: "tick" }
  | { readonly type: "lordHookFailed" }
  /**
   * Everything that ran under the lordship that was ceased is gone: daemons ended, hooks of unlord or death
   * returned.
   */
  | { readonly type: "released" }
  /**
   * The instance stops or reloads, and leaves this legion. Nothing but "released" and "tick" is heard
   * afterwards.
   */
  | { readonly type: "stopAsked" };

export type CeaseReason = "quorum" | "disagreement" | "superseded" | "hookFailed" | "stopAsked";

/** In the order in which they are to be carried out. */
export type Effect =
  | { readonly do: "announce"; readonly announcement: Announcement }
  /** `node`: of node-joined and node-left. Those of unlord and death are done when the daemons are gone. */
  | { readonly do: "runHooks"; readonly event: LegionEvent; readonly node: NodeId | null }
  /** Daemons start when the lord hooks, asked for right before this, have returned. */
  | { readonly do: "becomeLord"; readonly term: number }
  /** Daemons stop at once; then "released" is to be told, also when there was nothing to stop. */
  | { readonly do: "ceaseLord"; readonly reason: CeaseReason }
  | { readonly do: "log"; readonly level: Level; readonly text: string };

/**
 * The last of others whom we named in a packet. Another may be named once nobody can count on that any more.
 */
export interface Lock {
  readonly uuid: string;
  /** The term of that node; 0: it had not told us of any. */
  readonly candidacy: number;
  readonly at: number;
}

export interface ElectionState {
  readonly settings: ElectionSettings;
  /** suspended: dead for the others until `suspendedUntil`; leaving: for good. */
  readonly life: "running" | "suspended" | "leaving";
  readonly startedAt: number;
  readonly members: readonly Member[];
  readonly departed: readonly Departed[];
  readonly checksum: bigint;
  /** The lord that the packets name; "": nobody. */
  readonly namedUuid: string;
  readonly namedValor: number;
  /** The best that is known, ourselves included; "": there is none (arbiters alone). */
  readonly candidateUuid: string;
  readonly candidateValor: number;
  readonly votes: number;
  /** Our lordship's number, announced as uWSGI's `lord`; 0: not the lord. */
  readonly term: number;
  /** Until when the votes at hand carry a lordship; of a lord alone. */
  readonly leaseEndsAt: number;
  /** When nobody disagreed last; of a lord alone. */
  readonly agreedAt: number;
  readonly holding: boolean;
  readonly lock: Lock | null;
  /** Nothing is announced before. */
  readonly quietUntil: number;
  readonly electableAt: number;
  /** A packet heard before may have been late: it is no vote, and nobody is named for it. */
  readonly deafUntil: number;
  /** No member is dropped before: those who spoke while we slept have to be heard first. */
  readonly patientUntil: number;
  /** How often we have ceased to name ourselves: votes for an earlier candidacy do not count. */
  readonly candidacy: number;
  /** Nor do those that name none and are heard before. */
  readonly anewUntil: number;
  readonly suspendedUntil: number;
  /** Since when nothing but another's claim keeps us from being lord; null: more does. */
  readonly readySince: number | null;
  readonly joined: boolean;
  /** The quorum's report is due. */
  readonly changed: boolean;
  readonly warnedAt: number;
  readonly crowdedAt: number;
  readonly greatestTerm: number;
  /** The next announcement of the regular ones. */
  readonly announceAt: number;
  /** When news that had to wait may go out; null: there are none. */
  readonly newsAt: number | null;
  readonly newsTokens: number;
  readonly newsFilledAt: number;
  /** The last announcement, to tell news from repetition; null: none was made yet. */
  readonly said: Announcement | null;
  /** When the next "tick" is due. */
  readonly wakeAt: number;
}

export interface Step {
  readonly state: ElectionState;
  readonly effects: readonly Effect[];
}
