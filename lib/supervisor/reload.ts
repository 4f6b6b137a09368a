/**
 * A reload: the configuration is read anew and checked; once what must not live on is down, this process
 * executes the next image. A bad configuration, or an exec that fails, is reported and changes nothing. What
 * a daemon has to do with it is its unit's.
 */
import { isOfSection, type ReloadFate, reloadFates } from "../config/diff/over_reload.ts";
import type { Steps } from "../config/diff/steps.ts";
import type { Plan } from "../config/plan/plan.ts";
import type { Logger } from "../log/logger.ts";
import { closeFd } from "../sys/file/descriptor.ts";
import { errorText } from "../sys/error_text.ts";
import { memfdOf } from "../sys/file/memfd.ts";
import type { Capsule } from "../records/capsule.ts";
import { type CheckedFiles, saveFiles } from "../records/checked_files.ts";
import type { Control } from "./control/socket.ts";
import type { Core } from "./core.ts";
import { saveState } from "../records/handover.ts";
import { legionDaemons } from "./legion_deps.ts";
import type { Legions } from "./legions.ts";
import type { Operating } from "./operate/operating.ts";
import type { RunDir } from "../records/run_dir.ts";
import type { Perform, Services } from "./services.ts";
import { enterDirectory, type ReadAnew, readAnew } from "./configuration/read_anew.ts";
import { handToNext } from "./stage.ts";
import type { StartRequest } from "./start.ts";
import type { Statistics } from "./statistics.ts";

export interface ReloadDeps {
  readonly request: StartRequest;
  readonly logger: Logger;
  readonly core: Core;
  readonly services: Services;
  readonly legions: Legions;
  readonly statistics: Statistics;
  readonly control: Control;
  readonly operating: Pick<Operating, "handOver" | "reloadEnded">;
  readonly runDir: RunDir | null;
  readonly perform: Perform;
  /** The same, each command once a second. */
  readonly paced: Perform;
  /** The difference between the daemons that run and a Plan. */
  readonly compare: (plan: Plan) => Promise<Steps>;
}

export class Reload {
  readonly #deps: ReloadDeps;
  /** The files of the configuration that the reload under way found good. */
  #checked: CheckedFiles = new Map();
  #fates: ReadonlyMap<string, ReloadFate> = new Map();

  constructor(deps: ReloadDeps) {
    this.#deps = deps;
  }

  /** The daemons that the reload under way treats otherwise than their kind says. */
  get fates(): ReadonlyMap<string, ReloadFate> {
    return this.#fates;
  }

  /** Reads the configuration anew: `granted` is called where the next image can go on with it. */
  check(granted: () => void): void {
    const { request, logger, perform } = this.#deps;
    const found = this.#reread();
    if (found === null) return;
    if (request.plan.instance.exitOnReload) {
      logger.info(null, "exit-on-reload: stopping instead of reloading");
      return perform({ do: "exitOnReload" });
    }
    void this.#decide(found.plan).then((fates) => {
      logger.info(null, "...gracefully reloading");
      this.#checked = found.files;
      this.#fates = fates;
      this.#deps.services.notifier.reloading();
      granted();
    });
  }

  /** Where there is no daemon of a section, nothing is compared. Never rejects. */
  async #decide(plan: Plan): Promise<ReadonlyMap<string, ReloadFate>> {
    const { core: { units }, compare, logger } = this.#deps;
    const before = units.plans;
    if (!before.some(isOfSection)) return new Map();
    try {
      return reloadFates(await compare(plan), before);
    } catch (error) {
      logger.error(null, `cannot compare the daemons with the configuration: ${errorText(error)}`);
      return new Map();
    }
  }

  /** A configuration that can be used; null: it cannot, which has been said. */
  #reread(): Extract<ReadAnew, { readonly plan: Plan }> | null {
    const { request, logger, operating } = this.#deps;
    const found = readAnew(request, null, logger);
    if (found.plan !== null) return found;
    for (const error of found.errors) logger.error(null, error);
    const text = "the configuration has errors; everything goes on as it is";
    logger.error(null, `cannot reload: ${text}`, { errors: found.errors.length });
    operating.reloadEnded(false, [...found.errors, text]);
    return null;
  }

  /**
   * Every dumb daemon is down: runs the hooks of the end, and this process becomes the next image. Returns
   * only when that fails, or when a stop came between.
   */
  async become(isCalledOff: () => boolean, atExit: () => Promise<void>): Promise<void> {
    const { logger, core, services, legions, statistics, control, request, operating } = this.#deps;
    await legions.closed();
    await core.jail?.callOff();
    await atExit();
    services.close(false);
    statistics.close();
    control.suspend();
    const files = saveFiles(this.#checked);
    this.#checked = new Map();
    const fds = [files];
    const cwd = process.cwd();
    logger.flush();
    try {
      enterDirectory(request.capsule.cwd, logger);
      await handToNext(() => this.#capsule(files, fds), isCalledOff);
      this.#leave(fds, cwd);
    } catch (error) {
      this.#leave(fds, cwd);
      const text = `${errorText(error)}; going on with the configuration as it was`;
      logger.error(null, `cannot reload: ${text}`);
      operating.reloadEnded(false, [text]);
      if (!isCalledOff()) await this.#carryOn();
    }
  }

  /** The state for the next image. It is taken last, when nothing happens any more. */
  #capsule(files: number, fds: number[]): Omit<Capsule, "saved"> {
    const { core, request, runDir, control, operating } = this.#deps;
    const { jail, units } = core;
    const saved = jail === null ? null : { plan: jail.plan, identity: jail.identity };
    jail?.letGo();
    const state = memfdOf(
      "reeve-state",
      saveState(units, saved, performance.now(), operating.handOver(), this.#fates),
    );
    fds.push(state);
    const { control: _before, ...capsule } = request.capsule;
    return {
      ...capsule,
      reloads: request.capsule.reloads + 1,
      stateFd: state,
      filesFd: files,
      readyFd: null,
      lockFd: runDir?.lockFd ?? null,
      ...control.held === null ? {} : { control: control.held },
    };
  }

  async #carryOn(): Promise<void> {
    const { core, services, legions, statistics, control, perform, paced } = this.#deps;
    await legions.start(false, legionDaemons(core.units));
    await statistics.start(false);
    control.start();
    services.watchTouches(perform);
    services.startFifo(paced);
  }

  #leave(fds: readonly number[], cwd: string): void {
    for (const fd of fds) closeFd(fd);
    enterDirectory(cwd, this.#deps.logger);
  }
}
