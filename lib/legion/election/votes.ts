/**
 * The sum of the members' last announcements: agreement as uWSGI counts it, and how long the votes for us
 * carry a lordship. Pure.
 */
import type { ElectionState, Member } from "./types.ts";

export interface Tally {
  /**
   * uWSGI 2.0: 1 for ourselves and 1 for each member that knows the same nodes and names the same lord; 0
   * when any does not.
   */
  readonly votes: number;
  /** Somebody names another lord, or knows other nodes. One that names nobody yet is no opponent. */
  readonly opposed: boolean;
}

export function tallyOf(
  state: Pick<ElectionState, "members" | "checksum" | "namedUuid" | "namedValor">,
): Tally {
  const { members, checksum, namedUuid, namedValor } = state;
  let unanimous = namedUuid !== "";
  let opposed = false;
  for (const member of members) {
    const same = member.lordUuid === namedUuid && member.lordValor === namedValor &&
      member.checksum === checksum;
    if (same) continue;
    unanimous = false;
    if (member.lordUuid !== "") opposed = true;
  }
  return { votes: unanimous ? 1 + members.length : 0, opposed };
}

/** How many votes for us are fresh, our own included. */
export function freshVotes(members: readonly Member[], lease: number, now: number): number {
  let votes = 1;
  for (const { votedAt } of members) if (now < votedAt + lease) votes += 1;
  return votes;
}

/**
 * When less than `quorum` votes for us will be fresh unless more come; -Infinity: there are too few already.
 */
export function leaseEnd(members: readonly Member[], quorum: number, lease: number): number {
  if (quorum <= 1) return Infinity;
  if (members.length < quorum - 1) return -Infinity;
  const times = members.map(({ votedAt }) => votedAt).sort((a, b) => b - a);
  return times[quorum - 2]! + lease;
}
