/**
 * Timers as injected: what waits for time takes one of these, and a test passes a fake whose time it moves
 * itself.
 */
export interface Timers {
  /** Runs once after so many milliseconds. `cancel` of a timer that has fired does nothing. */
  after(milliseconds: number, run: () => void): { cancel(): void };
}

/** The runtime fires at once when it is asked for longer: 24 days have to stand for "longer". */
const LONGEST = 0x7fff_ffff;

/** Timers of the event loop. */
export const LOOP_TIMERS: Timers = {
  after(milliseconds, run) {
    const timer = setTimeout(run, Math.min(milliseconds, LONGEST));
    return { cancel: () => clearTimeout(timer) };
  },
};

/** The same for what must not keep a finished program alive, as a log that cannot be written. */
export const IDLE_TIMERS: Timers = {
  after(milliseconds, run) {
    const timer = setTimeout(run, Math.min(milliseconds, LONGEST));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
