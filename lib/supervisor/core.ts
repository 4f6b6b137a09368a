/**
 * Processes and what is known of them: the reaper, the sweeper, the journal, the jail and the units over
 * them. Nothing is decided here about a daemon.
 */
import { resolve } from "node:path";
import type { DaemonPlan } from "../config/plan/daemon_plan.ts";
import type { Plan } from "../config/plan/plan.ts";
import type { Door } from "../daemon/gates.ts";
import { type ExitCause, exitCodeOf, type ProcessId } from "../sys/process_id.ts";
import { jailTree } from "../jail/rooted_tree.ts";
import type { Logger } from "../log/logger.ts";
import type { Repeats } from "../log/repeats.ts";
import { LOOP_TIMERS } from "../sys/timers.ts";
import { readLimit, RLIMIT } from "../sys/process/limits.ts";
import { bootId, bootTime, TICKS_PER_SECOND } from "../sys/process/identity.ts";
import type { Inotify } from "../sys/file/inotify.ts";
import { ownCredentials } from "../sys/process/own_process.ts";
import { decodeStatus, reapDead } from "../sys/process/reap.ts";
import { keeper } from "../sys/keeper/keeper.ts";
import type { Death, Orphan } from "../sys/keeper/packets.ts";
import { watcher } from "../sys/file/watcher.ts";
import type { Inherited } from "../process/child_builder.ts";
import { errorText } from "../sys/error_text.ts";
import type { Saved } from "../records/handover.ts";
import type { JailChoice } from "./jail/finder.ts";
import type { JailEntry } from "./jail/entry.ts";
import type { HeldJail } from "./jail/held_jail.ts";
import { holdJail } from "./jail/assembly.ts";
import { Journal, type JournalEntry } from "../records/journal.ts";
import { findKnown } from "../records/known_daemons.ts";
import { reapAll, type ReaperDeps } from "../process/reaper.ts";
import { Leftovers } from "../records/leftovers.ts";
import { PathWatch } from "../watch/path_watch.ts";
import { PidTurnover } from "../records/pid_turnover.ts";
import type { Registry } from "../process/registry.ts";
import { isAlive } from "../process/signaller.ts";
import { signalAllOf } from "../process/all_processes.ts";
import { Birthmarks } from "../process/birthmarks.ts";
import { Strangers } from "../process/strangers.ts";
import { Sweeper } from "../process/sweeper.ts";
import { UnitSet } from "./unit/units.ts";
import { UnitHost } from "./unit/host.ts";

export interface CoreDeps {
  readonly plan: Plan;
  readonly logger: Logger;
  readonly repeats: Pick<Repeats, "say">;
  readonly inotify: Inotify;
  readonly registry: Registry;
  readonly runDir: string | null;
  readonly environment: { readonly list: readonly string[]; readonly path: string };
  readonly inherited: Inherited;
  readonly saved: ReadonlyMap<string, Saved>;
  readonly isReload: boolean;
  readonly isLord: (legion: string) => boolean;
  /** Whether a person keeps it down as the instance starts. */
  readonly doorOf: (plan: DaemonPlan) => Door;
  /** null: daemons run where reeve does. */
  readonly jail: JailChoice | null;
  /** The hooks and waits of a jail that was made again. */
  readonly entry: JailEntry;
}

/** A daemon's first children exist by now: the journal notes that their leader lives. */
const ALIVE_AFTER_MS = 2000;
/** Heap is given back this long after a burst, and no more often than this. */
const TIDY_AFTER_MS = 1000;
const TIDY_EVERY_MS = 60_000;

