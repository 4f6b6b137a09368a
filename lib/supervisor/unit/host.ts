/**
 * The ground that daemons run on: the one implementation of UnitDeps over the real system. It holds no
 * opinion about any daemon; units decide, this does.
 */
import { instancePid } from "../../sys/process/instance_pid.ts";
import type { DaemonPlan } from "../../config/plan/daemon_plan.ts";
import type { InstancePlan } from "../../config/plan/instance_plan.ts";
import type { ProcessId } from "../../sys/process_id.ts";
import type { Verdict } from "../../daemon/pidfile.ts";
import type { JailSource } from "../../jail/place.ts";
import { placeName } from "../../jail/place_name.ts";
import type { Logger } from "../../log/logger.ts";
import type { Repeats } from "../../log/repeats.ts";
import { LOOP_TIMERS } from "../../sys/timers.ts";
import type { ChildSpec } from "../../sys/child/child_spec.ts";
import { closePidfd } from "../../sys/process/pidfd.ts";
import { readStat } from "../../sys/process/process_table.ts";
import { keeper } from "../../sys/keeper/keeper.ts";
import type { Death } from "../../sys/keeper/packets.ts";
import type { Watcher } from "../../sys/file/watcher.ts";
import type { Inherited } from "../../process/child_builder.ts";
import type { Birthmarks } from "../../process/birthmarks.ts";
import { Children } from "../../process/children.ts";
import { DaemonStarter } from "./starter.ts";
import { errorText } from "../../sys/error_text.ts";
import type { HeldJail } from "../jail/held_jail.ts";
import type { Journal } from "../../records/journal.ts";
import { readPidfile } from "../../pidfile/reader.ts";
import type { Registry, SetupFailure } from "../../process/registry.ts";
import { holdProcess, isAlive, signalDaemon } from "../../process/signaller.ts";
import { isOnSharedStorage } from "../../pidfile/shared_storage.ts";
import type { Sweeper } from "../../process/sweeper.ts";
import { startDigest } from "../../records/start_digest.ts";
import { shownCommand } from "../../config/plan/mask.ts";
import type { DaemonUnit, StartedAs } from "./unit.ts";
import type { SweepNews, UnitDeps } from "./unit_deps.ts";

export interface HostDeps {
  readonly instance: InstancePlan;
  readonly logger: Logger;
  readonly repeats: Pick<Repeats, "say">;
  readonly registry: Registry;
  readonly sweeper: Sweeper;
  readonly marks: Birthmarks;
  readonly journal: Journal;
  readonly watcher: Watcher;
  /**
   * Calls back when the file at `path` may have changed, appeared or gone. `place`: whose path it is; null:
   * reeve's.
   */
  readonly watchFile: (path: string, place: JailSource | null, changed: () => void) => { remove(): void };
  readonly environment: { readonly list: readonly string[]; readonly path: string };
  readonly inherited: Inherited;
  /** null: daemons run where reeve does. */
  readonly jail: () => Pick<HeldJail, "isOpen" | "place" | "plan" | "identity"> | null;
  readonly selfUid: number;
  readonly selfGid: number;
  readonly onSpawned: () => void;
}

const FOLLOW_AGAIN_MS = 1000;
/** The keeper reaps at once, and says so: a process that is dead and not reaped is looked at again. */
const REAPED_WITHIN_MS = 5;
const MOST_LOOKS = 40;
/** The lines of one daemon within a second: its start and its end are not half as many. */
const MOST_LINES = 20;

export class UnitHost implements UnitDeps {
  readonly logger: Pick<Logger, "log">;
  readonly timers = LOOP_TIMERS;
  readonly starter: DaemonStarter;
  readonly #deps: HostDeps;
  readonly #children: Children;
  /** Pids that could not be followed when it was tried. */
  readonly #unheld = new Set<number>();

