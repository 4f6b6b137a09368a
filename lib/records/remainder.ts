/**
 * The processes that dumb daemons of a killed reeve left: they must not meet the ones that are about to be started. The
 * journal names the sessions; start times prove that a session is still the one that it names.
 */
import type { JournalEntry } from "./journal.ts";

export interface RunningProcess {
  readonly pid: number;
  readonly startTime: bigint;
  readonly session: number;
  readonly pgrp: number;
  readonly state: string;
}

export interface Remainder {
  readonly entry: JournalEntry;
  /** Ours beyond doubt. */
  readonly proved: readonly RunningProcess[];
  /** In a session of that number, but nothing proves that it is the same session: left alone, and said. */
  readonly doubtful: readonly RunningProcess[];
}

/**
 * A session's number is a pid that nobody else gets while a member lives. So a member that started after the leader and
 * before the leader was last seen alive proves that the session is the leader's, and with it every other member; so does
 * the leader itself. Without either the number may have been given away since, unless `noneRecycled`: no pid was.
 */
export function findRemainders(
  entries: readonly JournalEntry[],
  processes: readonly RunningProcess[],
  noneRecycled = false,
): readonly Remainder[] {
  const remainders: Remainder[] = [];
  for (const entry of entries) {
    if (entry.smart) continue;
    const { pid, startTime } = entry.process;
    const members = processes.filter((process) =>
      process.state !== "Z" && process.startTime >= startTime &&
      (process.session === pid || process.pgrp === pid)
    );
    if (members.length === 0) continue;
    // Another process of that number leads, or led a moment ago, a session of its own.
    const another = processes.some((process) => process.pid === pid && process.startTime !== startTime);
    const proof = (noneRecycled && !another) ||
      members.some((member) =>
        member.pid === pid ? member.startTime === startTime : member.startTime <= entry.aliveAt
      );
    remainders.push({ entry, proved: proof ? members : [], doubtful: proof ? [] : members });
  }
  return remainders;
}
