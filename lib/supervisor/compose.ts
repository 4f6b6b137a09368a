/**
 * The composition root: builds the parts of a run from its request, each from those before it, and says how
 * it starts. The one place where parts are put together; nothing is decided here.
 */
import { instancePid } from "../sys/process/instance_pid.ts";
import { join, resolve } from "node:path";
import type { InstanceCommand } from "../control/commands.ts";
import { formatDiagnostic } from "../config/diagnostic.ts";
import type { Plan } from "../config/plan/plan.ts";
import { PacedCommands } from "../control/paced_commands.ts";
import type { Snapshot } from "../control/snapshot.ts";
import { stateLines } from "../control/state_lines.ts";
import type { LogFile } from "../log/log_file.ts";
import type { Logger } from "../log/logger.ts";
import { closeFd } from "../sys/file/descriptor.ts";
import { Inotify } from "../sys/file/inotify.ts";
import { watcher } from "../sys/file/watcher.ts";
import { errorText } from "../sys/error_text.ts";
import { bootId } from "../sys/process/identity.ts";
import { bootTime } from "../sys/process/identity.ts";
import { decodeStatus } from "../sys/process/reap.ts";
import { signalName } from "../sys/signal_names.ts";
import { SIGKILL } from "../sys/native/constants.ts";
import { saveFiles } from "../records/checked_files.ts";
import { findFormer } from "../records/former_children.ts";
import { type FormerCore, formerCore, holdCapsule, isNarrow } from "./stage.ts";
import { keeper } from "../sys/keeper/keeper.ts";
import { raiseOpenFiles, RLIMIT } from "../sys/process/limits.ts";
import { readUmask } from "../sys/process/own_process.ts";
import { LOOP_TIMERS } from "../sys/timers.ts";
import { isTerminal } from "../sys/process/tty.ts";
import type { Capsule } from "../records/capsule.ts";
import type { RunDir } from "../records/run_dir.ts";
import type { Inherited } from "../process/child_builder.ts";
import { CommandRunner } from "../process/command_runner.ts";
import { Registry } from "../process/registry.ts";
import { signalAlone } from "../process/signaller.ts";
import type { Apply, ApplyDeps } from "./configuration/apply.ts";
import { tellReady } from "./background.ts";
import { type CommandDeps, perform } from "./commands.ts";
import { Control } from "./control/socket.ts";
import { Core } from "./core.ts";
import { daemonEnvironment, jailEnvironment } from "../process/environment.ts";
import { Foreground } from "./foreground.ts";
import { Malformed } from "../records/codec.ts";
import { type Restored, restoreState } from "../records/handover.ts";
import { Instance } from "./instance.ts";
import { isLogInside, logOpener, openLog, planLogFile } from "./instance_log.ts";
import type { LifeStatus } from "./instance_life.ts";
import { endsWithInit } from "./jail/drain.ts";
import { JailEntry } from "./jail/entry.ts";
import { chooseJail } from "./jail/finder.ts";
import type { HeldJail } from "./jail/held_jail.ts";
import { JailFile } from "../records/jail_record.ts";
import { Legions } from "./legions.ts";
import type { Answers } from "./operate/answers.ts";
import { readHandedOver } from "./operate/handed_over.ts";
import { Operating } from "./operate/operating.ts";
import { People } from "./operate/people.ts";
import { Reload } from "./reload.ts";
import type { SharedParts } from "./shared_parts.ts";
import { Services } from "./services.ts";
import { meanings, signalMeanings } from "./signal_wiring.ts";
import { takeSnapshot } from "./snapshot.ts";
import { Statistics } from "./statistics.ts";
import type { StartRequest } from "./start.ts";
import { enterJailAgain, startUp, surroundDaemons } from "./start_up.ts";

/** Told to stop: what is under way is called off. */
export class Stopped extends Error {}

export interface ComposeOptions {
  readonly request: StartRequest;
  readonly logger: Logger;
  readonly own: SharedParts;
  /** Already open; null: there is none, or it lies in the jail. */
  readonly logFile: LogFile | null;
  /** Its directory was not there at the beginning. */
  readonly isLogLate: boolean;
  readonly inotify: Inotify;
  readonly registry: Registry;
  readonly runDir: RunDir | null;
  readonly uid: number;
}

