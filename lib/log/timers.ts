/**
 * Timers as injected: what waits for time takes one of these, and a test passes a fake whose time it moves itself.
 */
export interface Timers {
  /** Runs once after so many milliseconds. `cancel` of a timer that has fired does nothing. */
  after(milliseconds: number, run: () => void): { cancel(): void };
}

/** Timers of the event loop. */
export const LOOP_TIMERS: Timers = {
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** The same for what must not keep a finished program alive, as a log that cannot be written. */
export const IDLE_TIMERS: Timers = {
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
