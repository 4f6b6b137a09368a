/**
 * Waits until somebody serves the sockets from which a jail gets its namespaces, as uWSGI 2.0 does: it tries
 * again every second, for ever. Joins nothing.
 */
import type { JoinPlan } from "../config/plan/jail_plan.ts";
import { closeFd } from "../sys/file/descriptor.ts";
import type { Timers } from "../sys/timers.ts";
import { askForNamespaces, NotServed } from "./setns_client.ts";

const AGAIN_MS = 1000;

export interface SetnsWaitDeps {
  readonly timers: Timers;
  readonly log: (text: string) => void;
}

/** Rejects with the signal's reason, or an Error that says what is wrong with a server. */
export async function untilServed(
  plans: readonly JoinPlan[],
  deps: SetnsWaitDeps,
  signal: AbortSignal,
): Promise<void> {
  for (const plan of plans) {
    if (plan.kind !== "socket") continue;
    let told = "";
    for (let why = whyNotServed(plan.path); why !== null; why = whyNotServed(plan.path)) {
      if (why !== told) deps.log(`${why}: waiting for it`);
      told = why;
      await pause(deps.timers, signal);
    }
  }
}

/** null: it is served. */
function whyNotServed(path: string): string | null {
  try {
    for (const { fd } of askForNamespaces(path)) closeFd(fd);
    return null;
  } catch (error) {
    if (error instanceof NotServed) return error.message;
    throw error;
  }
}

function pause(timers: Timers, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = timers.after(AGAIN_MS, () => {
    signal.removeEventListener("abort", callOff);
    resolve();
  });
  const callOff = (): void => {
    timer.cancel();
    reject(signal.reason);
  };
  signal.addEventListener("abort", callOff, { once: true });
  return promise;
}
