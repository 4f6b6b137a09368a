/**
 * Whether a pidfile names the daemon. Pure: what was read of the file, of its directory and of the process comes in,
 * a verdict goes out. A wrong "yes" signals a stranger, a wrong "no" starts a database twice; both have a rule here.
 */
import type { ProcessId } from "./process.ts";

/** Largest pid that Linux gives on any configuration (PID_MAX_LIMIT). */
const PID_MAX = 4_194_304;

export interface PidfileFacts {
  /** Uids; the directory's mode. */
  readonly fileOwner: number;
  readonly directoryOwner: number;
  readonly directoryMode: number;
  /** Owner of the symbolic link when the path is one. */
  readonly linkOwner: number | null;
  /** Wall clock, milliseconds. */
  readonly modifiedAt: number;
  readonly text: string;
}

export interface ProcessFacts {
  readonly id: ProcessId;
  /** State letter of /proc/PID/stat. */
  readonly state: string;
  /** Real uid. */
  readonly uid: number;
  /** Wall clock, milliseconds: boot time plus start time, as the clock stands now. */
  readonly startedAt: number;
}

export interface JudgeContext {
  /** reeve's own uid and pid. */
  readonly selfUid: number;
  readonly selfPid: number;
  /** The user that the daemon is started as. */
  readonly daemonUid: number;
  /** The process that reeve itself knows to be the daemon: from an earlier look, or from the run directory. */
  readonly known: ProcessId | null;
}

export type Verdict =
  | { readonly valid: true; readonly process: ProcessId }
  /** `found`: for people, what is wrong with the pidfile. */
  | { readonly valid: false; readonly found: string };

/**
 * The number at the start of a pidfile: blanks allowed before it, anything after it ignored (PostgreSQL's
 * postmaster.pid has more lines), which is how uWSGI reads one. null: there is no pid.
 */
export function parsePid(text: string): number | null {
  const match = /^[ \t\r\n\v\f]*\+?([0-9]{1,10})/.exec(text);
  if (match === null) return null;
  const pid = Number(match[1]);
  return pid >= 1 && pid <= PID_MAX ? pid : null;
}

/** Start times are whole clock ticks and file times whole jiffies; a pidfile is never written earlier than that. */
const CLOCK_GRAIN_MS = 20;

const GROUP_OR_OTHERS_WRITE = 0o022;

export function judgePidfile(
  path: string,
  file: PidfileFacts,
  process: ProcessFacts | null,
  context: JudgeContext,
): Verdict {
  const pid = parsePid(file.text);
  const no = (found: string): Verdict => ({ valid: false, found: `pidfile "${path}" ${found}` });
  if (pid === null) return no(file.text.trim() === "" ? "is empty" : "does not begin with a pid");
  if (pid === context.selfPid) return no("names reeve itself");
  if (pid === 1) return no("names process 1");
  if (process === null) return no(`names pid ${pid}, which does not exist`);
  if (process.state === "Z" || process.state === "X") return no(`names pid ${pid}, which has ended (zombie)`);
  const trust = distrust(file, process, context);
  if (trust !== null) return no(`names pid ${pid} but is not followed: ${trust}`);
  if (
    context.known !== null && context.known.pid === pid && context.known.startTime === process.id.startTime
  ) {
    return { valid: true, process: process.id };
  }
  if (process.startedAt > file.modifiedAt + CLOCK_GRAIN_MS) {
    return no(`names pid ${pid}, which started after the pidfile was written: another process`);
  }
  return { valid: true, process: process.id };
}

/**
 * Who can have planted this pidfile? As root, a file that anybody but root may have written names only processes of
 * its own owner; so nobody makes reeve signal a process that is not theirs.
 */
function distrust(file: PidfileFacts, process: ProcessFacts, context: JudgeContext): string | null {
  if (context.selfUid !== 0) return null;
  const trusted = (uid: number): boolean => uid === 0 || uid === context.daemonUid || uid === process.uid;
  const planted = file.linkOwner !== null ||
    (file.directoryMode & GROUP_OR_OTHERS_WRITE) !== 0 ||
    !(file.directoryOwner === 0 || file.directoryOwner === context.daemonUid);
  if (planted) {
    if (file.linkOwner !== null && !trusted(file.linkOwner)) {
      return `it is a symbolic link of uid ${file.linkOwner}`;
    }
    if (!trusted(file.fileOwner)) {
      return `it belongs to uid ${file.fileOwner}, the process to uid ${process.uid}`;
    }
  }
  if (file.fileOwner !== 0 && process.uid !== file.fileOwner) {
    return `it belongs to uid ${file.fileOwner}, the process to uid ${process.uid}`;
  }
  return null;
}