  constructor(deps: HostDeps) {
    this.#deps = deps;
    // A daemon may do and write what it likes, but it does not decide how long the log becomes.
    this.logger = {
      log: (level, daemon, text, fields) =>
        deps.repeats.say(`daemon ${daemon}`, level, text, {
          burst: MOST_LINES,
          daemon,
          ...(fields === undefined ? {} : { fields }),
        }),
    };
    this.#children = new Children(deps.onSpawned);
    this.starter = new DaemonStarter({ ...deps, start: (spec) => this.#children.start(spec) });
  }

  now(): number {
    return performance.now();
  }

  spawn(plan: DaemonPlan, again: boolean, number: number): ProcessId | null {
    return this.starter.spawn(plan, again, number);
  }

  startedAs(plan: DaemonPlan): StartedAs {
    const { instance } = this.starter;
    return { digest: () => startDigest(plan, instance), command: shownCommand(plan.command) };
  }

  /** It is no longer among the instance's daemons. */
  dismissed(plan: DaemonPlan): void {
    this.starter.places.renew(plan);
  }

  /** Starts any child; its end is told to whoever owns it in the registry. */
  start(spec: Omit<ChildSpec, "spawnId">): ProcessId {
    return this.#children.start(spec);
  }

  /** For the reaper: the stage at which the child `pid` failed, if it has reported one. */
  failureOf(pid: number): SetupFailure | null {
    return this.#children.failureOf(pid);
  }

  /** For the keeper's news: the step at which a child failed. */
  reported(death: Death): void {
    if (death.stage !== 0) this.#children.reported(death.pid, death);
  }

  forgetChild(pid: number): void {
    this.#children.forget(pid);
  }

  forget(process: ProcessId): void {
    this.#deps.marks.forget(process.pid);
    this.#deps.journal.end(process);
  }

  own(process: ProcessId, owner: DaemonUnit): void {
    this.#deps.registry.set(process.pid, owner);
  }

  disown(process: ProcessId, owner: DaemonUnit): void {
    this.#deps.registry.delete(process.pid, owner);
  }

  follow(target: ProcessId, owner: DaemonUnit | null, ended: () => void): { remove(): void } {
    let pidfd: number | null;
    try {
      pidfd = holdProcess(target);
    } catch (error) {
      const what = `cannot follow pid ${target.pid}: ${errorText(error)}; tried again until it can be`;
      if (!this.#unheld.has(target.pid)) this.#deps.logger.error(owner?.name ?? null, what);
      this.#unheld.add(target.pid);
      if (owner !== null) this.own(target, owner); // It may be a child, whose end is seen all the same.
      return this.#followLater(target, owner, ended);
    }
    this.#unheld.delete(target.pid);
    if (pidfd === null) {
      // Gone between the look at its pidfile and now, and its number may be another's: it is not owned.
      const timer = setTimeout(ended, 0);
      return { remove: () => clearTimeout(timer) };
    }
    const held = pidfd;
    if (owner !== null) this.own(target, owner);
    let isFollowed = true;
    // A child of ours is reaped first, since that tells how it ended; the keeper may be about to do so.
    const settle = (looks: number): void => {
      keeper()?.receive();
      if (!isFollowed) return;
      const isUnreaped = owner !== null && readStat(target.pid)?.ppid === instancePid();
      if (!isUnreaped) ended();
      else if (looks > 0 && keeper() !== null) setTimeout(() => settle(looks - 1), REAPED_WITHIN_MS);
      else if (keeper() !== null) ended();
    };
    const watch = this.#deps.watcher.add(held, () => {
      watch.remove(); // It stays readable from now on.
      settle(MOST_LOOKS);
    });
    return {
      remove: () => {
        isFollowed = false;
        watch.remove();
        closePidfd(held);
      },
    };
  }

  /** No descriptor is free: there may be one later. */
  #followLater(target: ProcessId, owner: DaemonUnit | null, ended: () => void): { remove(): void } {
    let later: { remove(): void } | null = null;
    const timer = setTimeout(() => {
      later = this.follow(target, owner, ended);
    }, FOLLOW_AGAIN_MS);
    return {
      remove: () => {
        clearTimeout(timer);
        later?.remove();
      },
    };
  }

  signal(process: ProcessId, signal: number): void {
    try {
      signalDaemon(process, signal);
    } catch (error) {
      this.#deps.logger.error(null, `cannot signal pid ${process.pid}: ${errorText(error)}`);
    }
  }

  readPidfile(plan: DaemonPlan, known: ProcessId | null): Verdict {
    const guard = this.starter.guardOf(plan);
    if (guard === null && this.starter.isGuarded(plan)) {
      // Its number was of a namespace that is dead, and means some other process, or none, here.
      const found = `pidfile "${plan.pidfile}" can only be of an earlier lordship, which nothing outlives`;
      return { valid: false, found, unfinished: false };
    }
    const verdict = readPidfile(
      this.starter.places.absolute(plan, plan.pidfile ?? ""),
      {
        selfUid: this.#deps.selfUid,
        selfPid: instancePid(),
        daemonUid: plan.identity?.uid ?? this.#deps.instance.identity?.uid ?? this.#deps.selfUid,
        known,
      },
      this.starter.places.sourceOf(plan),
      guard,
    );
    if (!verdict.valid) return verdict;
    // Two daemons that are one process: the second would never be started, and each stop would end both.
    const { pid } = verdict.process;
    const other = this.#deps.registry.get(pid)?.name;
    if (other === undefined || other === plan.name) return verdict;
    const found = `pidfile "${plan.pidfile}" names pid ${pid}, which belongs to the daemon "${other}"`;
    return { valid: false, found, unfinished: false };
  }

  isAlive(process: ProcessId): boolean {
    return isAlive(process);
  }

  watchPidfile(plan: DaemonPlan, changed: () => void): { remove(): void } {
    const { places } = this.starter;
    return this.#deps.watchFile(places.absolute(plan, plan.pidfile ?? ""), places.sourceOf(plan), changed);
  }

  isPidfileShared(plan: DaemonPlan): boolean {
    return this.starter.places.sourceOf(plan) === null && isOnSharedStorage(plan.pidfile ?? "");
  }

  sweep(leader: ProcessId, signal: number | null, { emptied, found }: SweepNews): void {
    this.#deps.sweeper.sweep(leader, signal, emptied, found);
  }

  remember(unit: DaemonUnit, process: ProcessId): void {
    try {
      this.#record(unit, process);
    } finally {
      // A kill of reeve before this has ended it: a daemon that runs is on record.
      this.#children.letIn(process.pid);
    }
  }

  /** A daemon that an image before this one has started. */
  #knowMark(pid: number): void {
    const { marks } = this.#deps;
    if (marks.startOf(pid) !== null) return;
    const start = marks.readStart(pid);
    if (start !== null) marks.remember(pid, start);
  }

  #record(unit: DaemonUnit, process: ProcessId): void {
    this.starter.tellGuard(unit.plan, process);
    if (unit.plan.kind === "dumb") this.#knowMark(process.pid);
    this.#deps.journal.up({
      name: unit.name,
      smart: unit.plan.kind !== "dumb",
      pidfile: unit.plan.pidfile,
      place: placeName(this.#deps.jail(), unit.plan.namespaces) ?? "no jail",
      process,
      uid: unit.plan.identity?.uid ?? this.#deps.instance.identity?.uid ?? this.#deps.selfUid,
      aliveAt: process.startTime,
    });
  }
}
