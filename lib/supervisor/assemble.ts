/**
 * Puts the parts of a run together from a Plan and what the image before left: limits, environment, core, services.
 * Starts nothing.
 */
import type { Plan } from "../config/plan.ts";
import type { Logger } from "../log/logger.ts";
import { closeFd } from "../sys/descriptor.ts";
import { raiseOpenFiles, RLIMIT } from "../sys/limits.ts";
import { readUmask } from "../sys/own_process.ts";
import { isTerminal } from "../sys/tty.ts";
import type { Capsule } from "./capsule.ts";
import type { Inherited } from "./child_builder.ts";
import { CommandRunner } from "./command_runner.ts";
import { Core } from "./core.ts";
import { daemonEnvironment } from "./environment.ts";
import { Foreground } from "./foreground.ts";
import { restoreUnits, type Saved } from "./handover.ts";
import { Services } from "./services.ts";
import type { StartRequest } from "./start.ts";

export interface Assembly {
  readonly core: Core;
  readonly services: Services;
  /** COMMAND of the entrypoint form, where there is one. */
  readonly foreground: Foreground | null;
}

const STDIN = 0;

export function assemble(
  request: StartRequest,
  logger: Logger,
  runDir: string | null,
  uid: number,
): Assembly {
  const { plan, capsule } = request;
  const inherited = inheritance(uid);
  const environment = daemonEnvironment({
    own: process.env,
    changes: plan.instance.environment,
    reloads: capsule.reloads,
    originalName: process.argv0,
  });
  const core = new Core({
    plan,
    logger,
    runDir,
    environment,
    inherited,
    saved: restore(plan, capsule, logger),
    nothingSurvives: capsule.underInit || process.pid === 1,
  });
  const commands = new CommandRunner(core.host, core.registry, plan.instance, inherited);
  const { parseCommand } = request;
  const services = new Services({ plan, logger, core, commands, environment, parseCommand, uid });
  const entrypoint = core.instance.units.find((unit) => unit.plan.option === "entrypoint");
  const foreground = entrypoint === undefined ? null : new Foreground(() => entrypoint.status.child);
  return { core, services, foreground };
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

function restore(plan: Plan, capsule: Capsule, logger: Logger): ReadonlyMap<string, Saved> {
  const fd = capsule.stateFd;
  if (fd === null) return new Map();
  const smart = plan.daemons.filter(({ kind }) => kind !== "dumb");
  const wanted = new Map(smart.map(({ name, pidfile }) => [name, pidfile]));
  const { units, left } = restoreUnits(fd, wanted, performance.now());
  closeFd(fd);
  for (const { name, pid } of left) {
    logger.warning(name, `is no longer configured: left running, unsupervised (pid: ${pid})`);
  }
  return units;
}
