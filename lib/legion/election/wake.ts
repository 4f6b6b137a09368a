/**
 * When the election has to look again although nothing was heard: the earliest of all its deadlines. Pure.
 * Too early costs a look, too late would break a promise: every rule that ends with time has its line here.
 */
import type { ElectionState } from "./types.ts";
import type { Timing } from "./timing.ts";

/** Always later than `now`. */
export function wakeTime(state: ElectionState, timing: Timing, now: number): number {
  const { settings } = state;
  let wake = Infinity;
  const consider = (time: number) => {
    if (time > now && time < wake) wake = time;
  };
  consider(Math.max(state.announceAt, state.life === "running" ? state.quietUntil : now));
  if (state.newsAt !== null) consider(Math.max(state.newsAt, state.quietUntil));
  for (const { seenAt } of state.departed) consider(seenAt + settings.tolerance);
  for (const { seenAt, heardAt } of state.members) {
    consider(Math.max(seenAt + settings.tolerance, state.patientUntil));
    if (timing.strict) consider(heardAt + timing.lease);
  }
  if (state.life === "suspended") consider(state.suspendedUntil);
  consider(state.electableAt);
  consider(state.deafUntil);
  if (state.readySince !== null) consider(state.readySince + settings.tolerance);
  if (state.lock !== null) consider(state.lock.at + timing.lock);
  if (state.term !== 0) {
    consider(state.leaseEndsAt);
    consider(state.agreedAt + settings.tolerance);
  }
  if (timing.strict && state.life === "running") consider(now + timing.heartbeat);
  return Math.max(wake, now + 1);
}