export interface RunningParts {
  readonly instance: Instance;
  readonly services: Services;
  readonly statistics: Statistics;
  readonly control: Control;
  readonly people: People;
  readonly paced: PacedCommands;
  /** Loaded when it is asked for. */
  readonly apply: () => Promise<Apply>;
  /** COMMAND of the entrypoint form, where there is one. */
  readonly foreground: Foreground | null;
  /** Hears signals from then on, and carries the start out. Rejects as startUp, or with Stopped. */
  readonly start: () => Promise<void>;
}

const STDIN = 0;
/** In the run directory: what people have said about single daemons. */
const PEOPLE_FILE = "people";

export function compose(options: ComposeOptions): RunningParts {
  const { request, logger, own, inotify, registry, runDir, uid } = options;
  const { plan, capsule, parseCommand } = request;
  const isReload = capsule.reloads > 0;
  const [startUpControl, life] = [new AbortController(), new AbortController()];
  const inherited = inheritance(uid);
  const variables = process.env;
  const changes = plan.instance.environment;
  const surrounding = { own: variables, reloads: capsule.reloads, originalName: process.argv0 };
  const environment = daemonEnvironment({ ...surrounding, changes });
  const restored = restore(plan, capsule, logger);
  const choice = chooseJail({
    saved: restored?.jail,
    record: new JailFile(runDir?.path ?? null).read(bootId() ?? ""),
    wanted: plan.instance.jail,
    logger,
  });
  const inside = choice?.plan.environment === "clean"
    ? jailEnvironment({ own: variables, changes })
    : environment;
  const obey = (command: InstanceCommand): void => perform(command, commandDeps);
  const surroundings = () => ({
    plan,
    core,
    services,
    legions,
    inside,
    perform: obey,
    endWith: (code: number) => instance.handle({ type: "endAsked", code }),
  });
  const handedOver = restored?.operations == null ? null : readHandedOver(restored.operations);
  const people = new People({
    runFile: runDir === null ? null : join(runDir.path, PEOPLE_FILE),
    stateFile: stateFile(request, runDir?.name ?? plan.instance.name),
    boot: bootId() ?? "",
    words: handedOver?.words ?? null,
  }, { now: () => Date.now(), complain: (text) => logger.warning(null, text) });
  const core = new Core({
    plan,
    doorOf: (daemon) => people.doorOf(daemon),
    logger,
    repeats: own.repeats,
    inotify,
    registry,
    runDir: runDir?.path ?? null,
    environment,
    inherited,
    saved: restored?.units ?? new Map(),
    isReload: restored !== null,
    isLord: (legion) => legions.isLord(legion),
    jail: choice,
    entry: new JailEntry((signal) => enterJailAgain(surroundings(), signal), life.signal),
  });
  const { jail, units } = core;
  const operating = new Operating(handedOver, {
    units,
    people,
    now: () => Date.now(),
    monotonic: () => performance.now(),
  });
  const place = jail === null ? {} : { jail: () => jail.place() };
  const logFile = isLogInside(plan)
    ? planLogFile({ ...options, plan, saysBoth: !isReload, ...place })
    : options.logFile;
  if (isLogInside(plan)) openLog(logFile, plan, isReload);
  const commands = new CommandRunner(core.host, registry, plan.instance, inherited, place.jail);
  if (runDir !== null) {
    own.files.add(runDir.path);
    own.files.addDirectory(runDir.path);
  }
  const services = new Services({
    plan,
    logger,
    own,
    isReload: restored !== null,
    core,
    commands,
    environment,
    parseCommand,
    uid,
    openLogLate: isLogInside(plan) || options.isLogLate ? logOpener(logFile, plan, isReload) : null,
    ...place,
  });
  const legions = new Legions({
    plan,
    logger,
    repeats: own.repeats,
    jail,
    commands,
    parseCommand,
    hooks: services.hooks,
  });
  const snapshot = (): Snapshot => takeSnapshot({ instance: plan.instance.name, units, legions, jail });
  const statistics = new Statistics({
    plan,
    logger,
    own: own.files,
    keep: (path, kept) => own.keep(inotify, path, kept),
    snapshot,
  });
  const control = new Control({
    held: capsule.control ?? null,
    instance: plan.instance,
    runDir,
    uid,
    logger,
    repeats: own.repeats,
    own: own.files,
    inotify,
    keep: (path, kept) => own.keep(inotify, path, kept),
    watcher: watcher(),
    load: async () => (await answers()).handle,
  });
  const answers = once(async (): Promise<Answers> => {
    const { controlAnswers } = await import("./operate/answers.ts");
    return controlAnswers({
      plan,
      units,
      operating,
      logger,
      isLord: (legion) => legions.isLord(legion),
      state: () => instance.state,
      stopInstance: () => obey({ do: "stop" }),
      reload: () => paced.ask({ do: "reload" }),
      apply: () => apply(),
      uid,
      planToJson: request.planToJson,
      signalOne: signalAlone,
      signalAll: (main, signal) => core.signalAll(main, signal),
    });
  });
  const entrypoint = [...units].find((unit) => unit.plan.option === "entrypoint");
  const foreground = entrypoint === undefined ? null : new Foreground(() => entrypoint.status.child);
  const paced = new PacedCommands({
    timers: LOOP_TIMERS,
    now: () => performance.now(),
    log: (level, text) => logger.log(level, null, text),
    perform: obey,
  });
  const askPaced = (command: InstanceCommand): void => paced.ask(command);
  const exitHooks = (signal: AbortSignal): Promise<void> => runExitHooks(services, logger, signal);
  const reload = new Reload({
    request,
    logger,
    core,
    services,
    legions,
    statistics,
    control,
    operating,
    runDir,
    perform: obey,
    paced: askPaced,
    compare: async (plan) => (await apply()).compare(plan),
  });
  const applyDeps: ApplyDeps = {
    request,
    logger,
    units,
    starter: core.host.starter,
    refusal: () => instance.state === "running" ? null : `the instance is not up: it is ${instance.state}`,
    environment: (said) =>
      choice?.plan.environment === "clean"
        ? jailEnvironment({ own: variables, changes: said })
        : daemonEnvironment({ ...surrounding, changes: said }),
    renamed: (names) => people.rename(names),
    enter: (wanted) => {
      const directory = resolve(jail === null ? capsule.cwd : "/", wanted ?? ".");
      if (jail === null) process.chdir(directory);
      services.hooks.changeDirectory(directory);
      surroundDaemons({ core, services, legions });
    },
  };
  let applying: Promise<Apply> | null = null;
  const apply = (): Promise<Apply> => applying ??= loadApply(applyDeps);
  const tellManager = (): void =>
    services.notifier.ready(`${units.size} daemons`, capsule.readyFd === null ? null : instancePid());
  const instance = new Instance({
    logger,
    units,
    legions,
    nothingSurvives: capsule.underInit || instancePid() === 1 || jail?.hasInit === true,
    callOffStart: () => {
      startUpControl.abort(new Stopped());
      life.abort(new Stopped());
    },
    callOffLife: () => {
      life.abort(new Stopped());
      operating.ended();
    },
    tellUp: (isAgain) => {
      // The core may be killed as soon as somebody reads that it is up.
      beFollowed(options, control);
      if (!isAgain) sayUp(options, units.size);
      tellManager();
      if (!isAgain) tellReady(capsule);
      if (isReload && !isAgain) operating.reloadEnded(true, request.warnings.map(formatDiagnostic));
      if (operating.isUnderWay) void answers().then(({ operations }) => operations.resume());
    },
    tellStopping: () => {
      services.notifier.stopping();
      operating.stopping();
    },
    checkReload: () => reload.check(() => instance.handle({ type: "reloadGranted" })),
    reloadFates: () => reload.fates,
    handOver: (isCalledOff, signal) =>
      reload.become(isCalledOff, async () => {
        paced.runHeld();
        await exitHooks(signal);
      }),
    runExitHooks: exitHooks,
    endJail: (status, signal) => endJail(jail, plan.instance.reloadMercy * 1000, status, signal),
  });
  const commandDeps: CommandDeps = {
    logger,
    logFile,
    stop: (code) => instance.handle({ type: "stopAsked", code }),
    stopNow: () => instance.handle({ type: "stopNowAsked" }),
    reload: () => instance.handle({ type: "reloadAsked" }),
    logState: () => {
      for (const { daemon, text, fields } of stateLines(snapshot())) logger.info(daemon, text, fields);
    },
    writePidfiles: () => services.writePidfiles(() => true),
    runCommand: (command) => void services.runCommand(command, life.signal),
    startDaemon: (name) => units.setPerson(name, "open"),
    stopDaemon: (name) => units.setPerson(name, "closed"),
    restartDaemon: (name, reason) => units.restart(name, reason),
  };
  const start = async (): Promise<void> => {
    logFile?.watch();
    const words = meanings(plan.instance.sigtermReloads, foreground !== null);
    const obeyed = signalMeanings(words, askPaced, (name) => foreground?.forward(name));
    // Daemons that run already are stopped in order, by units that have begun: a stop waits for that.
    const held = new HeldSignals(obeyed, restored !== null && capsule.stateFd === null);
    hearKeeper(core, (signal) => held.take(signal));
    control.start();
    await startUp({
      ...surroundings(),
      statistics,
      paced: askPaced,
      isReload,
      daemonsDue: () => instance.handle({ type: "daemonsDue" }),
      startSignal: startUpControl.signal,
      lifeSignal: life.signal,
    });
    held.letGo();
  };
  return { instance, services, statistics, control, people, paced, apply, foreground, start };
}

