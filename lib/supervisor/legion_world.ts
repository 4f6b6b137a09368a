/**
 * A legion's hands in the running system: its hooks run as children of reeve where and as its daemons do, its signals go to
 * daemons by name, its lordship to the instance.
 */
import type { Command } from "../config/plan/daemon_plan.ts";
import type { Plan } from "../config/plan/plan.ts";
import { signalName } from "../sys/signal_names.ts";
import type { LegionWorld } from "../legion/legion.ts";
import type { Variable } from "../legion/environment.ts";
import type { Logger } from "../log/logger.ts";
import type { Repeats } from "../log/repeats.ts";
import type { CommandRunner } from "../process/command_runner.ts";
import type { Core } from "./core.ts";
import { changeEnvironment } from "../process/environment.ts";
import type { HookRunner } from "../hooks/hooks.ts";

export interface LegionWorldParts {
  readonly plan: Plan;
  readonly logger: Logger;
  readonly repeats: Pick<Repeats, "say">;
  readonly core: Core;
  readonly commands: CommandRunner;
  readonly parseCommand: (text: string) => Command;
  /** What the hooks of the start have changed for all that come after. */
  readonly hooks: Pick<HookRunner, "environment" | "cwd">;
}

export function legionWorld(legion: string, parts: LegionWorldParts): LegionWorld {
  const { core: { instance }, logger } = parts;
  return {
    runCommand: (command, variables, signal) => runCommand(command, variables, signal, parts),
    signalDaemon: (daemon, signal) => signalDaemon(daemon, signal, parts),
    log: (level, text) => logger.log(level, null, text),
    lordChanged: (isLord) => instance.lordChanged(legion, isLord),
    areDaemonsDown: () => instance.isLegionDown(legion),
    wall: () => Math.floor(Date.now() / 1000),
  };
}

async function runCommand(
  text: string,
  variables: readonly Variable[],
  signal: AbortSignal,
  { plan, core, commands, parseCommand, hooks }: LegionWorldParts,
): Promise<void> {
  const end = await commands.run(parseCommand(text), {
    identity: plan.instance.identity,
    environment: changeEnvironment(hooks.environment, variables),
    cwd: core.jail === null ? process.cwd() : hooks.cwd,
    signal,
    inside: core.jail !== null,
  });
  if (end.kind === "killed") {
    throw new Error(`it was killed by signal ${end.signal} (${signalName(end.signal)})`);
  }
  if (end.code !== 0) throw new Error(`it exited with code ${end.code}`);
}

function signalDaemon(name: string, signal: number, { core }: LegionWorldParts): void {
  const unit = core.instance.find(name);
  if (unit === null) throw new Error(`there is no daemon "${name}"`);
  if ((unit.status.main ?? unit.status.child) === null) throw new Error(`daemon "${name}" does not run`);
  unit.notify(signal);
}
