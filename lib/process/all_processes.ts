/**
 * Sends a signal to whatever of a daemon runs: the members of its session, and what bears its birthmark in
 * another. Each is verified in the same breath; what cannot be told to be the daemon's is left alone.
 */
import { instancePid } from "../sys/process/instance_pid.ts";
import { listProcesses, readStat } from "../sys/process/process_table.ts";
import type { ProcessId } from "../sys/process_id.ts";
import type { Birthmarks } from "./birthmarks.ts";
import { isAlive, signalAlone } from "./signaller.ts";

/** How many were told; 0: it is gone. */
export function signalAllOf(
  main: ProcessId,
  signal: number,
  marks: Pick<Birthmarks, "readStart" | "startOf">,
): number {
  const own = readStat(instancePid())?.session ?? 0;
  const session = readStat(main.pid)?.session ?? 0;
  const mark = marks.startOf(main.pid);
  if (!isAlive(main)) return 0;
  // A smart daemon that stayed in somebody else's session does not make that session its own.
  const isItsOwn = session !== 0 && session !== own;
  let told = 0;
  for (const found of listProcesses()) {
    const isMain = found.pid === main.pid;
    const isMember = isItsOwn && found.session === session && found.startTime >= main.startTime;
    const isMarked = !isMember && mark !== null && found.startTime >= main.startTime &&
      marks.readStart(found.pid) === mark;
    if (!isMain && !isMember && !isMarked) continue;
    try {
      if (signalAlone(found, signal)) told += 1;
    } catch (error) {
      // One of them may have become another user's, which costs the others nothing.
      if (isMain) throw error;
    }
  }
  return told;
}
