/**
 * Tells a packet that is news from one that was sent long ago, or twice. A packet has whole seconds and
 * nothing more, and where the sender is a reeve with legion-auth a sequence number. Pure: time comes in. Must
 * never remember more than a bounded number of senders.
 */

export interface Arrival {
  readonly uuid: string;
  /** The sender's stamp, seconds since 1970. */
  readonly unix: number;
  readonly sequence: number | null;
  readonly dead: boolean;
  /** Seconds since 1970 and monotonic milliseconds of here and now. */
  readonly wall: number;
  readonly now: number;
}

/**
 * clock: the stamp is too far from this clock. replay: it is no newer than what came before. crowd: there is
 * no room for one more sender.
 */
export type ReplayVerdict = "news" | "clock" | "replay" | "crowd";

interface Sender {
  stamp: number;
  /** Monotonic milliseconds when `stamp` was first seen. */
  since: number;
  sequence: number;
  dead: boolean;
}

/** A second lasts a second, and a packet may be late: after that the same stamp again is a copy. */
const STAMP_LIFE_MS = 3000;
/** Uuids that sent a genuine packet within the tolerance of clocks; each start of a node makes one. */
const MOST_SENDERS = 4096;

export class ReplayGuard {
  readonly #tolerance: number;
  readonly #senders = new Map<string, Sender>();

  /** `tolerance`: seconds that a stamp may be off, in both directions. */
  constructor(tolerance: number) {
    this.#tolerance = tolerance;
  }

  get size(): number {
    return this.#senders.size;
  }

  judge(arrival: Arrival): ReplayVerdict {
    const { unix, wall } = arrival;
    // uWSGI takes stamps of the future too, and so every one of them could be replayed until then.
    if (unix < Math.floor(wall) - this.#tolerance || unix > wall + this.#tolerance) return "clock";
    const sender = this.#senders.get(arrival.uuid);
    // A stamp that far ahead of this clock was heard before the clock was set back: copies of it are refused
    // as they are.
    if (sender === undefined || (arrival.sequence === null && sender.stamp > wall + this.#tolerance)) {
      return this.#welcome(arrival);
    }
    if (!isNews(sender, arrival)) return "replay";
    if (unix > sender.stamp) {
      sender.stamp = unix;
      sender.since = arrival.now;
    }
    sender.sequence = arrival.sequence ?? sender.sequence;
    sender.dead = arrival.dead;
    return "news";
  }

  #welcome({ uuid, unix, sequence, dead, wall, now }: Arrival): ReplayVerdict {
    const isNew = !this.#senders.has(uuid);
    if (isNew && this.#senders.size >= MOST_SENDERS) this.#forget(wall);
    if (isNew && this.#senders.size >= MOST_SENDERS) return "crowd";
    this.#senders.set(uuid, { stamp: unix, since: now, sequence: sequence ?? -1, dead });
    return "news";
  }

  /** A sender whose newest stamp is too old by now needs no memory: every copy is too old as well. */
  #forget(wall: number): void {
    for (const [uuid, { stamp }] of this.#senders) {
      if (stamp < Math.floor(wall) - this.#tolerance) this.#senders.delete(uuid);
    }
  }
}

function isNews(sender: Sender, { unix, sequence, now, dead }: Arrival): boolean {
  if (sequence !== null) return sequence > sender.sequence;
  if (unix !== sender.stamp) return unix > sender.stamp;
  // The dead say only that they are, and when what they ran is gone; one that comes back does so after its
  // suspension.
  return (!sender.dead || dead) && now - sender.since <= STAMP_LIFE_MS;
}
