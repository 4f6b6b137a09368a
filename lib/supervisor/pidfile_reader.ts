/**
 * Looks at a pidfile without trusting it: never waits on a FIFO or a device, never follows a link that others planted,
 * never reads more than a pid can need. The judgement is lib/daemon/pidfile.ts.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import {
  type JudgeContext,
  judgePidfile,
  parsePid,
  type ProcessFacts,
  type Verdict,
} from "../daemon/pidfile.ts";
import { startedAt } from "../sys/identity.ts";
import { readProcess } from "../sys/process_table.ts";
import { errorText } from "./error_text.ts";

/** Enough for a pid in front of whatever else a daemon writes. */
const READ_AT_MOST = 256;

const OPEN_SAFELY = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

export function readPidfile(path: string, context: JudgeContext): Verdict {
  const no = (found: string): Verdict => ({ valid: false, found: `pidfile "${path}" ${found}` });
  let opened: { readonly fd: number; readonly linkOwner: number | null };
  try {
    opened = openPidfile(path);
  } catch (error) {
    const code = (error as { code?: string }).code;
    return no(code === "ENOENT" ? "does not exist" : `cannot be opened: ${errorText(error)}`);
  }
  try {
    const file = fstatSync(opened.fd, { bigint: true });
    if (!file.isFile()) return no("is not a regular file");
    const buffer = new Uint8Array(READ_AT_MOST);
    const text = new TextDecoder("latin1").decode(
      buffer.subarray(0, readSync(opened.fd, buffer, 0, READ_AT_MOST, 0)),
    );
    const directory = statSync(dirname(path));
    const pid = parsePid(text);
    return judgePidfile(
      path,
      {
        fileOwner: Number(file.uid),
        directoryOwner: directory.uid,
        directoryMode: directory.mode,
        linkOwner: opened.linkOwner,
        modifiedAt: Number(file.mtimeNs / 1000n) / 1000,
        text,
      },
      pid === null ? null : processFacts(pid),
      context,
    );
  } catch (error) {
    return no(`cannot be read: ${errorText(error)}`);
  } finally {
    closeSync(opened.fd);
  }
}

function openPidfile(path: string): { readonly fd: number; readonly linkOwner: number | null } {
  try {
    return { fd: openSync(path, OPEN_SAFELY | constants.O_NOFOLLOW), linkOwner: null };
  } catch (error) {
    if ((error as { code?: string }).code !== "ELOOP") throw error;
  }
  const linkOwner = lstatSync(path).uid;
  return { fd: openSync(path, OPEN_SAFELY), linkOwner };
}

function processFacts(pid: number): ProcessFacts | null {
  const found = readProcess(pid);
  // A thread's id opens in /proc like a pid, but is no process.
  if (found === null || found.pid !== pid) return null;
  return {
    id: { pid, startTime: found.startTime },
    state: found.state,
    uid: found.uid.real,
    startedAt: startedAt(found),
  };
}
