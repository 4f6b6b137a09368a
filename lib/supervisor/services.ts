/**
 * The parts of an instance that are not daemons, wired to the running system: its log file, hooks, waits,
 * touch files, master FIFO, pidfiles, and the service manager above it. Holds no policy: each part's own file
 * does.
 */
import { instancePid } from "../sys/process/instance_pid.ts";
import { resolve } from "node:path";
import { maskLine } from "../config/plan/mask.ts";
import type { Command } from "../config/plan/daemon_plan.ts";
import type { Plan } from "../config/plan/plan.ts";
import type { InstanceCommand } from "../control/commands.ts";
import { DAEMON_MESSAGES } from "../daemon/messages.ts";
import type { JailSource } from "../jail/place.ts";
import type { JoinPlan } from "../config/plan/jail_plan.ts";
import { jailTree } from "../jail/rooted_tree.ts";
import type { Logger } from "../log/logger.ts";
import { LOOP_TIMERS } from "../sys/timers.ts";
import { notify } from "../sys/socket/notify.ts";
import { watcher } from "../sys/file/watcher.ts";
import type { CommandRunner } from "../process/command_runner.ts";
import type { Core } from "./core.ts";
import type { Environment } from "../process/environment.ts";
import { HOST_TREE } from "../sys/file/file_tree.ts";
import type { Kept } from "../sys/file/kept.ts";
import type { SharedParts } from "./shared_parts.ts";
import { errorText } from "../sys/error_text.ts";
import { MasterFifo } from "../control/fifo.ts";
import { HookRunner } from "../hooks/hooks.ts";
import { ParentNotifier } from "../control/notify_parent.ts";
import { type PidfileOptions, removePidfile, writePidfile } from "../pidfile/own_pidfiles.ts";
import { SetnsServer } from "./setns_server.ts";
import { type TouchDeps, type Touches, watchDaemonTouches, watchInstanceTouches } from "../watch/touch.ts";
import { plantedBy } from "../watch/planted.ts";
import { refuseTakenNames } from "../pidfile/taken_names.ts";
import type { DaemonUnit } from "./unit/unit.ts";
import type { WaitDeps } from "../watch/waits.ts";

export interface ServicesDeps {
  readonly plan: Plan;
  readonly logger: Logger;
  readonly own: SharedParts;
  readonly isReload: boolean;
  readonly core: Core;
  readonly commands: CommandRunner;
  readonly environment: Environment;
  readonly parseCommand: (text: string) => Command;
  readonly uid: number;
  readonly openLogLate: (() => void) | null;
  /** Where the paths of daemons, of waits and of the hooks inside lie; absent: the plan has no jail. */
  readonly jail?: JailSource;
}

export type Perform = (command: InstanceCommand) => void;

export class Services {
  readonly hooks: HookRunner;
  readonly notifier: ParentNotifier;
  /**
   * Opens the log file after the hooks of a start: one in a jail, for each that is made, or in their
   * directory.
   */
  readonly openLogLate: (() => void) | null;
  readonly #deps: ServicesDeps;
  #fifo: MasterFifo | null = null;
  #setns: SetnsServer | null = null;
  /** Made as soon as nothing of a stranger is in their way. */
  readonly #held: { remove(): void }[] = [];
  readonly #touches: { remove(): void }[] = [];
  /** `means`: the files and their place. */
  readonly #daemonTouches = new Map<DaemonUnit, { readonly means: string; readonly touches: Touches }>();

