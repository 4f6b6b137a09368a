/**
 * One run, from its request to its exit code: opens the log and the run directory, has the parts put
 * together, and says why a start came to nothing. What happens to the instance is instance_life.ts, who is
 * what is compose.ts.
 */
import { formatDiagnostic } from "../config/diagnostic.ts";
import { formatOrigin } from "../config/origin.ts";
import { HookExit, HookFailure } from "../hooks/hooks.ts";
import type { LogFile } from "../log/log_file.ts";
import { type Logger, standardLogger, wantsColour } from "../log/logger.ts";
import { Registry } from "../process/registry.ts";
import { AlreadyRunning, openRunDir, type RunDir, runDirPlaces } from "../records/run_dir.ts";
import { errorText, faultPlace } from "../sys/error_text.ts";
import { Inotify } from "../sys/file/inotify.ts";
import { watcher } from "../sys/file/watcher.ts";
import { becomeSubreaper, ownCredentials } from "../sys/process/own_process.ts";
import { keeper } from "../sys/keeper/keeper.ts";
import { isTerminal } from "../sys/process/tty.ts";
import { compose, type RunningParts, Stopped } from "./compose.ts";
import { isLogInside, planLogFile, startLog } from "./instance_log.ts";
import type { LifeEvent } from "./instance_life.ts";
import { SharedParts } from "./shared_parts.ts";
import type { StartRequest } from "./start.ts";

const EXIT_FAILURE = 1;

export class Run {
  readonly #request: StartRequest;
  readonly #logger: Logger;
  readonly #own: SharedParts;
  readonly #uid = ownCredentials().effectiveUid;
  /** Sees to the log that could not be opened at the start; null: it could. */
  #heldLog: { remove(): void } | null = null;

  constructor(request: StartRequest) {
    this.#request = request;
    this.#logger = standardLogger(process.env, isTerminal(2));
    this.#own = new SharedParts(this.#logger);
  }

  async toTheEnd(): Promise<number> {
    const { vacuum } = this.#request.plan.instance;
    let parts: RunningParts | null = null;
    this.#outliveFaults();
    try {
      parts = this.#compose();
      const { instance, start } = parts;
      return await instance.run(() => this.#started(start));
    } catch (error) {
      return this.#failure(error);
    } finally {
      if (vacuum) parts?.services.removePidfiles();
      parts?.services.close(vacuum);
      parts?.statistics.close();
      parts?.control.close();
      parts?.people.end();
      this.#heldLog?.remove();
      parts?.paced.cancel();
      this.#own.repeats.flush();
      this.#logger.flush();
    }
  }

  /**
   * An error thrown in a callback (a timer, a signal, a watch) is a fault of reeve itself. It is said, and
   * costs no daemon but the one that it was about: all others would die with reeve.
   */
  #outliveFaults(): void {
    const say = (error: unknown): void => {
      const place = faultPlace(error);
      const text = `a fault of reeve itself, which goes on: ${errorText(error)}`;
      this.#own.repeats.say("fault", "error", place === null ? text : `${text} at ${place}`);
    };
    for (const event of ["uncaughtException", "unhandledRejection"] as const) {
      process.removeAllListeners(event); // they would end this process
      process.on(event, say);
    }
  }

  #compose(): RunningParts {
    const inotify = new Inotify(watcher());
    const registry = new Registry();
    const log = this.#openLog(inotify, registry);
    for (const found of this.#request.warnings) {
      this.#logger.log(
        found.severity === "error" ? "error" : found.severity === "warning" ? "warning" : "info",
        null,
        formatDiagnostic({ ...found, severity: "error" }),
      );
    }
    const runDir = this.#openRunDir();
    this.#adoptOrphans();
    return compose({
      request: this.#request,
      logger: this.#logger,
      own: this.#own,
      logFile: log.file,
      isLogLate: log.isLate,
      inotify,
      registry,
      runDir,
      uid: this.#uid,
    });
  }

  /** `file` null: there is none, or it lies in a jail that is not there yet. */
  #openLog(
    inotify: Inotify,
    registry: Registry,
  ): { readonly file: LogFile | null; readonly isLate: boolean } {
    const { plan, capsule: { reloads } } = this.#request;
    const { log } = plan.instance;
    const common = { plan, logger: this.#logger, uid: this.#uid, own: this.#own, inotify, registry };
    const file = isLogInside(plan) ? null : planLogFile({ ...common, saysBoth: reloads === 0 });
    const { isLate, held } = file === null
      ? { isLate: false, held: null }
      : startLog(file, common, reloads > 0);
    this.#heldLog = held;
    this.#logger.reformat({ ...log, colour: log.file === null && wantsColour(isTerminal(2), process.env) });
    return { file, isLate };
  }

  #openRunDir(): RunDir | null {
    const { plan, capsule } = this.#request;
    return openRunDir(
      runDirPlaces(plan.instance, this.#uid, process.env),
      this.#uid,
      capsule.lockFd,
      (text) => this.#logger.warning(null, text),
    );
  }

  /**
   * Filters of system calls and emulators refuse it; then the end of a daemon that daemonized is seen by its
   * pidfd alone.
   */
  #adoptOrphans(): void {
    if (keeper() !== null) return; // it adopts them
    try {
      becomeSubreaper();
    } catch (error) {
      this.#logger.warning(null, `${errorText(error)}: what a daemon leaves behind is not reaped by reeve`);
    }
  }

  /** Never rejects. */
  async #started(start: () => Promise<void>): Promise<LifeEvent> {
    try {
      await start();
      return { type: "startDone" };
    } catch (error) {
      return { type: "startFailed", isStop: error instanceof Stopped, code: this.#failure(error) };
    }
  }

  /** The exit code of a start that came to nothing; why is said. */
  #failure(error: unknown): number {
    if (error instanceof HookExit) return error.code;
    if (error instanceof Stopped) {
      this.#logger.info(null, "told to stop before the start was complete");
      return 0;
    }
    const text = error instanceof HookFailure
      ? `${formatOrigin(error.hook.origin)}: ${error.message}`
      : error instanceof AlreadyRunning
      ? error.message
      : `cannot start: ${errorText(error)}`;
    this.#logger.error(null, text);
    return EXIT_FAILURE;
  }
}
