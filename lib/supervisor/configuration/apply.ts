/**
 * Applies a changed configuration to the daemons that run: it is read and checked wholly, compared with what
 * runs, and only what differs is touched. A configuration that cannot be used changes nothing; what is no
 * daemon's is named and left alone.
 */
import { diff } from "../../config/diff/diff.ts";
import { instanceInForce } from "../../config/diff/in_force.ts";
import { planSteps, type Step, type Steps } from "../../config/diff/steps.ts";
import type { InstancePlan } from "../../config/plan/instance_plan.ts";
import type { Plan } from "../../config/plan/plan.ts";
import { type ApplyOptions, type ApplyReport, applyReport, workText } from "../../control/apply_report.ts";
import type { Logger } from "../../log/logger.ts";
import { type Environment, variablesOf } from "../../process/environment.ts";
import { startDigest } from "../../records/start_digest.ts";
import { errorText } from "../../sys/error_text.ts";
import type { ProcessId } from "../../sys/process_id.ts";
import { readAnew, type ReadAnewDeps } from "./read_anew.ts";
import type { DaemonStarter } from "../unit/starter.ts";
import type { DaemonUnit } from "../unit/unit.ts";
import type { UnitSet } from "../unit/units.ts";

export interface ApplyDeps {
  readonly request: ReadAnewDeps & { readonly plan: Plan };
  readonly logger: Pick<Logger, "info" | "warning" | "error">;
  readonly units: UnitSet;
  readonly starter: Pick<DaemonStarter, "changeInstance">;
  /** null: the instance runs; else why nothing can be applied now. */
  readonly refusal: () => string | null;
  /** The environment that daemons begin with where the instance says this. */
  readonly environment: (changes: InstancePlan["environment"]) => Environment;
  /** Daemons are called otherwise: names so far, and from now on. */
  readonly renamed: (names: ReadonlyMap<string, string>) => void;
  /** To where daemons' paths are relative, as the instance has it. Throws where it cannot be entered. */
  readonly enter: (directory: string | null) => void;
}

/** One daemon that is started, stopped or started anew. */
export interface DaemonWork {
  readonly action: "start" | "stop" | "restart";
  readonly name: string;
  /** null: it is new. */
  readonly unit: DaemonUnit | null;
  /** The process that ran. */
  readonly before: ProcessId | null;
}

export type Applied =
  | { readonly kind: "applied"; readonly report: ApplyReport; readonly work: readonly DaemonWork[] }
  /** `isBad`: the configuration is; else it is not the time for it. */
  | { readonly kind: "refused"; readonly isBad: boolean; readonly reasons: readonly string[] };

export class Apply {
  readonly #deps: ApplyDeps;
  /** As daemons are started by now. */
  #inForce: InstancePlan;

  constructor(deps: ApplyDeps) {
    this.#deps = deps;
    this.#inForce = deps.request.plan.instance;
  }

  run(options: ApplyOptions): Applied {
    const { request, logger, refusal } = this.#deps;
    const refused = refusal();
    if (refused !== null) return { kind: "refused", isBad: false, reasons: [refused] };
    const found = readAnew(request, options.file, logger);
    if (found.plan === null) return this.#refuse(found.errors, options);
    const { plan, warnings } = found;
    const steps = this.#stepsTo(plan, options);
    const report = applyReport(steps, warnings, options.isDryRun);
    if (options.isDryRun) return { kind: "applied", report, work: [] };
    try {
      this.#changeInstance(plan.instance);
    } catch (error) {
      return this.#refuse([errorText(error)], options);
    }
    for (const warning of warnings) logger.warning(null, warning);
    this.#say(report, options);
    const work = this.#workOf(steps);
    this.#carryOut(plan, steps);
    return { kind: "applied", report, work };
  }

  /** The work that would be done, with no smart daemon restarted. */
  compare(plan: Plan): Steps {
    return this.#stepsTo(plan, { keepRemoved: false, restartSmart: false });
  }

