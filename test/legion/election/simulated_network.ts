/**
 * A network and its time for simulations: events in order of time, packets that are lost, doubled, late, out
 * of order, or cut off. Everything comes from one seed. Nothing here knows what an election is.
 */

interface Event {
  readonly time: number;
  readonly order: number;
  readonly run: () => void;
}

/** A binary heap of events; those of the same time in the order in which they were added. */
export class Timeline {
  #heap: Event[] = [];
  #order = 0;
  now = 0;

  at(time: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ time: Math.max(time, this.now), order: this.#order++, run });
    let index = heap.length - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!earlier(heap[index]!, heap[parent]!)) break;
      [heap[index], heap[parent]] = [heap[parent]!, heap[index]!];
      index = parent;
    }
  }

  /** Runs all until `end`, which is the time then. */
  run(end: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.time <= end) {
      const event = this.#pop();
      this.now = event.time;
      event.run();
    }
    this.now = end;
  }

  #pop(): Event {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let index = 0;;) {
      const left = 2 * index + 1;
      let least = index;
      if (left < heap.length && earlier(heap[left]!, heap[least]!)) least = left;
      if (left + 1 < heap.length && earlier(heap[left + 1]!, heap[least]!)) least = left + 1;
      if (least === index) return first;
      [heap[index], heap[least]] = [heap[least]!, heap[index]!];
      index = least;
    }
  }
}

function earlier(a: Event, b: Event): boolean {
  return a.time === b.time ? a.order < b.order : a.time < b.time;
}

export interface Weather {
  /** Shares of all packets. */
  loss: number;
  duplication: number;
  /** Milliseconds: every copy is on its way for a time between these. */
  leastDelay: number;
  mostDelay: number;
}

export class SimulatedNetwork {
  readonly weather: Weather;
  readonly #timeline: Timeline;
  readonly #random: () => number;
  /** "from>to" of links that carry nothing; each direction for itself. */
  readonly #cut = new Set<number>();
  readonly #size: number;

  constructor(timeline: Timeline, random: () => number, size: number, weather: Weather) {
    this.#timeline = timeline;
    this.#random = random;
    this.#size = size;
    this.weather = weather;
  }

  cut(from: number, to: number): void {
    this.#cut.add(from * this.#size + to);
  }

  heal(): void {
    this.#cut.clear();
  }

  send(from: number, to: number, deliver: () => void): void {
    if (this.#cut.has(from * this.#size + to)) return;
    const { loss, duplication, leastDelay, mostDelay } = this.weather;
    const copies = this.#random() < duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random() < loss) continue;
      const delay = leastDelay + this.#random() * (mostDelay - leastDelay);
      this.#timeline.at(this.#timeline.now + delay, deliver);
    }
  }
}
