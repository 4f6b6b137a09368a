/**
 * The events of an instance, the last 1,000 of them by their numbers, so that a client goes on where it was
 * cut off. Pure: the time comes in; whoever listens is called, and must not hold the caller up.
 */

export interface InstanceEvent {
  /** From 1, one more with each. */
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kind: "state" | "change" | "reload" | "stop";
  /** null: it is about the instance. */
  readonly daemon: string | null;
  /** The states before and after; null: it is no change of state. */
  readonly from: string | null;
  readonly to: string | null;
  /** The user who is behind it: `root: restart`; null: nobody, it happened. */
  readonly by: string | null;
  /** The change that it is a part of. */
  readonly change: string | null;
  readonly text: string | null;
}

export type NewEvent = Pick<InstanceEvent, "kind" | "daemon"> & Partial<InstanceEvent>;

const MOST_KEPT = 1000;

export class EventRing {
  readonly #now: () => number;
  readonly #events: InstanceEvent[] = [];
  readonly #listeners = new Set<() => void>();
  #next = 1;

  /** Milliseconds since 1970. `first`: the number of the next event, where an image before has told some. */
  constructor(now: () => number, first = 1) {
    this.#now = now;
    this.#next = first;
  }

  get next(): number {
    return this.#next;
  }

  add(event: NewEvent): void {
    const none = { from: null, to: null, by: null, change: null, text: null };
    this.#events.push({ ...none, ...event, seq: this.#next++, at: this.#now() });
    // In one go now and then: a shift each time would move 1,000 each time.
    if (this.#events.length > 2 * MOST_KEPT) this.#events.splice(0, this.#events.length - MOST_KEPT);
    for (const listener of this.#listeners) listener();
  }

  /** The events behind number `seq`, and how many of them are gone already. */
  after(seq: number): { readonly lost: number; readonly events: readonly InstanceEvent[] } {
    const kept = this.#events.slice(-MOST_KEPT);
    const first = this.#next - kept.length;
    // A number that is not given yet is of an earlier reeve: all that there is comes after it.
    const from = seq >= this.#next ? 1 : Math.max(1, seq + 1);
    return { lost: Math.max(0, first - from), events: kept.slice(Math.max(0, from - first)) };
  }

  /** `came`: once or more often, whenever there is something new. */
  listen(came: () => void): { remove(): void } {
    this.#listeners.add(came);
    return { remove: () => void this.#listeners.delete(came) };
  }
}
