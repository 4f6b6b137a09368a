/**
 * Ends what daemons of a killed reeve left, dumb ones and smart ones that ended since, inside its jail and
 * outside: by the sessions on record, proved by start times (remainder.ts), and by the birthmark that
 * everything bears which they forked. What is only likely to be theirs is named and left alone.
 */
import { SIGKILL } from "../sys/native/constants.ts";
import type { ProcessId } from "../sys/process_id.ts";
import type { Logger } from "../log/logger.ts";
import { errorText } from "../sys/error_text.ts";
import { listProcesses, type ProcessStat } from "../sys/process/process_table.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import type { PidTurnover } from "./pid_turnover.ts";
import { endedUnseen, findRemainders } from "./remainder.ts";
import { signalDaemon } from "../process/signaller.ts";

export interface LeftoversDeps {
  readonly logger: Pick<Logger, "warning" | "debug">;
  readonly journal: Journal;
  readonly turnover: PidTurnover;
  /** It bears the birthmark of a dumb daemon of this instance. */
  readonly isMarked: (pid: number) => boolean;
  /** Whether the smart daemon on record is one of this configuration, and an earlier reeve's. */
  readonly isConfigured: (entry: JournalEntry) => boolean;
  /** Pids that the pidfiles of smart daemons name and that are these daemons. */
  readonly livingSmart: () => readonly number[];
  readonly follow: (process: ProcessId, ended: () => void) => { remove(): void };
}

/** How long they may take to go once they got SIGKILL. */
const PATIENCE_MS = 2000;

export class Leftovers {
  readonly #before: readonly JournalEntry[];
  readonly #deps: LeftoversDeps;

  /** `before`: what the journal of the earlier reeve has. */
  constructor(before: readonly JournalEntry[], deps: LeftoversDeps) {
    this.#before = before;
    this.#deps = deps;
  }

  /** Whether nothing of dumb daemons is left, and the record of them is closed. */
  async end(): Promise<boolean> {
    // After an orderly end there is nothing on record, and a start does not look at all processes.
    if (this.#before.length === 0) return true;
    const { logger, turnover } = this.#deps;
    const dumb = this.#before.filter((entry) => !entry.smart);
    const processes = listProcesses();
    const smart = this.#smartLeft(processes);
    this.#forgetGone(this.#before.filter((entry) => entry.smart && !smart.includes(entry)), processes);
    if (dumb.length === 0 && smart.length === 0) return true;
    const isOver = new Promise<"over">((done) => setTimeout(done, PATIENCE_MS, "over").unref());
    let isLate = false;
    const wait = async (gone: readonly Promise<void>[]): Promise<void> => {
      isLate = await Promise.race([Promise.all(gone), isOver]) === "over";
    };
    const marked = this.#marked(processes);
    const known = new Set(marked.map(({ pid }) => pid));
    const proven = new Set<number>();
    const gone: Promise<void>[] = [];
    // The knowledge of recycled pids goes back to the last dumb daemon.
    const remainders = [
      ...findRemainders(dumb, processes, turnover.none),
      ...findRemainders(smart, processes),
    ];
    for (const { entry, proved, doubtful } of remainders) {
      const others = doubtful.filter(({ pid }) => !known.has(pid));
      if (others.length > 0) {
        logger.warning(
          entry.name,
          `processes of a session like an earlier run's are left alone: nothing proves that they are its`,
          { pids: others.map(({ pid }) => pid).join(" ") },
        );
      }
      for (const member of proved) {
        proven.add(member.pid);
        logger.warning(entry.name, `killing what an earlier reeve left (pid: ${member.pid})`);
        gone.push(this.#killAndWait(member));
      }
    }
    const rest = marked.filter(({ pid }) => !proven.has(pid)).map((member) => this.#killMarked(member));
    let now = processes;
    for (let ending = [...gone, ...rest]; ending.length > 0;) {
      await wait(ending);
      now = listProcesses();
      // A process forked between the look and the kill bears the mark as well.
      ending = isLate ? [] : this.#marked(now).map((member) => this.#killMarked(member));
    }
    this.#forgetGone(smart, now, true);
    return this.#forgetGone(dumb, now, true);
  }

  /**
   * Smart daemons that ended while reeve was down: whatever is left of their sessions would meet the next
   * ones.
   */
  #smartLeft(processes: readonly ProcessStat[]): readonly JournalEntry[] {
    if (!this.#before.some(({ smart }) => smart)) return [];
    const living = new Set(this.#deps.livingSmart());
    return endedUnseen(this.#before, processes, living).filter((entry) => this.#deps.isConfigured(entry));
  }

  #marked(processes: readonly ProcessStat[]): ProcessStat[] {
    return processes.filter(({ pid, state }) => state !== "Z" && this.#deps.isMarked(pid));
  }

  #killMarked(member: ProcessStat): Promise<void> {
    const { pid, comm } = member;
    this.#deps.logger.warning(
      null,
      `killing what a daemon of an earlier reeve forked (pid: ${pid}, "${comm}")`,
    );
    return this.#killAndWait(member);
  }

  /**
   * Closes the records of an earlier reeve's daemons that are not among `processes`; `sessions`: of which no
   * member is there either. Whether that was all of them.
   */
  #forgetGone(
    entries: readonly JournalEntry[],
    processes: readonly ProcessStat[],
    sessions = false,
  ): boolean {
    const starts = new Map(processes.map(({ pid, startTime }) => [pid, startTime]));
    const left = new Set(sessions ? findRemainders(entries, processes).map(({ entry }) => entry) : []);
    let all = true;
    for (const entry of entries) {
      const { pid, startTime } = entry.process;
      if (left.has(entry) || starts.get(pid) === startTime) all = false;
      else this.#deps.journal.end(entry.process);
    }
    return all;
  }

  #killAndWait(member: ProcessId): Promise<void> {
    return new Promise((done) => {
      const watch = this.#deps.follow(member, () => {
        watch.remove();
        done();
      });
      try {
        signalDaemon(member, SIGKILL);
      } catch (error) {
        // It may have become another user's: that costs a line, and not the others.
        this.#deps.logger.debug(
          null,
          `cannot end what a daemon left (pid: ${member.pid}): ${errorText(error)}`,
        );
      }
    });
  }
}
