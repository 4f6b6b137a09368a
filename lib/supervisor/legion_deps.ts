/**
 * A legion's hands in the running system: its hooks run as children of reeve where and as its daemons do, its
 * signals go to daemons by name, its lordship to the instance.
 */
import type { Command } from "../config/plan/daemon_plan.ts";
import type { Plan } from "../config/plan/plan.ts";
import { signalName } from "../sys/signal_names.ts";
import type { LegionDeps } from "../legion/legion.ts";
import type { Variable } from "../legion/environment.ts";
import type { Logger } from "../log/logger.ts";
import type { Repeats } from "../log/repeats.ts";
import type { CommandRunner } from "../process/command_runner.ts";
import type { HeldJail } from "./jail/held_jail.ts";
import type { DaemonUnit } from "./unit/unit.ts";
import type { UnitSet } from "./unit/units.ts";
import { changeEnvironment } from "../process/environment.ts";
import type { HookRunner } from "../hooks/hooks.ts";

export interface LegionsDeps {
  readonly plan: Plan;
  readonly logger: Logger;
  readonly repeats: Pick<Repeats, "say">;
  /** null: daemons run where reeve does. */
  readonly jail: Pick<HeldJail, "place"> | null;
  readonly commands: CommandRunner;
  readonly parseCommand: (text: string) => Command;
  /** The changes that the hooks of the start have made for all that come after. */
  readonly hooks: Pick<HookRunner, "environment" | "cwd">;
}

/** The daemons, as a legion sees them. */
export interface LegionDaemons {
  /** This node has become the lord of the legion, or is not any more. */
  lordChanged(legion: string): void;
  /** None of the legion's daemons runs, nor what is left of one. */
  areDown(legion: string): boolean;
  /** Seconds: the longest stop_timeout among them. */
  longestGrace(legion: string): number;
  /** Throws where there is none of that name, or it does not run. */
  signal(daemon: string, signal: number): void;
}

export function legionWorld(legion: string, daemons: LegionDaemons, deps: LegionsDeps): LegionDeps {
  return {
    runCommand: (command, variables, signal) => runCommand(command, variables, signal, deps),
    signalDaemon: (daemon, signal) => daemons.signal(daemon, signal),
    log: (level, text) => deps.logger.log(level, null, text),
    lordChanged: () => daemons.lordChanged(legion),
    areDaemonsDown: () => daemons.areDown(legion),
    wall: () => Math.floor(Date.now() / 1000),
  };
}

/** The calls of a legion to the instance's units. */
export function legionDaemons(units: UnitSet): LegionDaemons {
  const of = (legion: string): readonly DaemonUnit[] =>
    [...units].filter(({ plan }) => plan.legion === legion);
  return {
    lordChanged: () => units.refresh(),
    areDown: (legion) => of(legion).every(({ status }) => status.state === "down"),
    longestGrace: (legion) => Math.max(0, ...of(legion).map(({ plan }) => plan.stopTimeout)),
    signal: (name, signal) => {
      const unit = units.find(name);
      if (unit === null) throw new Error(`there is no daemon "${name}"`);
      if ((unit.status.main ?? unit.status.child) === null) throw new Error(`daemon "${name}" does not run`);
      unit.notify(signal);
    },
  };
}

async function runCommand(
  text: string,
  variables: readonly Variable[],
  signal: AbortSignal,
  { plan, jail, commands, parseCommand, hooks }: LegionsDeps,
): Promise<void> {
  const end = await commands.run(parseCommand(text), {
    identity: plan.instance.identity,
    environment: changeEnvironment(hooks.environment, variables),
    cwd: jail === null ? process.cwd() : hooks.cwd,
    signal,
    inside: jail !== null,
  });
  if (end.kind === "killed") {
    throw new Error(`it was killed by signal ${end.signal} (${signalName(end.signal)})`);
  }
  if (end.code !== 0) throw new Error(`it exited with code ${end.code}`);
}
