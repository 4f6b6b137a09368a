/**
 * Looks at a pidfile without trusting it: never opens a FIFO or a device, sees every link on the way, never reads more
 * than a pid can need. The judgement is lib/daemon/pidfile.ts.
 */
import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import {
  type JudgeContext,
  judgePidfile,
  parsePid,
  type ProcessFacts,
  type Verdict,
} from "../daemon/pidfile.ts";
import { startedAt } from "../sys/identity.ts";
import { readProcess } from "../sys/process_table.ts";
import { readVirtual } from "../sys/virtual_files.ts";
import { errorText } from "../sys/error_text.ts";
import { walkPath } from "./path_walk.ts";

/** Enough for a pid in front of whatever else a daemon writes. */
const READ_AT_MOST = 256;
/** Names a file without opening it: to open some devices is to start them. */
const O_PATH = 0o10000000;
const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

export function readPidfile(path: string, context: JudgeContext): Verdict {
  const no = (found: string, unfinished = false): Verdict => ({
    valid: false,
    found: `pidfile "${path}" ${found}`,
    unfinished,
  });
  let place: number;
  try {
    place = openSync(path, O_PATH);
  } catch (error) {
    return no(hasCode(error, "ENOENT") ? "does not exist" : `cannot be opened: ${errorText(error)}`);
  }
  try {
    const file = fstatSync(place, { bigint: true });
    if (!file.isFile()) return no("is not a regular file");
    const linkOwners = ownersOfLinks(path, readlinkSync(`/proc/self/fd/${place}`));
    if (linkOwners === null) return no("was replaced while it was looked at", true);
    const text = readText(`/proc/self/fd/${place}`);
    const directory = statSync(dirname(path));
    const pid = parsePid(text);
    return judgePidfile(
      path,
      {
        owner: Number(file.uid),
        group: Number(file.gid),
        mode: Number(file.mode),
        names: Number(file.nlink),
        directoryOwner: directory.uid,
        directoryMode: directory.mode,
        linkOwners,
        modifiedAt: Number(file.mtimeNs / 1000n) / 1000,
        text,
      },
      pid === null ? null : processFacts(pid),
      context,
    );
  } catch (error) {
    return no(`cannot be read: ${errorText(error)}`);
  } finally {
    closeSync(place);
  }
}

function readText(path: string): string {
  const fd = openSync(path, READ);
  try {
    const buffer = new Uint8Array(READ_AT_MOST);
    return new TextDecoder("latin1").decode(
      buffer.subarray(0, readSync(fd, buffer, 0, READ_AT_MOST, 0)),
    );
  } finally {
    closeSync(fd);
  }
}

/**
 * Who owns the symbolic links that lead from `path` to `found`, the file that was opened; null when they lead elsewhere by
 * now: somebody exchanges them under our eyes.
 */
export function ownersOfLinks(path: string, found: string): readonly number[] | null {
  if (resolve(path) === found) return [];
  const owners: number[] = [];
  const led = walkPath(path, ({ status, isLink }) => {
    if (isLink) owners.push(status.uid);
  });
  return led === found ? owners : null;
}

function processFacts(pid: number): ProcessFacts | null {
  const found = readProcess(pid);
  if (found === null || !leadsItsThreads(pid)) return null;
  return {
    id: { pid, startTime: found.startTime },
    state: found.state,
    uid: found.uid.real,
    parent: found.ppid,
    startedAt: startedAt(found),
  };
}

/** A thread's id opens in /proc like a pid, with a start time of its own, but is no process. */
function leadsItsThreads(pid: number): boolean {
  const status = readVirtual(`/proc/${pid}/status`);
  return status !== null && new TextDecoder().decode(status).includes(`\nTgid:\t${pid}\n`);
}

function hasCode(error: unknown, code: string): boolean {
  return (error as { code?: unknown }).code === code;
}
