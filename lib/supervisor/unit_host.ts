/**
 * What daemons run on: the one implementation of UnitServices over the real system. It holds no opinion about any
 * daemon; units decide, this does.
 */
import { dirname } from "node:path";
import { shownCommand } from "../config/mask.ts";
import type { DaemonPlan, InstancePlan } from "../config/plan.ts";
import { DAEMON_MESSAGES } from "../daemon/messages.ts";
import { SIGKILL } from "../daemon/patience.ts";
import type { ExitCause, ProcessId } from "../daemon/process.ts";
import type { Verdict } from "../daemon/pidfile.ts";
import type { Logger } from "../log/logger.ts";
import { LOOP_TIMERS } from "../log/timers.ts";
import { type PreparedFile, prepareFile } from "../sys/atomic_file.ts";
import { closePidfd } from "../sys/pidfd.ts";
import { readStat } from "../sys/process_table.ts";
import { drainReports } from "../sys/reports.ts";
import { spawnChild } from "../sys/spawn.ts";
import { stageName } from "../sys/stage.ts";
import type { Watcher } from "../sys/watcher.ts";
import { daemonChild, type Inherited } from "./child_builder.ts";
import { errorText } from "../sys/error_text.ts";
import type { Journal } from "./journal.ts";
import { ownersOfLinks, readPidfile } from "./pidfile_reader.ts";
import type { Registry, SetupFailure } from "./registry.ts";
import { holdProcess, isAlive, signalDaemon, UNKNOWN_START } from "./signaller.ts";
import type { Sweeper } from "./sweeper.ts";
import type { DaemonUnit, Timer, UnitServices } from "./unit.ts";

export interface HostParts {
  readonly instance: InstancePlan;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly sweeper: Sweeper;
  readonly journal: Journal;
  readonly watcher: Watcher;
  /** Calls back when the file at `path` may have changed, appeared or gone. */
  readonly watchFile: (path: string, changed: () => void) => { remove(): void };
  readonly environment: { readonly list: readonly string[]; readonly path: string };
  readonly inherited: Inherited;
  readonly selfUid: number;
  readonly selfGid: number;
  readonly onSpawned: () => void;
  readonly onStopped: (unit: DaemonUnit) => void;
  readonly onControlEnded: (unit: DaemonUnit, cause: ExitCause, failed: boolean) => void;
}

/** As wide as the widest pid and its newline: a full disk is found before anything is started. */
const PIDFILE_ROOM = 12;

const FOLLOW_AGAIN_MS = 1000;

export class UnitHost implements UnitServices {
  readonly logger: Logger;
  environment: HostParts["environment"];
  readonly #parts: HostParts;
  readonly #indexes = new Map<string, number>();
  /** Spawn ids by pid of live children: a report names the spawn, a death names the pid. */
  readonly #spawnIds = new Map<number, number>();
  readonly #failures = new Map<number, SetupFailure>();
  /** Pids that could not be followed when it was tried. */
  readonly #unheld = new Set<number>();
  #nextSpawnId = 1;

  constructor(parts: HostParts) {
    this.#parts = parts;
    this.logger = parts.logger;
    this.environment = parts.environment;
  }

  now(): number {
    return performance.now();
  }

  setTimer(ms: number, fire: () => void): Timer {
    return LOOP_TIMERS.after(ms, fire);
  }

