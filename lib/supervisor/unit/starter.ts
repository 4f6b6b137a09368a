/**
 * Starts daemons: where each lives, what it is told, and the pidfile that reeve writes for it. A daemon of a
 * jail that does not stand is not started, and has not failed.
 */
import { lstatSync, readFileSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { shownCommand } from "../../config/plan/mask.ts";
import type { DaemonPlan } from "../../config/plan/daemon_plan.ts";
import type { InstancePlan } from "../../config/plan/instance_plan.ts";
import { DAEMON_MESSAGES } from "../../daemon/messages.ts";
import { SIGKILL } from "../../sys/native/constants.ts";
import type { ProcessId } from "../../sys/process_id.ts";
import type { JailPlace } from "../../jail/place.ts";
import { openJoins } from "../../jail/joins.ts";
import { jailTree } from "../../jail/rooted_tree.ts";
import { GuardedPlace } from "../../legion/guard/place.ts";
import type { Lordship } from "../../legion/legion.ts";
import type { Logger } from "../../log/logger.ts";
import { type FileTree, HOST_TREE } from "../../sys/file/file_tree.ts";
import { type PreparedFile, prepareFile } from "../../sys/file/atomic_file.ts";
import type { ChildSpec } from "../../sys/child/child_spec.ts";
import type { Birthmarks } from "../../process/birthmarks.ts";
import { RLIMIT } from "../../sys/process/limits.ts";
import { daemonChild, type Inherited, type Whereabouts } from "../../process/child_builder.ts";
import { DaemonPlaces } from "./places.ts";
import { changeEnvironment, type Environment } from "../../process/environment.ts";
import type { HeldJail } from "../jail/held_jail.ts";
import { daemonConfinement } from "../jail/spec.ts";
import { parseMountInfo } from "../../sys/host/mount_info.ts";
import { ownersOfLinks } from "../../pidfile/reader.ts";
import { daemonLabel } from "../../records/former_children.ts";
import { signalDaemon } from "../../process/signaller.ts";

export interface StarterDeps {
  readonly instance: InstancePlan;
  readonly logger: Logger;
  readonly environment: Environment;
  readonly inherited: Inherited;
  /** null: daemons run where reeve does. */
  readonly jail: () => Pick<HeldJail, "isOpen" | "place"> | null;
  readonly selfUid: number;
  readonly selfGid: number;
  readonly marks: Birthmarks;
  readonly start: (spec: Omit<ChildSpec, "spawnId">) => ProcessId;
}

/** As wide as the widest pid and its newline: a full disk is found before anything is started. */
const PIDFILE_ROOM = 12;

/**
 * The surroundings of every start. A value, which is replaced as a whole: after the hooks of the start, and
 * of a jail made anew.
 */
export interface StartSurroundings {
  readonly environment: Environment;
  /** The jail's directory that relative paths are relative to. */
  readonly directory: string;
  /** The lordship of a legion; null: this node is not its lord. */
  readonly lordship: (legion: string) => Lordship | null;
}

export class DaemonStarter {
  readonly places: DaemonPlaces;
  #surroundings: StartSurroundings;
  /** Its settings that say how daemons are started; the rest is as it was at the start. */
  #instance: InstancePlan;
  /** On top of the surroundings. */
  #changes: InstancePlan["environment"] = [];
  readonly #deps: StarterDeps;

  #starts = 1;

  constructor(deps: StarterDeps) {
    this.#deps = deps;
    this.#instance = deps.instance;
    this.#surroundings = { environment: deps.environment, directory: "/", lordship: () => null };
    this.places = new DaemonPlaces(deps.jail, () => this.#surroundings.directory);
  }

  surroundWith(surroundings: StartSurroundings): void {
    this.#surroundings = surroundings;
  }

  /** From the next start on. `changes`: to the environment that daemons began with so far. */
  changeInstance(instance: InstancePlan, changes: InstancePlan["environment"]): void {
    this.#instance = instance;
    this.#changes = changes;
  }

  get instance(): InstancePlan {
    return this.#instance;
  }

  /**
   * Its legion's lordship has a guard, whose pids its pidfile holds; null: it has none, or this node is not
   * the lord.
   */
  guardOf({ legion }: DaemonPlan): GuardedPlace | null {
    const guard = legion === null ? null : this.#surroundings.lordship(legion)?.guard?.place ?? null;
    return guard === null ? null : new GuardedPlace(guard, this.#deps.jail()?.place() ?? null);
  }

  /** It runs under the guard of a lordship, or not at all. */
  isGuarded({ legion }: DaemonPlan): boolean {
    const { legions } = this.#deps.instance;
    return legions.some(({ name, transport }) => name === legion && transport.kind === "etcd");
  }

  /** PID 1 of each guard's namespace: they inherit what daemons there leave behind. */
  guardInits(): number[] {
    const places = this.#deps.instance.legions.map(({ name }) =>
      this.#surroundings.lordship(name)?.guard?.place ?? null
    );
    return places.flatMap((place) => place === null ? [] : [place.initPid]);
  }

  /** Tells the guard, if there is one, of a process that is this daemon. */
  tellGuard({ legion, stopSignal, stopTimeout }: DaemonPlan, { pid }: ProcessId): void {
    const lordship = legion === null ? null : this.#surroundings.lordship(legion);
    lordship?.guard?.watch(pid, stopSignal, lordship.graceOf(stopTimeout * 1000));
  }

  /** Throws an Error that says which stage failed. null: its jail does not stand. */
  spawn(plan: DaemonPlan, again: boolean, number: number): ProcessId | null {
    const jail = this.#deps.jail();
    if (jail !== null && !jail.isOpen) return null;
    const place = jail?.place() ?? null;
    try {
      return this.#spawnIn(place, plan, again, number);
    } catch (error) {
      // Nobody is let into a jail that ends.
      if (jail !== null && !jail.isOpen) return null;
      throw error;
    }
  }

  #spawnIn(place: JailPlace | null, plan: DaemonPlan, again: boolean, number: number): ProcessId {
    const { inherited, logger, selfUid, selfGid } = this.#deps;
    const environment = this.#environmentOf(plan);
    const guard = this.guardOf(plan);
    // Legions of etcd promise that nothing outlives the lordship: whatever went wrong, that must never be.
    if (guard === null && this.isGuarded(plan)) throw new Error(`the legion "${plan.legion}" has no guard`);
    this.places.renew(plan);
    this.#checkEntry(plan);
    const pidfile = this.#preparePidfile(plan);
    const joins = closing(pidfile, () => openJoins(plan.namespaces?.join ?? [], place?.initPid ?? "self"));
    try {
      const where = this.#whereabouts(place, guard, plan, joins);
      const spec = {
        ...daemonChild(plan, this.#instance, number, environment, inherited, where),
        label: daemonLabel(plan.name, this.#starts++),
        stop: { signal: plan.stopSignal, graceMs: Math.round(plan.stopTimeout * 1000) },
      };
      const text = again ? DAEMON_MESSAGES.respawning : DAEMON_MESSAGES.spawning;
      logger.log(
        "info",
        plan.name,
        text(shownCommand(plan.command), spec.uid ?? selfUid, spec.gid ?? selfGid),
      );
      const process = this.#startMarked(plan, spec);
      if (pidfile !== null) commitPidfile(pidfile, process, guard ?? place);
      return process;
    } finally {
      joins.close();
      pidfile?.abort();
    }
  }

  /** A dumb daemon is marked from its birth on: everything that it forks ends with it. */
  #startMarked(plan: DaemonPlan, spec: Omit<ChildSpec, "spawnId">): ProcessId {
    const { marks, start } = this.#deps;
    const mark = plan.kind === "dumb" ? marks.next() : null;
    if (mark === null) return start(spec);
    const process = start({ ...spec, rlimits: [...spec.rlimits, { resource: RLIMIT.locks, ...mark.limit }] });
    marks.remember(process.pid, mark.start);
    return process;
  }

  /**
   * Throws where a daemon of a legion is to be started and this node is not the lord: whoever asks, that must
   * never be.
   */
  #environmentOf({ legion }: DaemonPlan): Environment {
    const { environment: began, lordship: of } = this.#surroundings;
    const environment = this.#changes.length === 0 ? began : changeEnvironment(began, this.#changes);
    if (legion === null) return environment;
    const lordship = of(legion);
    if (lordship === null) throw new Error(`this node is not the lord of the legion "${legion}"`);
    return changeEnvironment(environment, lordship.variables);
  }

  /**
   * Throws where the daemon, or reeve in its name, could not write its pidfile because something else has
   * that name; whoever can write to the directory may have put it there. A daemon that cannot be told by its
   * pidfile would be started again and again.
   */
  #checkEntry(plan: DaemonPlan): void {
    if (plan.pidfile === null) return;
    const source = this.places.sourceOf(plan);
    const tree = source === null ? HOST_TREE : jailTree(source);
    const found = lookAt(this.places.absolute(plan, plan.pidfile), tree);
    if (found === null || found.isFile()) return;
    // Anything but a directory is replaced by the pidfile that reeve writes.
    if (plan.kind === "smart2" && !found.isDirectory()) return;
    const daemonUid = plan.identity?.uid ?? this.#deps.instance.identity?.uid ?? this.#deps.selfUid;
    const isLink = found.isSymbolicLink();
    if (isLink && [0, this.#deps.selfUid, daemonUid].includes(found.uid)) return;
    throw new Error(
      `its pidfile "${plan.pidfile}" is ${
        kindOf(found)
      } of user ${found.uid}: it waits until that is removed`,
    );
  }

  /** null: the daemon writes its own, or has none. */
  #preparePidfile(plan: DaemonPlan): PreparedFile | null {
    if (plan.kind !== "smart2" || plan.pidfile === null) return null;
    const source = this.places.sourceOf(plan);
    const place = source?.() ?? null;
    if (source !== null && place === null) {
      throw new Error(`cannot write pidfile "${plan.pidfile}": there is no root to write it in`);
    }
    const root = place === null ? {} : { root: place.rootFd };
    const path = this.places.absolute(plan, plan.pidfile);
    const pidfile = prepareFile(path, PIDFILE_ROOM, { mode: 0o644, ...root });
    closing(pidfile, () => this.#checkPlace(plan, pidfile));
    return pidfile;
  }

  #whereabouts(
    place: JailPlace | null,
    guard: GuardedPlace | null,
    { namespaces }: DaemonPlan,
    joins: Parameters<typeof daemonConfinement>[2],
  ): Whereabouts | null {
    const isAllSeen = namespaces !== null && namespaces.readonly && namespaces.root === null;
    const mountPoints = isAllSeen ? mountPointsOf(place?.initPid ?? "self") : [];
    const wanted = daemonConfinement(place, namespaces, joins, mountPoints);
    const confinement = guard === null ? wanted : guard.confine(wanted);
    if (confinement === null) return null;
    return { confinement, cwd: place === null ? null : this.#surroundings.directory };
  }

  /**
   * As root: a link that somebody else made would have it write into a directory of their choice, and read no
   * pidfile there.
   */
  #checkPlace(plan: DaemonPlan, pidfile: PreparedFile): void {
    if (this.#deps.selfUid !== 0) return;
    const daemonUid = plan.identity?.uid ?? this.#deps.instance.identity?.uid ?? 0;
    const source = this.places.sourceOf(plan);
    const tree = source === null ? undefined : jailTree(source);
    const owners = ownersOfLinks(dirname(pidfile.path), pidfile.directory, tree);
    const other = owners?.find((uid) => uid !== 0 && uid !== daemonUid);
    if (owners !== null && other === undefined) return;
    const detail = owners === null
      ? "the way to it changes while it is looked at"
      : `a symbolic link on the way to it belongs to uid ${other}; name its directory itself`;
    throw new Error(`cannot write pidfile "${pidfile.path}": ${detail}`);
  }
}

/** A daemon whose pidfile cannot be written would not be found again: it is not left running. */
function commitPidfile(
  pidfile: PreparedFile,
  process: ProcessId,
  place: Pick<JailPlace, "pidInside"> | null,
): void {
  try {
    const pid = place === null ? process.pid : place.pidInside(process.pid);
    if (pid === null) throw new Error(`cannot tell what pid ${process.pid} is called inside: it has ended`);
    pidfile.commit(new TextEncoder().encode(`${pid}\n`));
  } catch (error) {
    signalDaemon(process, SIGKILL);
    throw error;
  }
}

function closing<T>(pidfile: PreparedFile | null, action: () => T): T {
  try {
    return action();
  } catch (error) {
    pidfile?.abort();
    throw error;
  }
}

function mountPointsOf(pid: number | "self"): readonly string[] {
  return parseMountInfo(readFileSync(`/proc/${pid}/mountinfo`, "utf8")).map(({ target }) => target);
}

/** null: nothing is there, or it is not to be seen. */
function lookAt(path: string, tree: FileTree): Stats | null {
  try {
    return tree.entry(path, "look", (entry) => lstatSync(entry));
  } catch {
    return null;
  }
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return "a directory";
  if (found.isFIFO()) return "a FIFO";
  if (found.isSocket()) return "a socket";
  return found.isSymbolicLink() ? "a symbolic link" : "a device";
}
