/**
 * Whether a pidfile names the daemon. Pure: what was read of the file, of its directory and of the process
 * comes in, a verdict goes out. A wrong "yes" signals a stranger, a wrong "no" starts a database twice; both
 * have a rule here.
 */
import { type ProcessId, sameProcess } from "../sys/process_id.ts";

/** Largest pid that Linux gives on any configuration (PID_MAX_LIMIT). */
const PID_MAX = 4_194_304;

export interface PidfileFacts {
  /** Uid and gid. */
  readonly owner: number;
  readonly group: number;
  /** Permission bits. */
  readonly mode: number;
  /** Names that the file has: more than one is a hard link. */
  readonly names: number;
  readonly directoryOwner: number;
  readonly directoryMode: number;
  /** Uids of those who own a symbolic link on the way to the file. */
  readonly linkOwners: readonly number[];
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
  readonly parent: number;
  /** Wall clock, milliseconds: boot time plus start time, as the clock stands now. */
  readonly startedAt: number;
  readonly isKernelThread?: boolean;
}

export interface JudgeOptions {
  /** reeve's own uid and pid. */
  readonly selfUid: number;
  readonly selfPid: number;
  /** The user that the daemon is started as. */
  readonly daemonUid: number;
  /**
   * The process that reeve itself knows to be the daemon: from an earlier look, or from the run directory.
   */
  readonly known: ProcessId | null;
}

export type Verdict =
  | {
    readonly valid: true;
    readonly process: ProcessId;
    /** Nothing stands behind the pid: it may be the half of one that is being written. */
    readonly unfinished: boolean;
  }
  | {
    readonly valid: false;
    /** For people, what is wrong with the pidfile. */
    readonly found: string;
    /** It is empty, as one that is being rewritten is for a moment. */
    readonly unfinished: boolean;
  };

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

/**
 * Start times are whole clock ticks and file times whole jiffies; a pidfile is never written earlier than
 * that.
 */
const CLOCK_GRAIN_MS = 20;

const GROUP_WRITE = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

export function judgePidfile(
  path: string,
  file: PidfileFacts,
  process: ProcessFacts | null,
  context: JudgeOptions,
): Verdict {
  const pid = parsePid(file.text);
  const no = (found: string): Verdict => ({
    valid: false,
    found: `pidfile "${path}" ${found}`,
    unfinished: file.text.trim() === "",
  });
  if (pid === null) return no(file.text.trim() === "" ? "is empty" : "does not begin with a pid");
  // The number may be one of a jail, where it means another process than here.
  const real = process?.id.pid ?? pid;
  if (real === context.selfPid) return no("names reeve itself");
  if (pid === 1 || real === 1) return no("names process 1");
  if (process === null) return no(`names pid ${pid}, which does not exist`);
  if (process.state === "Z" || process.state === "X") return no(`names pid ${pid}, which has ended (zombie)`);
  // The number was written in another PID namespace: a container's, whose directory is seen here.
  if (process.isKernelThread === true) return no(`names pid ${pid}, which is a thread of the kernel`);
  const unfinished = /[0-9]$/.test(file.text);
  // A process known to be the daemon is the daemon, whatever has become of its pidfile or of the clock.
  if (sameProcess(context.known, process.id)) return { valid: true, process: process.id, unfinished };
  const trust = distrust(file, process, context);
  if (trust !== null) return no(`names pid ${pid} but is not followed: ${trust}`);
  if (process.startedAt > file.modifiedAt + CLOCK_GRAIN_MS) {
    return no(`names pid ${pid}, which started after the pidfile was written: another process`);
  }
  return { valid: true, process: process.id, unfinished };
}

/**
 * Asks who can have planted this pidfile. As root, whoever may decide what the path leads to, or what stands
 * there, names only processes of their own; so nobody makes reeve signal a process that is not theirs.
 */
function distrust(file: PidfileFacts, process: ProcessFacts, context: JudgeOptions): string | null {
  if (context.selfUid !== 0) return null;
  const not = (uid: number): boolean => uid !== 0 && uid !== process.uid;
  const owner = file.linkOwners.find(not);
  if (owner !== undefined) {
    return `a symbolic link on the way to it belongs to uid ${owner}, the process to uid ${process.uid}`;
  }
  if (not(file.owner)) return `it belongs to uid ${file.owner}, the process to uid ${process.uid}`;
  // A child of reeve is nobody else's, whoever could have written its number.
  if (process.parent === context.selfPid) return null;
  const groupOfRoot = file.owner === 0 && file.group !== 0 && (file.mode & GROUP_WRITE) !== 0;
  if ((file.mode & OTHERS_WRITE) !== 0 || groupOfRoot) {
    return "others can write to it; take that right away";
  }
  const shared = (file.directoryMode & (GROUP_WRITE | OTHERS_WRITE)) !== 0;
  const theirs = process.uid !== 0 &&
    (process.uid === context.daemonUid || process.uid === file.directoryOwner);
  if (theirs) return null;
  if (shared && (file.directoryMode & STICKY) === 0) {
    return "others can replace what is in its directory; take that right away, or set its sticky bit";
  }
  if (file.names > 1 && (shared || file.directoryOwner !== 0)) {
    return `it has ${file.names} names (hard links) and lies where others can make one`;
  }
  return null;
}
