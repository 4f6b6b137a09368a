/**
 * The part that decides whether this node is its legion's lord: uWSGI's packets or etcd. A Legion has one
 * Elector and does not know which; it runs the hooks, gates the daemons and shows the state. Types only.
 */
import type { NodeId } from "./announcement.ts";
import type { LordGuard } from "../guard/port.ts";

/** Another node, as it was last heard. */
export interface Member extends NodeId {
  readonly checksum: bigint;
  /** The right lord in its eyes; "": nobody. */
  readonly lordValor: number;
  readonly lordUuid: string;
  /** It says that it is the lord: since when, seconds since 1970; 0: it is not. */
  readonly lord: number;
  /** Seconds since 1970. */
  readonly lastSeen: number;
  readonly scroll: string | null;
}

export interface ElectorState {
  readonly id: NodeId;
  /** Own address and those of the configured peers, as they were written. */
  readonly address: string;
  readonly nodes: readonly string[];
  readonly members: readonly Member[];
  readonly checksum: bigint;
  /** The checksum of the last round; 0: the members do not agree. */
  readonly votes: number;
  readonly quorum: number;
  /** The right lord in this node's eyes; "": nobody. */
  readonly lordValor: number;
  readonly lordUuid: string;
  readonly lordScroll: string | null;
  /** Why it takes no part at the moment, for people; null: it does. */
  readonly problem: string | null;
  /** How many packets were dropped since the start, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

/** One lordship. */
export interface Term {
  /**
   * The value that its daemons see as REEVE_LEGION_TERM: it grows from one lordship to the next as long as
   * clocks agree.
   */
  readonly number: number;
  /**
   * Grows from one lordship to the next, whatever clocks do (etcd's creation revision); null: the transport
   * has none.
   */
  readonly token: string | null;
}

/**
 * The events that an Elector tells its Legion. Called in the event loop, never from within a call of the
 * Legion's.
 */
export interface ElectorEvents {
  /** This node may be lord: the lord hooks are to run, and then `confirm` or `decline` is to be called. */
  chosen(term: Term): void;
  /** It no longer may, at once; also while its lord hooks run. `why`: for the log. */
  deposed(why: string): void;
  /** The first time that the quorum was reached. */
  joined(): void;
  nodeJoined(id: NodeId): void;
  /** `died`: it said so itself; then uWSGI runs no hook. */
  nodeLeft(id: NodeId, died: boolean): void;
}

export interface Elector {
  /** Rejects when it cannot ever take part: a wrong address, one that is in use. */
  start(events: ElectorEvents): Promise<void>;
  /** The lord hooks are done: this node is the lord. */
  confirm(): void;
  /** A lord hook failed: out of the election for so many seconds. */
  decline(seconds: number): void;
  /** After `deposed`: none of the legion's daemons runs here any more, so that another may be lord. */
  vacated(): void;
  /** reeve stops or reloads: another node is to take over. Called before the legion's daemons are stopped. */
  leave(): void;
  /** The legion's daemons are down: everything is let go of. */
  close(): Promise<void>;
  state(): ElectorState;
  /**
   * Whether the lordship still stands at this instant. A process that slept does much else before it is told
   * `deposed`. Absent: what was told is all there is.
   */
  stands?(term: Term): boolean;
  /**
   * Where the transport promises that no daemon outlives its lordship: under what they have to be born; null:
   * nothing now. Absent: daemons are born as all others.
   */
  readonly guard?: LordGuard | null;
  /**
   * The guard's rule: how long a daemon that wants so many milliseconds to stop may have when the lordship
   * runs out.
   */
  graceOf?(wanted: number): number;
}
