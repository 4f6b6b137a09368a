/**
 * The life of one run: begins it, hears signals, the FIFO and touched files, and ends it with an exit code. What
 * happens to one daemon is its unit's, what concerns all of them the instance's.
 */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { formatDiagnostic } from "../config/diagnostic.ts";
import { formatOrigin } from "../config/origin.ts";
import type { Plan } from "../config/plan/plan.ts";
import type { JailPlace } from "../jail/place.ts";
import type { LogFile } from "../log/log_file.ts";
import { type Logger, standardLogger, wantsColour } from "../log/logger.ts";
import { becomeSubreaper, ownCredentials } from "../sys/process/own_process.ts";
import { LOOP_TIMERS } from "../sys/timers.ts";
import { isTerminal } from "../sys/process/tty.ts";
import { assemble } from "./assemble.ts";
import { tellReady } from "./background.ts";
import type { Capsule } from "../records/capsule.ts";
import { type CommandDeps, perform } from "./commands.ts";
import type { Core } from "./core.ts";
import { errorText } from "../sys/error_text.ts";
import type { Foreground } from "./foreground.ts";
import { HookExit, HookFailure } from "../hooks/hooks.ts";
import type { InstanceEnd } from "./instance.ts";
import { endsWithInit } from "./jail/drain.ts";
import type { Legions } from "./legions.ts";
import { AlreadyRunning, openRunDir, type RunDir, runDirPlaces } from "../records/run_dir.ts";
import { isLogInside, planLogFile } from "./instance_log.ts";
import type { Kept } from "../sys/file/kept.ts";
import { plantedBy } from "../watch/planted.ts";
import { SharedParts } from "./shared_parts.ts";
import { PacedCommands } from "../control/paced_commands.ts";
import { Reload } from "./reload.ts";
import type { Perform, Services } from "./services.ts";
import { meanings, wireSignals } from "./signal_wiring.ts";
import type { Snapshot } from "../control/snapshot.ts";
import { stateLines } from "../control/state_lines.ts";
import type { Statistics } from "./statistics.ts";
import type { StartRequest } from "./start.ts";
import { startUp } from "./start_up.ts";

/** Told to stop: what is under way is called off. */
class Stopped extends Error {}

const EXIT_FAILURE = 1;

export class Run {
  readonly #request: StartRequest;
  readonly #plan: Plan;
  readonly #capsule: Capsule;
  readonly #logger: Logger;
  readonly #own: SharedParts;
  readonly #logFile: LogFile | null;
  /** Sees to the log that could not be opened at the start. */
  #holdLog: (() => void) | null = null;
  #heldLog: { remove(): void } | null = null;
  /** Its directory was not there at the beginning. */
  #isLogLate = false;
  readonly #startUp = new AbortController();
  readonly #life = new AbortController();
  /** Calls off the hooks of the end, while they run. */
  #farewell: AbortController | null = null;
  /** Told to stop at once: nobody gets a grace any more. */
  #isUrgent = false;
  readonly #uid = ownCredentials().effectiveUid;
  #core!: Core;
  #services!: Services;
  #legions!: Legions;
  #statistics!: Statistics;
  #snapshot!: () => Snapshot;
  #runDir: RunDir | null = null;
  #foreground: Foreground | null = null;
  #reload!: Reload;
  #paced: PacedCommands | null = null;
  #isUp = false;

