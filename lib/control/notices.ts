/**
 * Notices as pebble's clients know them: for each type and key one, which is repeated whenever it happens
 * again. Pure: the time comes in. The last 500 that were repeated are kept.
 */

export interface Notice {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly first: number;
  readonly last: number;
  readonly occurrences: number;
  readonly data: Readonly<Record<string, string>>;
}

const MOST_KEPT = 500;

export class Notices {
  readonly #now: () => number;
  /** The one that was repeated last stands last. */
  readonly #notices = new Map<string, Notice>();
  readonly #listeners = new Set<() => void>();
  #nextId = 1;
  #last = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  record(type: string, key: string, data: Readonly<Record<string, string>>): void {
    const name = `${type} ${key}`;
    const before = this.#notices.get(name);
    // Each later than the one before, so that nobody who asks for what came after one misses the next.
    const at = Math.max(this.#now(), this.#last + 1);
    this.#last = at;
    this.#notices.delete(name);
    this.#notices.set(name, {
      id: before?.id ?? String(this.#nextId++),
      type,
      key,
      first: before?.first ?? at,
      last: at,
      occurrences: (before?.occurrences ?? 0) + 1,
      data,
    });
    for (const [oldest] of this.#notices) {
      if (this.#notices.size <= MOST_KEPT) break;
      this.#notices.delete(oldest);
    }
    for (const listener of this.#listeners) listener();
  }

  /** Those that were repeated after that time, in that order; [] types or keys: all. */
  after(time: number, types: readonly string[], keys: readonly string[]): readonly Notice[] {
    return [...this.#notices.values()].filter(({ last, type, key }) =>
      last > time && (types.length === 0 || types.includes(type)) && (keys.length === 0 || keys.includes(key))
    );
  }

  find(id: string): Notice | null {
    return this.#notices.values().find((notice) => notice.id === id) ?? null;
  }

  listen(came: () => void): { remove(): void } {
    this.#listeners.add(came);
    return { remove: () => void this.#listeners.delete(came) };
  }
}
