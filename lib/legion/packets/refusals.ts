/**
 * Counts the packets that were refused, and says so in the log at most once a minute for each reason and
 * source. Must never grow: sources are whatever a stranger writes into a packet.
 */

const REFUSALS = {
  secret: "cannot be opened: another cipher, secret or IV, or no packet of a legion",
  malformed: "has the right secret, but is malformed",
  legion: "is of another legion",
  clock: "has a time stamp too far from this clock: check the clocks, or legion-skew-tolerance",
  replay: "is old or a copy (or its sender's clock was set back)",
  unauthenticated: "is not authenticated: legion-auth is missing there, or has another secret",
  crowd: "is of one more sender than can be remembered",
} as const;

export type Refusal = keyof typeof REFUSALS;

export type RefusalLog = (text: string, fields: { readonly from: string; readonly times: number }) => void;

interface Quiet {
  /** Monotonic milliseconds of the last line. */
  said: number;
  since: number;
}

const SAY_AGAIN_MS = 60_000;
const MOST_SOURCES = 32;
const OTHERS = "many others";

export class Refusals {
  readonly #log: RefusalLog;
  readonly #counts: Record<Refusal, number> = {
    secret: 0,
    malformed: 0,
    legion: 0,
    clock: 0,
    replay: 0,
    unauthenticated: 0,
    crowd: 0,
  };
  /** By source, for each reason. */
  readonly #quiet = new Map<Refusal, Map<string, Quiet>>();

  constructor(log: RefusalLog) {
    this.#log = log;
  }

  get counts(): Readonly<Record<Refusal, number>> {
    return this.#counts;
  }

  /** `now`: monotonic milliseconds. */
  add(reason: Refusal, source: string, now: number): void {
    this.#counts[reason] += 1;
    const sources = this.#sourcesOf(reason);
    const known = sources.has(source) || this.#hasRoom(sources, now) ? source : OTHERS;
    const quiet = sources.get(known) ?? { said: -Infinity, since: 0 };
    sources.set(known, quiet);
    quiet.since += 1;
    if (now - quiet.said < SAY_AGAIN_MS) return;
    this.#log(`a packet ${REFUSALS[reason]}`, { from: known, times: quiet.since });
    quiet.said = now;
    quiet.since = 0;
  }

  #sourcesOf(reason: Refusal): Map<string, Quiet> {
    const known = this.#quiet.get(reason) ?? new Map<string, Quiet>();
    this.#quiet.set(reason, known);
    return known;
  }

  #hasRoom(sources: Map<string, Quiet>, now: number): boolean {
    if (sources.size < MOST_SOURCES) return true;
    for (const [source, { said }] of sources) {
      if (source !== OTHERS && now - said >= SAY_AGAIN_MS) sources.delete(source);
    }
    return sources.size < MOST_SOURCES;
  }
}