/**
 * From now on a core that ends is followed by another: the keeper holds what that one needs. Without room for
 * it the next one reads its configuration anew.
 */
function beFollowed(
  { request: { capsule, files }, runDir, logger }: ComposeOptions,
  control: Control,
): void {
  const own = keeper();
  if (own === null) return;
  const filesFd = files.size === 0 ? capsule.filesFd : saveFiles(files);
  files.clear();
  const { control: _before, ...kept } = capsule;
  try {
    if (isNarrow(own)) throw new Error("there are few descriptors (ulimit -n)");
    holdCapsule(own, {
      ...kept,
      stateFd: null,
      filesFd,
      lockFd: runDir?.lockFd ?? null,
      ...control.held === null ? {} : { control: control.held },
    });
  } catch (error) {
    logger.warning(null, `${errorText(error)}: a core that ends is followed by one that knows less`);
  }
  if (filesFd !== null && filesFd !== capsule.filesFd) closeFd(filesFd);
  own.up();
}

/** The keeper's news go where they are acted on. */
function hearKeeper(core: Core, signalled: (signal: number) => void): void {
  const own = keeper();
  if (own === null) return;
  own.listen({
    died: (deaths) => core.died(deaths),
    reapedOrphans: (count, listed) => core.orphansReaped(count, listed),
    signalled,
  });
  watcher().add(own.fd, () => own.receive());
}