  constructor(request: StartRequest) {
    this.#request = request;
    this.#plan = request.plan;
    this.#capsule = request.capsule;
    this.#logger = standardLogger(process.env, isTerminal(2));
    this.#own = new SharedParts(this.#logger);
    const jail = (): JailPlace | null => this.#core.jail?.place() ?? null;
    this.#logFile = planLogFile(
      this.#plan,
      this.#logger,
      this.#uid,
      this.#own,
      this.#capsule.reloads === 0,
      () => this.#core,
      jail,
    );
  }

  async toTheEnd(): Promise<number> {
    const { instance } = this.#plan;
    this.#outliveFaults();
    try {
      await this.#begin();
      for (;;) {
        const end = await this.#core.nextEnd();
        if (end.kind === "stopped") return await this.#finish(end);
        await this.#reload.become();
      }
    } catch (error) {
      return await this.#failed(error);
    } finally {
      if (instance.vacuum) this.#services?.removePidfiles();
      this.#foreground?.giveBack();
      this.#services?.close(instance.vacuum);
      this.#statistics?.close();
      this.#heldLog?.remove();
      this.#paced?.cancel();
      this.#own.repeats.flush();
      this.#logger.flush();
    }
  }

  /**
   * What is thrown in a callback (a timer, a signal, a watch) is a fault of reeve itself. It is said, and costs no daemon
   * but the one that it was about: all others would die with reeve.
   */
  #outliveFaults(): void {
    const say = (error: unknown): void => {
      const where = error instanceof Error
        ? (error.stack ?? "").split("\n").slice(1, 4).join(" ").trim()
        : "";
      const text = `a fault of reeve itself, which goes on: ${errorText(error)}`;
      this.#own.repeats.say("fault", "error", `${text} at ${where.replace(/\s+/g, " ")}`);
    };
    process.on("uncaughtException", say);
    process.on("unhandledRejection", say);
  }

  async #begin(): Promise<void> {
    const { instance } = this.#plan;
    const isReload = this.#capsule.reloads > 0;
    this.#openLog(isReload);
    for (const found of this.#request.warnings) {
      this.#logger.log(
        found.severity === "error" ? "error" : found.severity === "warning" ? "warning" : "info",
        null,
        formatDiagnostic({ ...found, severity: "error" }),
      );
    }
    this.#runDir = openRunDir(
      runDirPlaces(instance, this.#uid, process.env),
      this.#uid,
      this.#capsule.lockFd,
      (text) => this.#logger.warning(null, text),
    );
    this.#adoptOrphans();
    const runDir = this.#runDir?.path ?? null;
    const commandDeps = this.#commandDeps();
    const obey: Perform = (command) => perform(command, commandDeps);
    this.#paced = new PacedCommands({
      timers: LOOP_TIMERS,
      now: () => performance.now(),
      log: (level, text) => this.#logger.log(level, null, text),
      perform: obey,
    });
    const paced: Perform = (command) => this.#paced?.ask(command);
    const parts = assemble(
      this.#request,
      this.#logger,
      this.#own,
      runDir,
      this.#uid,
      this.#life.signal,
      obey,
    );
    this.#core = parts.core;
    this.#services = parts.services;
    if (isLogInside(this.#plan) || this.#isLogLate) this.#services.openLogLate = this.#logOpener(isReload);
    this.#legions = parts.legions;
    this.#statistics = parts.statistics;
    this.#snapshot = parts.snapshot;
    this.#foreground = parts.foreground;
    this.#reload = new Reload({
      request: this.#request,
      logger: this.#logger,
      core: parts.core,
      services: parts.services,
      legions: parts.legions,
      statistics: parts.statistics,
      runDir: this.#runDir,
      perform: obey,
      paced,
      atExit: () => {
        this.#paced?.runHeld();
        return this.#atExit();
      },
      tellUp: () => this.#tellUp(),
    });
    this.#logFile?.watch();
    this.#holdLog?.();
    wireSignals(
      meanings(instance.sigtermReloads, this.#foreground !== null),
      paced,
      () => {
        this.#foreground?.look();
        this.#core.reap();
      },
      (name) => this.#foreground?.forward(name),
    );
    this.#core.reap();
    await startUp({
      plan: this.#plan,
      core: this.#core,
      services: this.#services,
      legions: this.#legions,
      statistics: this.#statistics,
      inside: parts.inside,
      perform: obey,
      paced,
      isReload,
      startSignal: this.#startUp.signal,
      lifeSignal: this.#life.signal,
    });
    this.#isUp = true;
    const daemons = this.#plan.daemons.length;
    this.#logger.info(null, isReload ? "reeve is back" : "reeve is up", {
      pid: process.pid,
      instance: this.#runDir?.name ?? this.#plan.instance.name,
      daemons,
    });
    // Whoever started it has read to here; its terminal is nobody's to write to any more.
    this.#logger.logAlone();
    this.#tellUp();
    tellReady(this.#capsule);
    this.#reload.askIfWanted();
  }

  /** Filters of system calls and emulators refuse it; then the end of a daemon that daemonized is seen by its pidfd alone. */
  #adoptOrphans(): void {
    try {
      becomeSubreaper();
    } catch (error) {
      this.#logger.warning(null, `${errorText(error)}: what a daemon leaves behind is not reaped by reeve`);
    }
  }

  /** To the service manager, which waits for it after a start and after a reload, one that failed too. */
  #tellUp(): void {
    const count = this.#plan.daemons.length;
    this.#services.notifier.ready(`${count} daemons`, this.#capsule.readyFd === null ? null : process.pid);
  }

  #openLog(isReload: boolean): void {
    const { log } = this.#plan.instance;
    if (this.#logFile !== null) {
      if (isReload && !log.reopen) this.#logFile.adopt(2);
      else if (!isLogInside(this.#plan)) this.#openOrHold(this.#logFile, log.truncate && !isReload);
    }
    this.#logger.reformat({ ...log, colour: log.file === null && wantsColour(isTerminal(2), process.env) });
  }

  /**
   * Throws, unless a stranger has put something in its way, or hooks may make its directory: then lines go where they went
   * until that is gone, or the hooks have run.
   */
  #openOrHold(logFile: LogFile, truncate: boolean): void {
    const path = resolve(this.#plan.instance.log.file ?? "");
    try {
      logFile.open({ truncate });
    } catch (error) {
      if (mayHooksMake(dirname(path), this.#plan)) {
        this.#isLogLate = true;
        return;
      }
      if (plantedBy(path, this.#uid) === null) throw error;
      const kept: Kept = { isThere: () => logFile.isOpen, restore: () => logFile.open({ truncate }) };
      this.#holdLog = () => {
        this.#heldLog = this.#own.keep(this.#core.inotify, path, kept);
      };
    }
  }

  /** Once the hooks of the start have run: for the jail of the start, and for each that takes its place. */
  #logOpener(isReload: boolean): () => void {
    const { log } = this.#plan.instance;
    let isFirst = true;
    return () => {
      if (!isFirst) this.#logFile?.reopen();
      else if (this.#logFile?.isOpen === false) {
        this.#logFile.open({ truncate: log.truncate && !isReload });
      }
      isFirst = false;
    };
  }

  #commandDeps(): CommandDeps {
    return {
      logger: this.#logger,
      logFile: this.#logFile,
      stop: (code) => this.#stop(code),
      stopNow: () => this.#stopNow(),
      reload: () => this.#reload.ask(),
      logState: () => this.#describe(),
      writePidfiles: () => this.#services.writePidfiles(() => true),
      runCommand: (command) => void this.#services.runCommand(command, this.#life.signal),
      startDaemon: (name) => this.#core.instance.units.setPerson(name, "open"),
      stopDaemon: (name) => this.#core.instance.units.setPerson(name, "closed"),
      restartDaemon: (name, reason) => this.#core.instance.units.restart(name, reason),
    };
  }

  #describe(): void {
    for (const { daemon, text, fields } of stateLines(this.#snapshot())) {
      this.#logger.info(daemon, text, fields);
    }
  }

  #stop(code: number | null): void {
    this.#callOffStart();
    if (this.#core.instance.phase === "starting") return;
    if (this.#core.instance.phase !== "stopping") this.#services.notifier.stopping();
    if (this.#core.instance.stop(code)) this.#callOffEnd();
  }

  #stopNow(): void {
    this.#callOffStart();
    this.#callOffEnd();
    if (this.#core.instance.phase !== "stopping") this.#services.notifier.stopping();
    this.#core.instance.kill();
  }

  #callOffEnd(): void {
    this.#isUrgent = true;
    this.#legions.callOffHooks();
    this.#farewell?.abort(new Stopped("told to stop at once"));
  }

  #callOffStart(): void {
    this.#startUp.abort(new Stopped());
    // Hooks that follow the daemons' start are called off as well.
    if (!this.#isUp) this.#life.abort(new Stopped());
  }

  async #atExit(): Promise<void> {
    try {
      this.#farewell = new AbortController();
      await this.#services.hooks.run("as-user-atexit", this.#farewell.signal);
    } catch (error) {
      this.#logger.error(null, `cannot run all hooks of the end: ${errorText(error)}`);
    }
    this.#farewell = null;
  }

  async #finish(end: Extract<InstanceEnd, { kind: "stopped" }>): Promise<number> {
    this.#life.abort(new Stopped());
    await this.#legions.closed();
    await this.#atExit();
    await this.#endJail(this.#plan.instance.reloadMercy * 1000);
    this.#logger.info(null, "goodbye to reeve", { code: end.code });
    return end.code;
  }

  /** With everything that is still in it; a second request to stop calls its grace off. */
  async #endJail(graceMs: number): Promise<void> {
    this.#farewell = new AbortController();
    await this.#core.jail?.end(this.#isUrgent ? 0 : graceMs, this.#farewell.signal);
    this.#farewell = null;
  }

  /** In the jail of an earlier image smart daemons run, which a failure does not end. A stop ends them, as it always does in a jail. */
  async #endJailOfStart(isStop: boolean): Promise<void> {
    const { jail } = this.#core;
    if (jail?.isKept !== true) return await this.#endJail(0);
    if (isStop && endsWithInit(jail.plan)) await this.#endJail(this.#plan.instance.reloadMercy * 1000);
  }

  /** A start that came to nothing. What was started is ended first. */
  async #failed(error: unknown): Promise<number> {
    let code = EXIT_FAILURE;
    if (error instanceof Stopped) {
      code = 0;
      this.#logger.info(null, "told to stop before the start was complete");
    } else if (error instanceof HookExit) {
      code = error.code;
    } else if (error instanceof HookFailure) {
      this.#logger.error(null, `${formatOrigin(error.hook.origin)}: ${error.message}`);
    } else {
      this.#logger.error(
        null,
        error instanceof AlreadyRunning ? error.message : `cannot start: ${errorText(error)}`,
      );
    }
    const instance = this.#core?.instance;
    if (instance === undefined) return code;
    if (instance.phase === "starting") {
      this.#legions.leave(true);
      await this.#legions.closed();
      await this.#endJailOfStart(error instanceof Stopped);
      return code;
    }
    if (instance.phase !== "stopping") instance.stop(code);
    for (;;) {
      const end = await this.#core.nextEnd();
      // A reload that was under way ends in the stop.
      if (end.kind !== "stopped") continue;
      if (error instanceof Stopped) return await this.#finish(end);
      await this.#legions.closed();
      await this.#endJail(this.#plan.instance.reloadMercy * 1000);
      return code;
    }
  }
}

/** The phases of hooks that run before the daemons do. */
const BEFORE_DAEMONS: ReadonlySet<string> = new Set(
  "asap pre-jail post-jail in-jail as-root as-user".split(" "),
);

/** Whether a directory that is not there may come with the hooks, or with what is waited for. */
function mayHooksMake(directory: string, { instance: { hooks, waits } }: Plan): boolean {
  return !existsSync(directory) && (waits.length > 0 || hooks.some(({ phase }) => BEFORE_DAEMONS.has(phase)));
}
