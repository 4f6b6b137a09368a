/**
 * The processes that daemons of a killed reeve left: they must not meet the ones that are about to be
 * started. The journal names the sessions; start times prove that a session is still the one that it names.
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
 * A session's number is a pid that nobody else gets while a member lives. So a member that started after the
 * leader and before the leader was last seen alive proves that the session is the leader's, and with it every
 * other member; so does the leader itself. Without either the number may have been given away since, unless
 * `noneRecycled`: no pid was.
 */
export function findRemainders(
  entries: readonly JournalEntry[],
  processes: readonly RunningProcess[],
  noneRecycled = false,
): readonly Remainder[] {
  const remainders: Remainder[] = [];
  const byNumber = membersByNumber(processes);
  const starts = new Map(processes.map(({ pid, startTime }) => [pid, startTime]));
  for (const entry of entries) {
    const { pid, startTime } = entry.process;
    const members = byNumber.get(pid)?.filter((process) => process.startTime >= startTime) ?? [];
    if (members.length === 0) continue;
    // Another process of that number leads, or led a moment ago, a session of its own.
    const another = (starts.get(pid) ?? startTime) !== startTime;
    const proof = (noneRecycled && !another) ||
      members.some((member) =>
        member.pid === pid ? member.startTime === startTime : member.startTime <= entry.aliveAt
      );
    remainders.push({ entry, proved: proof ? members : [], doubtful: proof ? [] : members });
  }
  return remainders;
}

/** The living members of each session and each group. */
function membersByNumber(processes: readonly RunningProcess[]): ReadonlyMap<number, RunningProcess[]> {
  const members = new Map<number, RunningProcess[]>();
  const add = (number: number, process: RunningProcess): void => {
    const known = members.get(number);
    if (known === undefined) members.set(number, [process]);
    else known.push(process);
  };
  for (const process of processes) {
    if (process.state === "Z") continue;
    add(process.session, process);
    if (process.pgrp !== process.session) add(process.pgrp, process);
  }
  return members;
}

/**
 * The smart daemons on record that ended while nobody looked. Not one whose session goes on under another
 * leader, such as a server that has put a new version of itself in its place: `living` are the smart daemons
 * that run.
 */
export function endedUnseen(
  entries: readonly JournalEntry[],
  processes: readonly RunningProcess[],
  living: ReadonlySet<number>,
): readonly JournalEntry[] {
  const byPid = new Map(processes.map((process) => [process.pid, process]));
  const runs = ({ process }: JournalEntry): boolean =>
    byPid.get(process.pid)?.startTime === process.startTime && byPid.get(process.pid)?.state !== "Z";
  const taken = new Set<number>();
  for (const pid of [...living, ...entries.filter(runs).map(({ process }) => process.pid)]) {
    const found = byPid.get(pid);
    if (found !== undefined) taken.add(found.session).add(found.pgrp);
  }
  // The last one counts: before it the record may have the process that launched it, whose other children are
  // no concern of ours.
  const last = new Map(
    entries.filter(({ smart }) => smart).map((
      entry,
    ) => [`${entry.place ?? ""}\0${entry.pidfile ?? ""}`, entry]),
  );
  return [...last.values()].filter((entry) => !runs(entry) && !taken.has(entry.process.pid));
}