async function loadApply(deps: ApplyDeps): Promise<Apply> {
  const { Apply } = await import("./configuration/apply.ts");
  return new Apply(deps);
}

/** A start that takes longer than this, milliseconds, is one that a stop may call off. */
const LONGEST_HOLD_MS = 2000;

/** Signals that wait until the daemons of a core that has ended are this one's. */
class HeldSignals {
  readonly #obey: (signal: number) => void;
  #waiting: number[] | null;

  constructor(obey: (signal: number) => void, holds: boolean) {
    this.#obey = obey;
    this.#waiting = holds ? [] : null;
    if (holds) setTimeout(() => this.letGo(), LONGEST_HOLD_MS).unref();
  }

  take(signal: number): void {
    if (this.#waiting === null) this.#obey(signal);
    else this.#waiting.push(signal);
  }

  letGo(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const signal of waiting) this.#obey(signal);
  }
}

/** null: there is no state-dir. */
function stateFile({ plan, capsule }: StartRequest, name: string): string | null {
  const { stateDir } = plan.instance;
  return stateDir === null ? null : resolve(capsule.cwd, stateDir, `${name}.${PEOPLE_FILE}`);
}

/** The same promise whenever it is asked for, from the first time on. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => made ??= make();
}

function sayUp({ request: { plan, capsule }, logger, runDir }: ComposeOptions, daemons: number): void {
  logger.info(null, capsule.reloads > 0 ? "reeve is back" : "reeve is up", {
    pid: instancePid(),
    instance: runDir?.name ?? plan.instance.name,
    daemons,
  });
  // The person who started it has read to here; from now on nothing is written to that terminal.
  logger.logAlone();
}

/** Never rejects. */
async function runExitHooks(services: Services, logger: Logger, signal: AbortSignal): Promise<void> {
  try {
    await services.hooks.run("as-user-atexit", signal);
  } catch (error) {
    logger.error(null, `cannot run all hooks of the end: ${errorText(error)}`);
  }
}

