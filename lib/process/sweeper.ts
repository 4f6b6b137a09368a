/**
 * The rest of a daemon that ended: the members of its session, and what bears its birthmark in another
 * session. As a child subreaper (or PID 1) reeve inherits what a daemon forked; in a jail its init does. The
 * session id cannot be given to another process while any member lives, so members are known for sure.
 */
import { SIGKILL } from "../sys/native/constants.ts";
import type { ProcessId } from "../sys/process_id.ts";

export interface SessionMember {
  readonly pid: number;
  readonly startTime: bigint;
  readonly session: number;
  readonly pgrp: number;
  readonly state: string;
  /** A child of a jail's init: reeve hears of its end only when it asks to. */
  readonly isJailed?: boolean;
}

export interface SweepDeps {
  /** Children of reeve, and of its jail's init, that no unit owns, as they are now. */
  strangers(): readonly SessionMember[];
  kill(member: SessionMember, signal: number): void;
  /** The group of `member`. false: nobody was in it any more. */
  killGroup(member: SessionMember, signal: number): boolean;
  /** Calls `lookSoon` when it is gone. May be asked for the same one again. */
  hearEnd(member: SessionMember): void;
  /** Calls back in a while. */
  later(look: () => void): void;
  /** The birthmark of the daemon that `leader` was, and of a process (birthmarks.ts); null: it has none. */
  markOfLeader(leader: ProcessId): number | null;
  markOf(member: SessionMember): number | null;
}

interface Sweep {
  readonly leader: ProcessId;
  readonly mark: number | null;
  signal: number | null;
  readonly told: Set<number>;
  /** Those that SIGKILL was sent to. */
  readonly killed: Set<number>;
  /** The leader's group was signalled at this look, or, unless by SIGKILL, at an earlier one. */
  toldGroup: boolean;
  readonly emptied: () => void;
  found: ((member: SessionMember) => void) | null;
}

/** More than this are looked at only so often: 5,000 that die one by one would be 12 million looks. */
const CROWD = 50;

export class Sweeper {
  readonly #sweeps = new Map<number, Sweep>();
  readonly #system: SweepDeps;
  #scheduled = false;
  #isLater = false;
  /** Somebody was killed, and is looked at once more. */
  #isDoubtful = false;
  /** How many there were at the last look. */
  #crowd = 0;

  constructor(system: SweepDeps) {
    this.#system = system;
  }

  get busy(): boolean {
    return this.#sweeps.size > 0;
  }

  /**
   * Tells what is left of `leader` to end (`signal` null: waits for it) and calls `emptied` once nothing is;
   * `found` with the first that lives. Calls of one turn of the event loop share one look at the process
   * table.
   */
  sweep(
    leader: ProcessId,
    signal: number | null,
    emptied: () => void,
    found: ((member: SessionMember) => void) | null = null,
  ): void {
    const running = this.#sweeps.get(leader.pid);
    if (running !== undefined) running.signal = signal;
    else {
      const mark = this.#system.markOfLeader(leader);
      this.#sweeps.set(leader.pid, {
        leader,
        mark,
        signal,
        told: new Set(),
        killed: new Set(),
        toldGroup: false,
        emptied,
        found,
      });
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.look();
    });
  }

  /**
   * To be called when a stranger was reaped: its children are ours now. A crowd is not looked at for each
   * that goes.
   */
  lookSoon(): void {
    if (this.#sweeps.size === 0 || this.#isLater) return;
    if (this.#crowd <= CROWD) return this.look();
    this.#later();
  }

  look(): void {
    if (this.#sweeps.size === 0) return;
    const strangers = this.#strangers();
    if (strangers === null) return;
    const left = new Set<Sweep>();
    this.#crowd = strangers.length;
    for (const sweep of this.#sweeps.values()) if (sweep.signal === SIGKILL) sweep.toldGroup = false;
    for (const member of strangers) {
      const sweep = this.#sweeps.get(member.session) ?? this.#sweeps.get(member.pgrp) ??
        this.#sweepOfMark(member);
      if (sweep === undefined || member.startTime < sweep.leader.startTime) continue;
      left.add(sweep);
      if (member.state !== "Z") {
        sweep.found?.(member);
        sweep.found = null;
      }
      if (member.isJailed === true) this.#system.hearEnd(member);
      this.#tell(sweep, member);
    }
    for (const [session, sweep] of this.#sweeps) {
      if (left.has(sweep)) continue;
      this.#sweeps.delete(session);
      sweep.emptied();
    }
  }

  /** The daemon that a process in a session of its own comes from. */
  #sweepOfMark(member: SessionMember): Sweep | undefined {
    const mark = this.#system.markOf(member);
    if (mark === null) return undefined;
    return this.#sweeps.values().find((sweep) => sweep.mark === mark);
  }

  /** null: it could not be seen who is there (no descriptor is free), and nobody is said to be gone. */
  #strangers(): readonly SessionMember[] | null {
    try {
      return this.#system.strangers();
    } catch {
      this.#later();
      return null;
    }
  }

  #later(): void {
    if (this.#isLater) return;
    this.#isLater = true;
    this.#system.later(() => {
      this.#isLater = false;
      this.look();
    });
  }

  /** A signal may have missed its process, which then lives on without an event. */
  #lookAgain(): void {
    if (this.#isDoubtful) return;
    this.#isDoubtful = true;
    this.#system.later(() => {
      this.#isDoubtful = false;
      this.look();
    });
  }

  #tell(sweep: Sweep, member: SessionMember): void {
    if (sweep.signal === null || member.state === "Z") return;
    if (sweep.signal !== SIGKILL && sweep.told.has(member.pid)) return;
    sweep.told.add(member.pid);
    if (sweep.signal === SIGKILL && !sweep.killed.has(member.pid)) {
      sweep.killed.add(member.pid);
      this.#lookAgain();
    }
    if (member.pgrp !== sweep.leader.pid) return this.#system.kill(member, sweep.signal);
    // Once for all of them: a second TERM means "at once" to many programs.
    if (sweep.toldGroup) return;
    sweep.toldGroup = this.#system.killGroup(member, sweep.signal);
    // It has left the group since the look, as setsid(1) does.
    if (!sweep.toldGroup) this.#system.kill(member, sweep.signal);
  }
}
