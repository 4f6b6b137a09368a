/**
 * Looks for the jail that an earlier image of reeve made: the one before a reload, which handed it over, or
 * one that was killed, whose record is in the run directory. What does not fit in every point is not ours,
 * and is left alone.
 */
import type { JailPlan } from "../../config/plan/jail_plan.ts";
import { JailHandle, NotThatJail } from "../../jail/handle.ts";
import { fingerprint, type JailIdentity, type JailRecord, type SavedJail } from "../../jail/identity.ts";
import { namespaceInode } from "../../jail/namespace_files.ts";
import { SIGKILL } from "../../sys/native/constants.ts";
import type { Logger } from "../../log/logger.ts";
import { needsInit } from "../../jail/namespace_setup.ts";
import { errorText } from "../../sys/error_text.ts";
import { readStat } from "../../sys/process/process_table.ts";
import { endsWithInit, membersOf } from "./drain.ts";
import { signalDaemon } from "../../process/signaller.ts";

export interface JailSearch {
  /** As the image before a reload left it, or that it had none; undefined: this is no reload. */
  readonly saved: SavedJail | null | undefined;
  readonly record: JailRecord | null;
  /** The jail that the configuration asks for. */
  readonly wanted: JailPlan | null;
  readonly logger: Pick<Logger, "info" | "warning">;
}

export interface JailChoice {
  /** As it was made, or is to be. */
  readonly plan: JailPlan;
  /** null: it is to be made. */
  readonly handle: JailHandle | null;
}

const LATER = "takes effect at the next stop and start";

/**
 * Which jail this image has; null: none. What the daemons are in goes on as it is, whatever the configuration
 * says by now.
 */
export function chooseJail(search: JailSearch): JailChoice | null {
  const { saved, wanted, logger } = search;
  if (saved === null) {
    if (wanted !== null) {
      logger.warning(
        null,
        `"${wanted.option}" is new: the daemons go on without a jail, the change ${LATER}`,
      );
    }
    return null;
  }
  if (saved !== undefined && !needsInit(saved.plan)) {
    tellDifference(saved.plan, search);
    return { plan: saved.plan, handle: null };
  }
  return findJail(search) ?? (wanted === null ? null : { plan: wanted, handle: null });
}

/**
 * null: there is none to go on with. Throws where one stands and cannot be held: another beside it would run
 * its daemons twice.
 */
function findJail(search: JailSearch): JailChoice | null {
  const { saved, record, logger } = search;
  const known = saved === undefined ? record : saved;
  if (known === null || known.identity === null) return null;
  const { identity, plan } = known;
  if (saved === undefined && record?.isEntered === false) {
    endPiece(identity, logger);
    return null;
  }
  try {
    const handle = JailHandle.open(identity, plan);
    if (saved === undefined && endUnlessUseful(handle, plan, search)) return null;
    tellDifference(plan, search);
    if (saved === undefined) logger.info(null, "found the jail of an earlier reeve", { pid: handle.initPid });
    return { handle, plan };
  } catch (error) {
    const whose = saved === undefined ? "of an earlier reeve" : "from before the reload";
    if (!(error instanceof NotThatJail)) {
      throw new Error(`cannot hold the jail ${whose} (pid ${identity.pid}): ${errorText(error)}`, {
        cause: error,
      });
    }
    logger.warning(null, `the jail ${whose} ${error.message}`);
    return null;
  }
}

/** One of an earlier configuration in which nobody is. */
function endUnlessUseful(handle: JailHandle, plan: JailPlan, { wanted, logger }: JailSearch): boolean {
  const { identity, initPid } = handle;
  if (!endsWithInit(plan) || (wanted !== null && fingerprint(wanted) === fingerprint(plan))) return false;
  if (membersOf(plan, handle).length > 0) return false;
  logger.info(null, "ending the empty jail of an earlier reeve: the configuration has changed", {
    pid: initPid,
  });
  signalDaemon(identity, SIGKILL);
  handle.close();
  return true;
}

function tellDifference(plan: JailPlan, { wanted, logger }: JailSearch): void {
  if (wanted !== null && fingerprint(wanted) === fingerprint(plan)) return;
  const change = wanted === null
    ? `the configuration no longer has "${plan.option}"`
    : `"${wanted.option}" or what belongs to it was changed`;
  logger.warning(null, `${change}: the jail goes on as it was made, the change ${LATER}`);
}

/** reeve was killed before a daemon was in it. What hooks have begun there is begun anew in the next. */
function endPiece(identity: JailIdentity, logger: Pick<Logger, "info" | "warning">): void {
  const { pid, startTime, namespaces } = identity;
  try {
    if (readStat(pid)?.startTime !== startTime) return;
    if (namespaces.pid !== undefined && namespaceInode(pid, "pid") !== namespaces.pid) return;
    if (signalDaemon(identity, SIGKILL)) {
      logger.info(null, "ended the piece of a jail that a killed reeve left", { pid });
    }
  } catch (error) {
    logger.warning(null, `cannot end the piece of a jail that a killed reeve left: ${errorText(error)}`, {
      pid,
    });
  }
}
