/**
 * A small world for units: processes that live and die when the test says so, a pidfile, and time that the
 * test moves. It behaves as the system does: only reeve's children are reaped, a dead one is found by nobody,
 * orphans come to reeve.
 */
import type { DaemonPlan } from "../../../lib/config/plan/daemon_plan.ts";
import type { Verdict } from "../../../lib/daemon/pidfile.ts";
import { type ExitCause, type ProcessId, sameProcess } from "../../../lib/sys/process_id.ts";
import type { DaemonUnit, StartedAs } from "../../../lib/supervisor/unit/unit.ts";
import type { SweepNews, UnitDeps, UnitListener } from "../../../lib/supervisor/unit/unit_deps.ts";
import { FakeTimers } from "../../sys/fake_timers.ts";

export interface FakeProcess {
  readonly id: ProcessId;
  readonly session: number;
  isChild: boolean;
  /** Ends at SIGTERM; SIGKILL ends every one that is not stuck. */
  obedient: boolean;
  stuck: boolean;
  /** Which launch it descends from. */
  readonly launch: number;
}

export class UnitWorld implements UnitDeps, UnitListener {
  readonly timers = new FakeTimers();
  readonly alive = new Map<number, FakeProcess>();
  readonly journal = new Map<number, string>();
  readonly signals: string[] = [];
  readonly logs: string[] = [];
  readonly reads: (ProcessId | null)[] = [];
  readonly stoppedUnits: DaemonUnit[] = [];
  readonly ended: number[] = [];
  readonly logger = {
    log: (_level: string, _daemon: string | null, text: string): void => {
      this.logs.push(text);
    },
  };
  /** The pid that stands in the pidfile; null: there is none; "": it is empty. */
  pidfile: ProcessId | "" | null = null;
  pidfileUnfinished = false;
  spawnFails = false;
  /** The jail does not stand. */
  jailIsDown = false;
  obedient = true;
  launches = 0;
  /** Other machines write the pidfile. */
  isShared = false;
  /** Which number each daemon was started under. */
  readonly numbers = new Map<string, number>();
  /** Daemons that are no longer among those of the instance. */
  readonly gone: string[] = [];
  /** For invariants: called before each spawn. */
  onSpawn: () => void = () => {};
  #nextPid = 100;
  readonly #owners = new Map<number, DaemonUnit>();
  readonly #followers = new Map<number, Set<() => void>>();
  readonly #pidfileWatchers = new Set<() => void>();
  readonly #sweeps = new Map<number, { signal: number | null; emptied: () => void }>();
  /** What happens after the call at hand, as events do. */
  readonly #soon: (() => void)[] = [];

  // --- what the test does
  // -----------------------------------------------------------------------------------

  fork(session: number, isChild: boolean): FakeProcess {
    const pid = this.#nextPid++;
    const process: FakeProcess = {
      id: { pid, startTime: BigInt(pid) },
      session: session === 0 ? pid : session,
      isChild,
      obedient: this.obedient,
      stuck: false,
      launch: this.launches,
    };
    this.alive.set(pid, process);
    return process;
  }