  /** It has been read, and nothing was done. */
  #refuse(errors: readonly string[], { isDryRun }: ApplyOptions): Applied {
    const { logger } = this.#deps;
    if (!isDryRun) {
      for (const error of errors) logger.error(null, error);
      logger.error(null, "cannot apply: the configuration has errors; everything goes on as it is", {
        errors: errors.length,
      });
    }
    return { kind: "refused", isBad: true, reasons: errors };
  }

  #stepsTo(
    plan: Plan,
    { keepRemoved, restartSmart }: Pick<ApplyOptions, "keepRemoved" | "restartSmart">,
  ): Steps {
    const { units } = this.#deps;
    const next = instanceInForce(this.#inForce, plan.instance);
    const found = diff({
      instance: this.#inForce,
      daemons: units.plans,
      started: (before, after) => {
        const unit = units.find(before.name);
        const started = unit === null || unit.next === null ? null : unit.startedAs;
        if (started === null) return null;
        return { isSame: started.digest() === startDigest(after, next), command: started.command };
      },
    }, plan);
    return planSteps(found, { keepRemoved, restartSmart, standing: (name) => standingOf(units.find(name)) });
  }

  #changeInstance(wanted: InstancePlan): void {
    const { request, starter, environment, enter } = this.#deps;
    const next = instanceInForce(this.#inForce, wanted);
    if (next.chdir !== this.#inForce.chdir) enter(next.chdir);
    const changes = environmentChanges(
      environment(request.plan.instance.environment),
      environment(next.environment),
    );
    starter.changeInstance(next, changes);
    this.#inForce = next;
  }

  #say({ daemons, unchanged, reload, stop }: ApplyReport, { file }: ApplyOptions): void {
    const { logger } = this.#deps;
    const of = file === null ? "" : ` of "${file}", which a reload does not read`;
    logger.info(null, `applying the configuration${of}`, { touched: daemons.length, unchanged });
    for (const daemon of daemons) logger.info(daemon.name, `apply: ${workText(daemon)}`);
    const left = (name: string, way: string): void =>
      logger.warning(null, `apply: ${name} is left as it was: it needs ${way}`);
    for (const name of reload) left(name, '"reeve reload"');
    for (const name of stop) left(name, "a stop and start");
  }

  /** Before it is done: of which process another one is to follow. */
  #workOf({ daemons }: Steps): readonly DaemonWork[] {
    return daemons.flatMap(({ work, name, was }): DaemonWork[] => {
      const unit = this.#deps.units.find(was);
      const action = work === "leave" ? "stop" : work;
      if (action !== "start" && action !== "stop" && action !== "restart") return [];
      return [{ action, name, unit, before: unit?.status.main ?? unit?.status.child ?? null }];
    });
  }

  #carryOut({ daemons }: Plan, steps: Steps): void {
    const removed: { name: string; isKept: boolean }[] = [];
    const changed: { name: string; plan: Plan["daemons"][number]; how: "live" | "restart" | "later" }[] = [];
    const added: Plan["daemons"][number][] = [];
    for (const { work, was, plan } of steps.daemons) {
      if (plan === null) removed.push({ name: was, isKept: work === "leave" });
      else if (work === "start") added.push(plan);
      else changed.push({ name: was, plan, how: HOW[work] ?? "live" });
    }
    const renamed = steps.daemons.filter(({ name, was, plan }) => plan !== null && name !== was);
    if (renamed.length > 0) this.#deps.renamed(new Map(renamed.map(({ was, name }) => [was, name])));
    this.#deps.units.carryOut({
      removed,
      changed,
      unchanged: steps.unchanged.map(({ after }) => after),
      added,
      order: daemons.map(({ name }) => name),
    });
  }
}

const HOW: Readonly<Partial<Record<Step["work"], "restart" | "later">>> = {
  restart: "restart",
  older: "later",
  later: "later",
};

function standingOf(unit: DaemonUnit | null): "up" | "due" | "down" {
  if (unit === null || unit.status.state === "down") return "down";
  if ((unit.status.main ?? unit.status.child) !== null) return "up";
  return unit.status.desired === "up" ? "due" : "down";
}

/** null: it was there, and is not any more. */
function environmentChanges(before: Environment, after: Environment): InstancePlan["environment"] {
  const [was, is] = [variablesOf(before), variablesOf(after)];
  const gone = [...was.keys()].filter((name) => !is.has(name)).map((name) => ({ name, value: null }));
  const others = [...is].filter(([name, value]) => was.get(name) !== value);
  return [...gone, ...others.map(([name, value]) => ({ name, value }))];
}