  spawn(plan: DaemonPlan, again: boolean): ProcessId {
    const { instance, inherited, logger } = this.#parts;
    let pidfile: PreparedFile | null = null;
    if (plan.kind === "smart2" && plan.pidfile !== null) {
      pidfile = prepareFile(plan.pidfile, PIDFILE_ROOM, { mode: 0o644 });
    }
    try {
      if (pidfile !== null) this.#checkPlace(plan, pidfile);
      const spec = daemonChild(plan, instance, this.#indexOf(plan), this.environment, inherited);
      const uid = spec.uid ?? this.#parts.selfUid;
      const gid = spec.gid ?? this.#parts.selfGid;
      const text = again ? DAEMON_MESSAGES.respawning : DAEMON_MESSAGES.spawning;
      logger.log("info", plan.name, text(shownCommand(plan.command), uid, gid));
      const process = this.start(spec);
      try {
        pidfile?.commit(new TextEncoder().encode(`${process.pid}\n`));
      } catch (error) {
        signalDaemon(process, SIGKILL);
        throw error;
      }
      pidfile = null;
      return process;
    } finally {
      pidfile?.abort();
    }
  }

  /** As root: a link that somebody else made would have it write into a directory of their choice, and read no pidfile there. */
  #checkPlace(plan: DaemonPlan, pidfile: PreparedFile): void {
    if (this.#parts.selfUid !== 0) return;
    const daemonUid = plan.identity?.uid ?? this.#parts.instance.identity?.uid ?? 0;
    const owners = ownersOfLinks(dirname(pidfile.path), pidfile.directory);
    const other = owners?.find((uid) => uid !== 0 && uid !== daemonUid);
    if (owners !== null && other === undefined) return;
    const detail = owners === null
      ? "the way to it changes while it is looked at"
      : `a symbolic link on the way to it belongs to uid ${other}; name its directory itself`;
    throw new Error(`cannot write pidfile "${pidfile.path}": ${detail}`);
  }

  /** Starts any child; its end is told to whoever owns it in the registry. */
  start(spec: Omit<Parameters<typeof spawnChild>[0], "spawnId">): ProcessId {
    const spawnId = this.#nextSpawnId++;
    const child = spawnChild({ ...spec, spawnId });
    // Our unreaped child keeps its pid: the number is as good as the descriptor, and 10,000 daemons need no 10,000 of them.
    if (child.pidfd !== null) closePidfd(child.pidfd);
    this.#spawnIds.set(child.pid, spawnId);
    this.#parts.onSpawned();
    return { pid: child.pid, startTime: startTimeOf(child.pid) };
  }

  /** For the reaper: the stage at which the child `pid` failed, if it has reported one. */
  failureOf(pid: number): SetupFailure | null {
    for (const report of drainReports()) {
      this.#failures.set(report.spawnId, { stage: stageName(report.stage), errno: report.errno });
    }
    const spawnId = this.#spawnIds.get(pid);
    return spawnId === undefined ? null : this.#failures.get(spawnId) ?? null;
  }

  forgetChild(pid: number): void {
    const spawnId = this.#spawnIds.get(pid);
    if (spawnId === undefined) return;
    this.#spawnIds.delete(pid);
    this.#failures.delete(spawnId);
  }

  forget(process: ProcessId): void {
    this.#parts.journal.end(process);
  }

  own(process: ProcessId, owner: DaemonUnit): void {
    this.#parts.registry.set(process.pid, owner);
  }

  disown(process: ProcessId, owner: DaemonUnit): void {
    this.#parts.registry.delete(process.pid, owner);
  }

  follow(target: ProcessId, owner: DaemonUnit | null, ended: () => void): { remove(): void } {
    let pidfd: number | null;
    try {
      pidfd = holdProcess(target);
    } catch (error) {
      const what = `cannot follow pid ${target.pid}: ${errorText(error)}; tried again until it can be`;
      if (!this.#unheld.has(target.pid)) this.logger.error(owner?.name ?? null, what);
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
    const watch = this.#parts.watcher.add(held, () => {
      watch.remove(); // It stays readable from now on.
      // A child of ours is reaped first, since that tells how it ended.
      if (owner === null || readStat(target.pid)?.ppid !== process.pid) ended();
    });
    return {
      remove: () => {
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
      this.logger.error(null, `cannot signal pid ${process.pid}: ${errorText(error)}`);
    }
  }

  readPidfile(plan: DaemonPlan, known: ProcessId | null): Verdict {
    const verdict = readPidfile(plan.pidfile ?? "", {
      selfUid: this.#parts.selfUid,
      selfPid: process.pid,
      daemonUid: plan.identity?.uid ?? this.#parts.instance.identity?.uid ?? this.#parts.selfUid,
      known,
    });
    if (!verdict.valid) return verdict;
    // Two daemons that are one process: the second would never be started, and each stop would end both.
    const { pid } = verdict.process;
    const other = this.#parts.registry.get(pid)?.name;
    if (other === undefined || other === plan.name) return verdict;
    const found = `pidfile "${plan.pidfile}" names pid ${pid}, which belongs to the daemon "${other}"`;
    return { valid: false, found, unfinished: false };
  }

  isAlive(process: ProcessId): boolean {
    return isAlive(process);
  }

  watchPidfile(plan: DaemonPlan, changed: () => void): { remove(): void } {
    return this.#parts.watchFile(plan.pidfile ?? "", changed);
  }

  sweep(leader: ProcessId, signal: number | null, emptied: () => void): void {
    this.#parts.sweeper.sweep(leader, signal, emptied);
  }

  remember(unit: DaemonUnit, process: ProcessId): void {
    this.#parts.journal.up({
      name: unit.name,
      smart: unit.plan.kind !== "dumb",
      pidfile: unit.plan.pidfile,
      process,
      uid: unit.plan.identity?.uid ?? this.#parts.instance.identity?.uid ?? this.#parts.selfUid,
      aliveAt: process.startTime,
    });
  }

  stopped(unit: DaemonUnit): void {
    this.#parts.onStopped(unit);
  }

  controlEnded(unit: DaemonUnit, cause: ExitCause, failed: boolean): void {
    this.#parts.onControlEnded(unit, cause, failed);
  }

  #indexOf(plan: DaemonPlan): number {
    const known = this.#indexes.get(plan.name);
    if (known !== undefined) return known;
    this.#indexes.set(plan.name, this.#indexes.size);
    return this.#indexes.size - 1;
  }
}

/** The child runs already: that its start time cannot be read (no descriptor free) must not lose it. */
function startTimeOf(pid: number): bigint {
  try {
    return readStat(pid)?.startTime ?? UNKNOWN_START;
  } catch {
    return UNKNOWN_START;
  }
}
