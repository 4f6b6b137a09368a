/**
 * Ends what dumb daemons of a killed reeve left, inside its jail and outside: by the sessions on record, proved by start times
 * (remainder.ts). What is only likely to be theirs is named and left alone.
 */
import { SIGKILL } from "../daemon/patience.ts";
import type { ProcessId } from "../sys/process_id.ts";
import type { Logger } from "../log/logger.ts";
import { errorText } from "../sys/error_text.ts";
import { listProcesses, readStat } from "../sys/process/process_table.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import type { PidTurnover } from "./pid_turnover.ts";
import { findRemainders } from "./remainder.ts";
import { signalDaemon } from "../process/signaller.ts";

export interface LeftoversParts {
  readonly logger: Pick<Logger, "warning" | "debug">;
  readonly journal: Journal;
  readonly turnover: PidTurnover;
  readonly follow: (process: ProcessId, ended: () => void) => { remove(): void };
}

/** How long they may take to go once they got SIGKILL. */
const PATIENCE_MS = 2000;

export class Leftovers {
  readonly #before: readonly JournalEntry[];
  readonly #parts: LeftoversParts;

  /** `before`: what the journal of the earlier reeve has. */
  constructor(before: readonly JournalEntry[], parts: LeftoversParts) {
    this.#before = before;
    this.#parts = parts;
  }

  /** Whether nothing of dumb daemons is left, and the record of them is closed. */
  async end(): Promise<boolean> {
    const { logger, turnover } = this.#parts;
    const dumb = this.#before.filter((entry) => !entry.smart);
    this.#forgetGone(this.#before.filter((entry) => entry.smart));
    if (dumb.length === 0) return true;
    const gone: Promise<void>[] = [];
    for (const { entry, proved, doubtful } of findRemainders(dumb, listProcesses(), turnover.none)) {
      if (doubtful.length > 0) {
        const pids = doubtful.map((member) => member.pid).join(" ");
        logger.warning(
          entry.name,
          `processes of a session like an earlier run's are left alone: nothing proves that they are its`,
          { pids },
        );
      }
      for (const member of proved) {
        logger.warning(entry.name, `killing what an earlier reeve left (pid: ${member.pid})`);
        gone.push(this.#killAndWait(member));
      }
    }
    const patience = new Promise<void>((done) => setTimeout(done, PATIENCE_MS).unref());
    await Promise.race([Promise.all(gone), patience]);
    return this.#forgetGone(dumb, true);
  }

  /**
   * Closes the records of an earlier reeve's daemons that run no more; `sessions`: of which no member is left either. Whether
   * that was all of them.
   */
  #forgetGone(entries: readonly JournalEntry[], sessions = false): boolean {
    const left = sessions ? findRemainders(entries, listProcesses()).map(({ entry }) => entry) : [];
    let all = true;
    for (const entry of entries) {
      const { pid, startTime } = entry.process;
      if (left.includes(entry) || readStat(pid)?.startTime === startTime) all = false;
      else this.#parts.journal.end(entry.process);
    }
    return all;
  }

  #killAndWait(member: ProcessId): Promise<void> {
    return new Promise((done) => {
      const watch = this.#parts.follow(member, () => {
        watch.remove();
        done();
      });
      try {
        signalDaemon(member, SIGKILL);
      } catch (error) {
        // It may have become another user's: that costs a line, and not the others.
        this.#parts.logger.debug(
          null,
          `cannot end what a daemon left (pid: ${member.pid}): ${errorText(error)}`,
        );
      }
    });
  }
}