/**
 * With everything that is still in it. In the jail of an earlier image smart daemons run, which a failed
 * start does not end. A stop ends them, as it always does in a jail.
 */
async function endJail(
  jail: HeldJail | null,
  graceMs: number,
  { failure, urgency }: Readonly<LifeStatus>,
  signal: AbortSignal,
): Promise<void> {
  if (jail === null) return;
  const isEarly = failure === "early";
  if (isEarly && jail.isKept && (urgency === "none" || !endsWithInit(jail.plan))) return;
  const hasGrace = urgency !== "atOnce" && (!isEarly || jail.isKept);
  await jail.end(hasGrace ? graceMs : 0, signal);
}

/**
 * The settings that reeve was started with and its children are to have: its own limit of open files it
 * raises.
 */
function inheritance(uid: number): Inherited {
  return {
    umask: readUmask(),
    rlimits: [{ resource: RLIMIT.openFiles, ...(keeper()?.welcome.openFiles ?? raiseOpenFiles()) }],
    isRoot: uid === 0,
    cpuCount: navigator.hardwareConcurrency,
    terminal: isTerminal(STDIN),
  };
}

/** null: this is no reload. */
function restore(plan: Plan, capsule: Capsule, logger: Logger): Restored | null {
  const fd = capsule.stateFd;
  if (fd === null) return restoreChildren(plan, capsule, logger);
  const wanted = new Map(plan.daemons.map(({ name, pidfile }) => [name, pidfile]));
  const restored = readState(fd, wanted, logger);
  closeFd(fd);
  if (restored === null) return null;
  for (const { name, pid } of restored.left) {
    logger.warning(name, `is no longer configured: left running, unsupervised (pid: ${pid})`);
  }
  return restored;
}

/** After a core that ended without a word: the keeper's children. null: there was no core before. */
function restoreChildren(plan: Plan, { reloads }: Capsule, logger: Logger): Restored | null {
  const own = keeper();
  if (own === null || reloads === 0) return null;
  const former = formerCore(own);
  if (former !== null) {
    logger.error(null, `the core ${wayOf(former)}; the next one goes on, no daemon was touched`);
  }
  const children = own.children();
  for (const child of children) own.know(child.pid, child);
  const clock = { now: performance.now(), boot: BigInt(Math.floor(bootTime() * 1e6)) };
  const { units, strays } = findFormer(children, plan.daemons, clock);
  for (const { pid } of strays) own.signal(pid, SIGKILL, { group: true, goOn: false });
  return { units, left: [], jail: null, operations: null };
}

function wayOf({ reason, status }: FormerCore): string {
  if (reason === "hung") return "did not answer its keeper and was killed";
  if (reason === "malformed") return "said what no core says and was killed";
  const end = decodeStatus(status);
  return end.kind === "exited" ? `ended with code ${end.code}` : `died of ${signalName(end.signal)}`;
}

/** null, and said: what is in the run directory has to do. */
function readState(fd: number, wanted: ReadonlyMap<string, string | null>, logger: Logger): Restored | null {
  try {
    return restoreState(fd, wanted, performance.now());
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    logger.error(
      null,
      `cannot believe what the image before handed over: ${error.message}; daemons are known by the run directory`,
    );
    return null;
  }
}