  /** It ends, by itself or by a signal, and whoever can see it does. */
  die(pid: number, cause: ExitCause = { kind: "exited", code: 0 }): void {
    const process = this.alive.get(pid);
    if (process === undefined) return;
    this.alive.delete(pid);
    for (const other of this.alive.values()) if (other.session === process.session) other.isChild = true;
    if (process.isChild) {
      const owner = this.#owners.get(pid);
      this.#owners.delete(pid);
      owner?.reaped(pid, cause, null);
    } else for (const ended of [...(this.#followers.get(pid) ?? [])]) ended();
    this.#lookAtSweeps();
    this.settle();
  }

  writePidfile(content: ProcessId | "" | null, unfinished = false): void {
    this.pidfile = content;
    this.pidfileUnfinished = unfinished;
    for (const changed of [...this.#pidfileWatchers]) changed();
    this.settle();
  }

  advance(milliseconds: number): void {
    this.timers.advance(milliseconds);
    this.settle();
  }

  /** Events that were caused come, until none is left. */
  settle(): void {
    for (let next = this.#soon.shift(); next !== undefined; next = this.#soon.shift()) next();
  }

  /** An exec of reeve: of what it kept in memory nothing is left. */
  newImage(): void {
    this.#sweeps.clear();
    this.#owners.clear();
    this.#followers.clear();
    this.#pidfileWatchers.clear();
    this.#soon.length = 0;
  }

  owner(pid: number): DaemonUnit | undefined {
    return this.#owners.get(pid);
  }

  get watchers(): number {
    return this.#pidfileWatchers.size;
  }

  get followers(): number {
    return [...this.#followers.values()].reduce((sum, set) => sum + set.size, 0);
  }

  // --- what a unit asks for
  // ---------------------------------------------------------------------------------

  now(): number {
    return this.timers.now;
  }

  isPidfileShared(): boolean {
    return this.isShared;
  }

  startedAs(plan: DaemonPlan): StartedAs {
    const digest = (): string => new Bun.CryptoHasher("sha256").update(JSON.stringify(plan)).digest("hex");
    return { digest, command: plan.command.text };
  }

  dismissed(plan: DaemonPlan): void {
    this.gone.push(plan.name);
  }

  spawn(plan: DaemonPlan, _again: boolean, number = 0): ProcessId | null {
    this.numbers.set(plan.name, number);
    if (this.jailIsDown) return null;
    this.onSpawn();
    if (this.spawnFails) throw new Error("cannot start a process: resource temporarily unavailable");
    this.launches += 1;
    return this.fork(0, true).id;
  }

  own(process: ProcessId, owner: DaemonUnit): void {
    this.#owners.set(process.pid, owner);
  }

  disown(process: ProcessId, owner: DaemonUnit): void {
    if (this.#owners.get(process.pid) === owner) this.#owners.delete(process.pid);
  }

  follow(process: ProcessId, owner: DaemonUnit, ended: () => void): { remove(): void } {
    const set = this.#followers.get(process.pid) ?? new Set();
    this.#followers.set(process.pid, set.add(ended));
    if (this.alive.has(process.pid)) this.own(process, owner);
    else this.#soon.push(() => set.has(ended) && ended());
    return { remove: () => void set.delete(ended) };
  }

  signal(process: ProcessId, signal: number): void {
    this.signals.push(`${signal} ${process.pid}`);
    this.#kill(process.pid, signal);
  }

  isAlive(process: ProcessId): boolean {
    const found = this.alive.get(process.pid);
    return found !== undefined && sameProcess(found.id, process);
  }

  readPidfile(plan: DaemonPlan, known: ProcessId | null): Verdict {
    this.reads.push(known);
    const unfinished = this.pidfileUnfinished || this.pidfile === "";
    const found = `pidfile "${plan.pidfile}" is not valid`;
    if (this.pidfile === null || this.pidfile === "") return { valid: false, found, unfinished };
    const process = this.alive.get(this.pidfile.pid);
    if (process === undefined || !sameProcess(process.id, this.pidfile)) {
      return { valid: false, found, unfinished };
    }
    return { valid: true, process: process.id, unfinished };
  }

  watchPidfile(_plan: DaemonPlan, changed: () => void): { remove(): void } {
    this.#pidfileWatchers.add(changed);
    return { remove: () => void this.#pidfileWatchers.delete(changed) };
  }

  sweep(leader: ProcessId, signal: number | null, { emptied }: SweepNews): void {
    const running = this.#sweeps.get(leader.pid);
    if (running !== undefined) running.signal = signal;
    else this.#sweeps.set(leader.pid, { signal, emptied });
    this.#soon.push(() => this.#lookAtSweeps());
  }

  remember(unit: DaemonUnit, process: ProcessId): void {
    this.journal.set(process.pid, unit.name);
  }

  forget(process: ProcessId): void {
    this.journal.delete(process.pid);
  }

  stopped(unit: DaemonUnit): void {
    this.stoppedUnits.push(unit);
  }

  controlEnded(_unit: DaemonUnit, cause: ExitCause): void {
    this.ended.push(cause.kind === "exited" ? cause.code : -1);
  }

  #lookAtSweeps(): void {
    for (const [session, sweep] of [...this.#sweeps]) {
      const members = [...this.alive.values()].filter((process) => process.session === session);
      if (members.length === 0) {
        this.#sweeps.delete(session);
        sweep.emptied();
      } else for (const member of members) this.#kill(member.id.pid, sweep.signal ?? 0);
    }
  }

  #kill(pid: number, signal: number): void {
    const process = this.alive.get(pid);
    if (process === undefined || process.stuck || signal === 0) return;
    if (signal === 9 || process.obedient) {
      this.#soon.push(() => this.die(pid, { kind: "killed", signal }));
    }
  }
}
