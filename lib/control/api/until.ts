/** How a request waits: for what it is told of, not longer than asked, and not for a client that is gone. */
import type { Timers } from "../../sys/timers.ts";

export interface UntilOptions {
  /** Calls back whenever it may have come. */
  readonly listen: (came: () => void) => { remove(): void };
  /** null: for ever. */
  readonly timeoutMs: number | null;
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal;
  readonly timers: Timers;
}

/** Resolves when `holds`, when the time is over, or when the signal aborts. */
export async function until(holds: () => boolean, options: UntilOptions): Promise<void> {
  const { listen, timeoutMs, signal, timers } = options;
  if (holds() || signal.aborted || timeoutMs === 0) return;
  const over = Promise.withResolvers<void>();
  const end = (): void => over.resolve();
  const listener = listen(() => {
    if (holds()) end();
  });
  const timer = timeoutMs === null ? null : timers.after(timeoutMs, end);
  signal.addEventListener("abort", end);
  await over.promise;
  listener.remove();
  timer?.cancel();
  signal.removeEventListener("abort", end);
}
