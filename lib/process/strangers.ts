/**
 * The members of sessions whose leaders ended, on the real system: children of reeve that no unit owns, and
 * what the inits of its jail and of guards have inherited. The former are unreaped and keep their numbers;
 * the latter are held by pidfds whenever they are told something.
 */
import { keeper } from "../sys/keeper/keeper.ts";
import type { ProcessId } from "../sys/process_id.ts";
import type { Logger } from "../log/logger.ts";
import type { Birthmarks } from "./birthmarks.ts";
import { errorText } from "../sys/error_text.ts";
import { signalGroup, signalProcess } from "../sys/process/pidfd.ts";
import { listChildren, listChildrenOf, readStat } from "../sys/process/process_table.ts";
import { signalAlone, signalGroupOf } from "./signaller.ts";
import type { SessionMember, SweepDeps } from "./sweeper.ts";

export interface StrangersDeps {
  readonly logger: Pick<Logger, "debug">;
  /** It belongs to a unit, a hook or the jail: its end is heard of otherwise. */
  readonly isOwned: (pid: number) => boolean;
  /** Those of the jail and of legions' guards that there are at the moment. */
  readonly inits: () => readonly number[];
  readonly marks: Pick<Birthmarks, "readStart" | "startOf">;
  readonly follow: (process: ProcessId, ended: () => void) => { remove(): void };
  readonly lookSoon: () => void;
}

/** When the process table could not be read, it is tried again. */
const LOOK_AGAIN_MS = 100;

export class Strangers implements SweepDeps {
  readonly #deps: StrangersDeps;
  readonly #heard = new Set<string>();

  constructor(deps: StrangersDeps) {
    this.#deps = deps;
  }

  strangers(): readonly SessionMember[] {
    return [
      // The keeper reaps at once: their numbers are not certain here, as those of a jail's are not.
      ...this.#unowned(listChildren(), keeper() !== null),
      ...this.#deps.inits().flatMap((init) => this.#unowned(listChildrenOf(init), true)),
    ];
  }

  kill(member: SessionMember, signal: number): void {
    this.#tell(
      member.pid,
      () => member.isJailed === true ? signalAlone(member, signal) : signalProcess(member.pid, signal),
    );
  }

  killGroup(member: SessionMember, signal: number): boolean {
    const { pgrp } = member;
    return this.#tell(
      pgrp,
      () => member.isJailed === true ? signalGroupOf(member, pgrp, signal) : signalGroup(pgrp, signal),
    );
  }

  hearEnd(member: SessionMember): void {
    const key = `${member.pid}:${member.startTime}`;
    if (member.state === "Z" || this.#heard.has(key)) return;
    this.#heard.add(key);
    const watch = this.#deps.follow(member, () => {
      watch.remove();
      this.#heard.delete(key);
      this.#deps.lookSoon();
    });
  }

  later(look: () => void): void {
    setTimeout(look, LOOK_AGAIN_MS);
  }

  markOfLeader({ pid }: ProcessId): number | null {
    return this.#deps.marks.startOf(pid);
  }

  markOf({ pid }: SessionMember): number | null {
    return this.#deps.marks.readStart(pid);
  }

  #unowned(pids: readonly number[], isJailed: boolean): SessionMember[] {
    const found: SessionMember[] = [];
    for (const pid of pids) {
      if (this.#deps.isOwned(pid)) continue;
      const stat = readStat(pid);
      if (stat !== null) found.push(isJailed ? { ...stat, isJailed } : stat);
    }
    return found;
  }

  /** A process that a daemon left may have become another user's: that costs a line, and not the others. */
  #tell(pid: number, tell: () => boolean): boolean {
    try {
      return tell();
    } catch (error) {
      this.#deps.logger.debug(null, `cannot end what a daemon left (pid: ${pid}): ${errorText(error)}`);
      return false;
    }
  }
}
