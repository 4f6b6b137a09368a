/**
 * reeve's own pidfiles (pidfile, pidfile2, safe-pidfile, safe-pidfile2): written whole or not at all, never
 * through a link that somebody else may have planted, removed only while they still name this process.
 */
import { unlinkSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { InstancePlan } from "../config/plan/instance_plan.ts";
import { writeAtomically } from "../sys/file/atomic_file.ts";
import { readSmallPath } from "../sys/file/files.ts";
import { errorText } from "../sys/error_text.ts";
import { walkPath } from "../watch/path_walk.ts";

type PidfilePlan = InstancePlan["pidfiles"][number];

export interface PidfileOptions {
  readonly pid: number;
  readonly asRoot: boolean;
  /** Relative pidfiles are relative to this. */
  readonly cwd: string;
  /** The instance's user: owns pidfile2 and safe-pidfile2, as it would have created them. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

const MODE = 0o644;
const GROUP_WRITE = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;
const LONGEST_PID = 32;

/**
 * Writes one pidfile. Throws an Error (`cannot write pidfile "..."`): at start that is fatal, as in uWSGI.
 */
export function writePidfile(plan: PidfilePlan, context: PidfileOptions): void {
  const path = absolute(plan.path, context.cwd);
  try {
    if (context.asRoot) checkDirectory(dirname(path), context.owner?.uid ?? 0);
    const owner = plan.asUser && context.asRoot ? context.owner : null;
    writeAtomically(path, Buffer.from(`${context.pid}\n`), { mode: MODE, owner });
  } catch (problem) {
    const { errnoName, code } = problem as { errnoName?: unknown; code?: unknown };
    const detail = (errnoName ?? code) === "ENOENT"
      ? "no such directory; create it first"
      : errorText(problem).replace(/^cannot .*?: (?=[a-z])/, "");
    throw new Error(`cannot write pidfile "${plan.path}": ${detail}`, { cause: problem });
  }
}

/** Removes a pidfile while it names this process. Answers whether it did; never throws. */
export function removePidfile(plan: PidfilePlan, context: PidfileOptions): boolean {
  const path = absolute(plan.path, context.cwd);
  try {
    const found = readSmallPath(path, LONGEST_PID, { follow: false });
    if (found === null || Number(Buffer.from(found.bytes).toString("latin1").trim()) !== context.pid) {
      return false;
    }
    unlinkSync(path);
    return true;
  } catch {
    return false;
  }
}

function absolute(path: string, cwd: string): string {
  return isAbsolute(path) ? path : join(cwd, path);
}

/**
 * The file itself is replaced by a rename, which follows nothing, so whoever may write to its directory can
 * do no harm. The way there has to be checked: every link on it, and every directory before the last, must be
 * root's or the instance's user's, and in none may others exchange an entry that is not theirs (as /tmp's
 * sticky bit prevents).
 */
function checkDirectory(path: string, ownerUid: number): void {
  const led = walkPath(path, ({ path: next, status, isLink, isLast }) => {
    if (!isLink && isLast) return;
    if (status.uid !== 0 && status.uid !== ownerUid) {
      throw new Error(
        `"${next}" belongs to user ${status.uid}, who could lead reeve elsewhere; use a directory of root`,
      );
    }
    if (isLink) return;
    const byOthers = (status.mode & OTHERS_WRITE) !== 0 ||
      ((status.mode & GROUP_WRITE) !== 0 && status.gid !== 0);
    if (byOthers && (status.mode & STICKY) === 0) {
      throw new Error(`others can write to "${next}"; take that right away, or set its sticky bit`);
    }
  });
  if (led === null) throw new Error(`"${path}" is a loop of symbolic links`);
}
