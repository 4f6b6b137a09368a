/**
 * Puts the parts of a run together from a Plan and what the image before left: limits, environment, core, services.
 * Starts nothing.
 */
import type { Plan } from "../config/plan/plan.ts";
import type { Logger } from "../log/logger.ts";
import { closeFd } from "../sys/file/descriptor.ts";
import { bootId } from "../sys/process/identity.ts";
import { raiseOpenFiles, RLIMIT } from "../sys/process/limits.ts";
import { readUmask } from "../sys/process/own_process.ts";
import { isTerminal } from "../sys/process/tty.ts";
import type { Capsule } from "../records/capsule.ts";
import type { Inherited } from "../process/child_builder.ts";
import { CommandRunner } from "../process/command_runner.ts";
import { Core } from "./core.ts";
import { daemonEnvironment, type Environment, jailEnvironment } from "../process/environment.ts";
import { Foreground } from "./foreground.ts";
import { Malformed } from "../records/codec.ts";
import { type Restored, restoreState } from "../records/handover.ts";
import { JailEntry } from "./jail/entry.ts";
import { chooseJail } from "./jail/finder.ts";
import { JailFile } from "../records/jail_record.ts";
import { Legions } from "./legions.ts";
import type { SharedParts } from "./shared_parts.ts";
import { type Perform, Services } from "./services.ts";
import type { Snapshot } from "../control/snapshot.ts";
import { takeSnapshot } from "./snapshot.ts";
import { Statistics } from "./statistics.ts";
import type { StartRequest } from "./start.ts";
import { enterJailAgain } from "./start_up.ts";

export interface Assembly {
  readonly core: Core;
  readonly services: Services;
  readonly legions: Legions;
  readonly statistics: Statistics;
  readonly snapshot: () => Snapshot;
  /** The environment that hooks and daemons in the jail begin with. */
  readonly inside: Environment;
  /** COMMAND of the entrypoint form, where there is one. */
  readonly foreground: Foreground | null;
}

const STDIN = 0;

export function assemble(
  request: StartRequest,
  logger: Logger,
  own: SharedParts,
  runDir: string | null,
  uid: number,
  lifeSignal: AbortSignal,
  perform: Perform,
): Assembly {
  const { plan, capsule, parseCommand } = request;
  const inherited = inheritance(uid);
  const variables = process.env;
  const changes = plan.instance.environment;
  const environment = daemonEnvironment({
    own: variables,
    changes,
    reloads: capsule.reloads,
    originalName: process.argv0,
  });
  const restored = restore(plan, capsule, logger);
  const jail = chooseJail({
    saved: restored?.jail,
    record: new JailFile(runDir).read(bootId() ?? ""),
    wanted: plan.instance.jail,
    logger,
  });
  const inside = jail?.plan.environment === "clean"
    ? jailEnvironment({ own: variables, changes })
    : environment;
  const core = new Core({
    plan,
    logger,
    repeats: own.repeats,
    runDir,
    environment,
    inherited,
    saved: restored?.units ?? new Map(),
    nothingSurvives: capsule.underInit || process.pid === 1,
    isReload: restored !== null,
    isLord: (legion) => legions.isLord(legion),
    jail,
    entry: new JailEntry(
      (signal) => enterJailAgain({ plan, core, services, inside, perform }, signal),
      lifeSignal,
    ),
  });
  const place = core.jail === null ? {} : { jail: () => core.jail?.place() ?? null };
  const commands = new CommandRunner(core.host, core.registry, plan.instance, inherited, place.jail);
  if (runDir !== null) {
    own.files.add(runDir);
    own.files.addDirectory(runDir);
  }
  const isReload = restored !== null;
  const outside = { plan, logger, own, isReload, core, commands, environment, parseCommand, uid };
  const services = new Services({ ...outside, ...place });
  const legions = new Legions({
    plan,
    logger,
    repeats: own.repeats,
    jail: core.jail,
    commands,
    parseCommand,
    hooks: services.hooks,
  });
  core.instance.useLegions(legions);
  core.host.starter.lordship = (legion) => legions.lordship(legion);
  const snapshot = (): Snapshot =>
    takeSnapshot({ instance: plan.instance.name, units: core.instance.units, legions, jail: core.jail });
  const statistics = new Statistics({
    plan,
    logger,
    own: own.files,
    keep: (path, kept) => own.keep(core.inotify, path, kept),
    snapshot,
  });
  const entrypoint = [...core.instance.units].find((unit) => unit.plan.option === "entrypoint");
  const foreground = entrypoint === undefined ? null : new Foreground(() => entrypoint.status.child);
  return { core, services, legions, statistics, snapshot, inside, foreground };
}

/** What reeve was started with and its children are to have: its own limit of open files it raises. */
function inheritance(uid: number): Inherited {
  return {
    umask: readUmask(),
    rlimits: [{ resource: RLIMIT.openFiles, ...raiseOpenFiles() }],
    isRoot: uid === 0,
    cpuCount: navigator.hardwareConcurrency,
    terminal: isTerminal(STDIN),
  };
}

/** null: this is no reload. */
function restore(plan: Plan, capsule: Capsule, logger: Logger): Restored | null {
  const fd = capsule.stateFd;
  if (fd === null) return null;
  const wanted = new Map(plan.daemons.map(({ name, pidfile }) => [name, pidfile]));
  const restored = readState(fd, wanted, logger);
  closeFd(fd);
  if (restored === null) return null;
  for (const { name, pid } of restored.left) {
    logger.warning(name, `is no longer configured: left running, unsupervised (pid: ${pid})`);
  }
  return restored;
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