  constructor(deps: ServicesDeps) {
    this.#deps = deps;
    this.openLogLate = deps.openLogLate;
    const { plan, logger } = deps;
    const log = (level: "info" | "warning" | "error", text: string): void => logger.log(level, null, text);
    this.hooks = new HookRunner(
      plan.instance,
      {
        runCommand: (command, options) => deps.commands.run(command, options),
        parseCommand: deps.parseCommand,
        jail: () => deps.jail?.() ?? null,
        changeJail: (change, signal) => deps.commands.changeJail(change, signal),
        wait: async (wait, signal, inside) => {
          const { waitFor } = await import("../watch/waits.ts");
          await waitFor(wait, await this.#waitWorld(inside), signal);
        },
        log,
        self: [process.execPath],
        format: { ...plan.instance.log, colour: false },
      },
      deps.environment,
      process.cwd(),
    );
    this.notifier = new ParentNotifier(process.env["NOTIFY_SOCKET"], {
      send: notify,
      monotonic: () => process.hrtime.bigint() / 1000n,
      onProblem: (text) => logger.warning(null, text),
    });
  }

  async waits(signal: AbortSignal): Promise<void> {
    const { plan, jail } = this.#deps;
    if (plan.instance.waits.length === 0) return;
    const { waitForAll } = await import("../watch/waits.ts");
    const inside = jail === undefined ? null : this.hooks.cwd;
    await waitForAll(plan.instance.waits, await this.#waitWorld(inside), signal);
  }

  /** Throws NameTaken: before anything is done in the name of another running instance. */
  refuseTakenNames(): void {
    refuseTakenNames(this.#deps.plan.instance, this.#deps.uid);
  }

  /** Throws when one cannot be written. */
  writePidfiles(wanted: (pidfile: Plan["instance"]["pidfiles"][number]) => boolean): void {
    for (const pidfile of this.#deps.plan.instance.pidfiles) {
      if (!wanted(pidfile)) continue;
      this.#deps.own.files.add(resolve(pidfile.path));
      this.#makeOrHold(pidfile.path, () => writePidfile(pidfile, this.#pidfileContext()));
    }
  }

  removePidfiles(): void {
    for (const pidfile of this.#deps.plan.instance.pidfiles) removePidfile(pidfile, this.#pidfileContext());
  }

  /**
   * For a jail that joins what a socket hands out. Rejects with the signal's reason, or where the wrong one
   * serves it.
   */
  async joins(plans: readonly JoinPlan[], signal: AbortSignal): Promise<void> {
    const log = (text: string): void => this.#deps.logger.info(null, text);
    const { untilServed } = await import("../jail/setns_wait.ts");
    await untilServed(plans, { timers: LOOP_TIMERS, log }, signal);
  }

  /** The FIFO, and the socket that hands out namespaces. Throws when one cannot be made. */
  startFifo(perform: Perform): void {
    const { plan, logger, uid, core, own } = this.#deps;
    const shared = {
      watcher: watcher(),
      log: (level: "info" | "warning" | "error", text: string): void => logger.log(level, null, text),
      repeats: own.repeats,
      keep: (path: string, kept: Kept) => own.keep(core.inotify, path, kept),
      uid,
    };
    const { setnsServer } = plan.instance;
    if (setnsServer !== null) {
      own.files.add(resolve(setnsServer.path));
      this.#makeOrHold(setnsServer.path, () => {
        this.#setns = new SetnsServer(setnsServer, { ...shared, jail: core.jail });
      });
    }
    const paths = plan.instance.masterFifo.map(({ path }) => resolve(path));
    if (paths.length === 0) return;
    for (const path of paths) own.files.add(path);
    const times = { timers: LOOP_TIMERS, now: () => performance.now() };
    this.#fifo = new MasterFifo(paths, { ...shared, ...times, owner: plan.instance.identity }, perform);
    const fifo = this.#fifo;
    this.#makeOrHold(paths[0]!, () => fifo.start());
  }

  /** `perform`: not paced, since the touches themselves are. */
  watchTouches(perform: Perform): void {
    this.#touches.push(watchInstanceTouches(this.#deps.plan.instance, this.#touchWorld(), perform));
    this.#touches.push(this.#deps.core.units.listen({ changed: () => this.#followDaemons(perform) }));
    this.watchDaemons(perform);
  }

  /**
   * The touch files of daemons, which are the jail's where there is one; anew when it was made again: what is
   * there now counts.
   */
  watchDaemons(perform: Perform): void {
    for (const unit of [...this.#daemonTouches.keys()]) this.#unwatchDaemon(unit);
    this.#followDaemons(perform);
  }

  /** Daemons that are there by now, and no others: a watch that still means the same misses no touch. */
  #followDaemons(perform: Perform): void {
    const { core, own } = this.#deps;
    const { places } = core.host.starter;
    const units = new Set(core.units);
    for (const unit of [...this.#daemonTouches.keys()]) if (!units.has(unit)) this.#unwatchDaemon(unit);
    for (const unit of units) {
      const { plan } = unit;
      const source = places.sourceOf(plan);
      if (plan.kind === "smart2" && plan.pidfile !== null) {
        own.files.add(places.absolute(plan, plan.pidfile), source === null ? HOST_TREE : jailTree(source));
      }
      const cwd = places.directoryOf(plan) ?? process.cwd();
      const means = JSON.stringify([plan.touch, cwd, plan.namespaces?.root?.path]);
      if (this.#daemonTouches.get(unit)?.means === means) continue;
      this.#unwatchDaemon(unit);
      if (plan.touch.length === 0) continue;
      const tree = source === null ? {} : { tree: jailTree(source) };
      const touches = watchDaemonTouches(
        plan.touch,
        { ...this.#touchWorld(), ...tree, cwd },
        (path) => this.#touched(unit, path, perform),
      );
      this.#daemonTouches.set(unit, { means, touches });
    }
  }

  #unwatchDaemon(unit: DaemonUnit): void {
    this.#daemonTouches.get(unit)?.touches.remove();
    this.#daemonTouches.delete(unit);
  }

  #touched({ name, status, machine }: DaemonUnit, path: string, perform: Perform): void {
    const pid = (status.main ?? status.child)?.pid ?? 0;
    this.#deps.logger.info(name, DAEMON_MESSAGES.touched(path, machine.settings.command, pid));
    perform({ do: "restartDaemon", daemon: name, reason: "touch" });
  }

  /**
   * Throws what `make` throws, unless a stranger has put something in its way: then that is said, and made
   * when it is gone.
   */
  #makeOrHold(path: string, make: () => void): void {
    const { own, core, uid, logger } = this.#deps;
    const absolute = resolve(path);
    try {
      return make();
    } catch (error) {
      if (plantedBy(absolute, uid) === null) throw error;
    }
    let isMade = false;
    const restore = (): void => {
      make();
      isMade = true;
      logger.info(null, `"${path}" is made: nothing is in its way any more`);
    };
    this.#held.push(own.keep(core.inotify, absolute, { isThere: () => isMade, restore }));
  }

  close(removeFifo: boolean): void {
    for (const held of this.#held.splice(0)) held.remove();
    for (const touch of this.#touches.splice(0)) touch.remove();
    for (const unit of [...this.#daemonTouches.keys()]) this.#unwatchDaemon(unit);
    this.#setns?.close();
    this.#setns = null;
    this.#fifo?.close(removeFifo);
    this.#fifo = null;
  }

  /** The command of a touch-exec; how it goes is said in the log. */
  async runCommand(text: string, signal: AbortSignal): Promise<void> {
    const { commands, logger, plan } = this.#deps;
    try {
      const end = await commands.run(this.#deps.parseCommand(text), {
        identity: plan.instance.identity,
        environment: this.hooks.environmentOutside,
        cwd: process.cwd(),
        signal,
      });
      const how = end.kind === "exited"
        ? `exited with code ${end.code}`
        : `was killed by signal ${end.signal}`;
      if (end.kind !== "exited" || end.code !== 0) {
        logger.warning(null, `touch-exec "${maskLine(text)}" ${how}`);
      }
    } catch (error) {
      if (!signal.aborted) logger.error(null, `touch-exec: ${errorText(error)}`);
    }
  }

  /** `inside`: the jail's directory to which paths are relative; null: they are reeve's. */
  async #waitWorld(inside: string | null): Promise<WaitDeps> {
    const { jail } = this.#deps;
    const world = this.#pathWorld();
    if (jail === undefined || inside === null) return world;
    return (await import("../watch/wait_inside.ts")).waitInside(world, jail, inside);
  }

  #touchWorld(): TouchDeps {
    const { own, isReload } = this.#deps;
    return { ...this.#pathWorld(), own: own.files, now: () => performance.now(), isReload };
  }

  #pathWorld(): WaitDeps {
    const { logger, core } = this.#deps;
    return {
      inotify: core.inotify,
      timers: LOOP_TIMERS,
      cwd: process.cwd(),
      onProblem: (text) => logger.warning(null, text),
      log: (level, text) => logger.log(level, null, text),
    };
  }

  #pidfileContext(): PidfileOptions {
    return {
      pid: instancePid(),
      asRoot: this.#deps.uid === 0,
      cwd: process.cwd(),
      owner: this.#deps.plan.instance.identity,
    };
  }
}