export class Core {
  readonly units: UnitSet;
  readonly host: UnitHost;
  readonly registry: Registry;
  readonly inotify: Inotify;
  /** null: daemons run where reeve does. */
  readonly jail: HeldJail | null;
  readonly #parts: CoreDeps;
  readonly #journal: Journal;
  readonly #sweeper: Sweeper;
  readonly #marks: Birthmarks;
  readonly #turnover: PidTurnover;
  readonly #leftovers: Leftovers;
  /** Nothing of an earlier reeve is left on record. */
  #isMarkable: boolean;
  readonly #system: ReaperDeps;
  readonly #before: readonly JournalEntry[];
  /** Told by the keeper, and not yet to those whose they were. */
  readonly #dead: Orphan[] = [];
  #lastSpawn = 0;
  #tidied = -TIDY_EVERY_MS;
  #tidyTimer: ReturnType<typeof setTimeout> | null = null;
  #aliveTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(deps: CoreDeps) {
    const { plan, logger } = deps;
    const { uid, gid } = ownCredentials();
    this.#parts = deps;
    this.inotify = deps.inotify;
    this.registry = deps.registry;
    const path = deps.runDir === null ? null : `${deps.runDir}/journal`;
    const boot = bootId() ?? "";
    this.#before = path === null ? [] : Journal.read(path, boot);
    this.#journal = new Journal(path, (error) => {
      logger.warning(
        null,
        `cannot write the journal: ${
          errorText(error)
        }; a kill -9 of reeve now would leave daemons behind unknown`,
      );
    });
    this.#marks = new Birthmarks({
      runDir: deps.runDir,
      limit: readLimit(RLIMIT.locks),
      now: BigInt(Math.floor(bootTime() * TICKS_PER_SECOND / 1000)),
    });
    this.#sweeper = new Sweeper(
      new Strangers({
        logger,
        marks: this.#marks,
        isOwned: (pid) => this.registry.has(pid),
        inits: () => {
          const jail = this.jail?.place()?.initPid ?? null;
          const guards = this.host.starter.guardInits();
          return jail === null ? guards : [jail, ...guards];
        },
        follow: (process, ended) => this.host.follow(process, null, ended),
        lookSoon: () => this.#sweeper.lookSoon(),
      }),
    );
    this.host = new UnitHost({
      instance: plan.instance,
      logger,
      repeats: deps.repeats,
      registry: this.registry,
      sweeper: this.#sweeper,
      marks: this.#marks,
      journal: this.#journal,
      watcher: watcher(),
      watchFile: (file, place, changed) => {
        const onProblem = (text: string): void => logger.warning(null, text);
        const tree = place === null ? {} : { tree: jailTree(place) };
        const world = { inotify: this.inotify, timers: LOOP_TIMERS, onProblem, ...tree };
        return new PathWatch(resolve(file), world, changed, { anyEvent: true, settle: 0 });
      },
      environment: deps.environment,
      inherited: deps.inherited,
      jail: () => this.jail,
      selfUid: uid,
      selfGid: gid,
      onSpawned: () => this.#noteAlive(),
    });
    this.#system = {
      reapDead: () => keeper() === null ? reapDead() : this.#takeDead(),
      failureOf: (pid) => this.host.failureOf(pid),
      forget: (pid) => this.host.forgetChild(pid),
    };
    this.jail = deps.jail === null ? null : holdJail(deps.jail, {
      ...deps,
      boot,
      host: this.host,
      registry: this.registry,
      changed: (isStale) => this.units.jailChanged(isStale),
      stopSignalOf: (process) => this.units.ownerOf(process)?.plan.stopSignal ?? null,
    });
    this.units = new UnitSet(plan.daemons, this.#withKnown(deps.saved), this.host, {
      isLord: deps.isLord,
      isJailOpen: () => this.jail === null || this.jail.isOpen,
      doorOf: deps.doorOf,
    });
    // Entries of an earlier reeve stay on record until they are dealt with: this one may be killed before
    // that.
    this.#journal.begin(boot, this.#before);
    this.#turnover = new PidTurnover(deps.runDir === null ? null : `${deps.runDir}/pids`, boot);
    const handedOver = processesOf(deps.saved);
    const earlier = this.#before.filter(({ process }) => !handedOver.has(process.pid));
    const kept = new Set([...handedOver].map((pid) => this.#marks.readStart(pid)));
    this.#isMarkable = !earlier.some(({ smart }) => !smart);
    if (this.#isMarkable) this.#turnover.mark();
    this.#leftovers = new Leftovers(earlier, {
      logger,
      journal: this.#journal,
      turnover: this.#turnover,
      isConfigured: ({ pidfile }) =>
        !deps.isReload &&
        plan.daemons.some((daemon) => daemon.kind !== "dumb" && daemon.pidfile === (pidfile ?? null)),
      livingSmart: () =>
        plan.daemons.filter(({ kind }) => kind !== "dumb").flatMap((daemon) => {
          const verdict = this.host.readPidfile(daemon, null);
          return verdict.valid ? [verdict.process.pid] : [];
        }),
      isMarked: (pid) => {
        const start = this.#marks.readStart(pid);
        return start !== null && !kept.has(start);
      },
      follow: (process, ended) => this.host.follow(process, null, ended),
    });
  }

  /** To whatever of the daemon runs; how many were told. */
  signalAll(main: ProcessId, signal: number): number {
    return signalAllOf(main, signal, this.#marks);
  }

  /** The keeper has reaped them. */
  died(deaths: readonly Death[]): void {
    for (const death of deaths) this.host.reported(death);
    this.#dead.push(...deaths);
    this.reap();
    keeper()?.free(deaths);
  }

  /** The keeper has reaped processes that nobody had started by name. */
  orphansReaped(count: number, listed: readonly Orphan[]): void {
    this.#parts.logger.debug(null, "orphans ended", { count });
    // A daemon that put itself into the background is one; its number may be that of a newer child by now.
    const owned = listed.filter(({ pid }) => this.registry.has(pid) && keeper()?.refOf(pid) === null);
    this.#dead.push(...owned);
    if (owned.length > 0) this.reap();
    this.#sweeper.lookSoon();
    this.jail?.look();
  }

  #takeDead(): readonly { readonly pid: number; readonly cause: ExitCause }[] {
    return this.#dead.splice(0).map(({ pid, status }) => ({ pid, cause: decodeStatus(status) }));
  }

  /** For SIGCHLD, and once after an exec: whoever died meanwhile. */
  reap(): void {
    const { strangers } = reapAll(this.#system, this.registry, (pid, cause) => {
      this.#parts.logger.debug(null, "an orphan ended", { pid, code: exitCodeOf(cause) });
    });
    if (strangers > 0) this.#sweeper.lookSoon();
    this.jail?.look();
  }

  /** Ends what daemons of a killed reeve left, and waits until it is gone. */
  async endRemainders(): Promise<void> {
    const wasMarkable = this.#isMarkable;
    this.#isMarkable = await this.#leftovers.end();
    if (this.#isMarkable && !wasMarkable) this.#turnover.mark();
  }

  #withKnown(saved: ReadonlyMap<string, Saved>): ReadonlyMap<string, Saved> {
    const { plan: { daemons }, jail, isReload, logger } = this.#parts;
    const held = jail === null ? null : { plan: jail.plan, identity: jail.handle?.identity ?? null };
    return findKnown({ before: this.#before, daemons, jail: held, saved, isReload, isAlive, logger });
  }

  #noteAlive(): void {
    this.#tidySoon();
    this.#lastSpawn = performance.now();
    this.#aliveTimer ??= setTimeout(() => this.#writeAlive(), ALIVE_AFTER_MS);
  }

  /**
   * Memory that a burst of starts and ends left on the heap is given back once it is quiet: the collector
   * waits for pressure that an idle supervisor never makes.
   */
  #tidySoon(): void {
    this.#tidyTimer ??= setTimeout(() => {
      this.#tidyTimer = null;
      this.#tidied = performance.now();
      Bun.gc(true);
    }, Math.max(TIDY_AFTER_MS, this.#tidied + TIDY_EVERY_MS - performance.now()));
  }

  #writeAlive(): void {
    this.#aliveTimer = null;
    const rest = this.#lastSpawn + ALIVE_AFTER_MS / 2 - performance.now();
    if (rest > 0) this.#aliveTimer = setTimeout(() => this.#writeAlive(), rest);
    else {
      this.#journal.alive(BigInt(Math.floor(bootTime() * TICKS_PER_SECOND / 1000)));
      if (this.#isMarkable) this.#turnover.mark();
    }
  }
}

/** Pids of daemons that the image before has left running. */
function processesOf(saved: CoreDeps["saved"]): ReadonlySet<number> {
  const found = [...saved.values()].flatMap(({ status }) => [status?.child, status?.main, status?.leader]);
  return new Set(found.flatMap((process) => process == null ? [] : [process.pid]));
}
