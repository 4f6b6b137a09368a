/**
 * The node that another one names in its announcements. Pure. With a quorum of two or more a name is a
 * promise: for as long as anybody may count on it, no other is named, and this alone is what keeps two lords
 * apart (docs/legion.md has the proof).
 */
import { memberIndex } from "./members.ts";
import type { ElectionState } from "./types.ts";
import type { Timing } from "./timing.ts";

/** The uuid to be named; "": nobody for now. */
export function ballotOf(state: ElectionState, { strict, lease, lock }: Timing, now: number): string {
  const { settings, candidateUuid: candidate, members } = state;
  if (!strict) return candidate;
  // A lord is its own first vote: it does not help another into office while it holds it.
  if (state.term !== 0) return settings.self.uuid;
  if (isLocked(state, candidate, lock, now)) return "";
  if (candidate === settings.self.uuid) return candidate;
  const member = members[memberIndex(members, candidate)];
  // One that has gone silent is not named any more, so that the promise has lapsed when it is dropped.
  return member !== undefined && now < member.heardAt + lease ? candidate : "";
}

/** Another than `candidate` was named not long enough ago. */
function isLocked(
  { lock }: Pick<ElectionState, "lock">,
  candidate: string,
  span: number,
  now: number,
): boolean {
  return lock !== null && lock.uuid !== candidate && now < lock.at + span;
}
