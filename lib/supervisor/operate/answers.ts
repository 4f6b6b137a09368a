/**
 * The running instance behind the routes of the control socket: joins what is known of it to what is asked.
 * Loaded when somebody asks for the first time.
 */
import { instancePid } from "../../sys/process/instance_pid.ts";
import { readFileSync, readlinkSync } from "node:fs";
import packageJson from "../../../package.json" with { type: "json" };
import type { Plan } from "../../config/plan/plan.ts";
import { UserDatabase } from "../../config/users.ts";
import { answering } from "../../control/api/answer.ts";
import { Refusal, type SignalOptions, type UsageWanted } from "../../control/api/deps.ts";
import type { Change } from "../../control/changes.ts";
import type { Handle } from "../../control/request.ts";
import type { ServiceFacts } from "../../control/service_facts.ts";
import { daemonSnapshot } from "../../control/snapshot.ts";
import type { Logger } from "../../log/logger.ts";
import { readUsage } from "../../process/usage.ts";
import { errorCode } from "../../sys/errno.ts";
import { bootId } from "../../sys/process/identity.ts";
import type { ProcessId } from "../../sys/process_id.ts";
import { signalName } from "../../sys/signal_names.ts";
import { LOOP_TIMERS } from "../../sys/timers.ts";
import type { ApplyOptions } from "../../control/apply_report.ts";
import type { Apply } from "../configuration/apply.ts";
import type { DaemonUnit } from "../unit/unit.ts";
import type { UnitSet } from "../unit/units.ts";
import type { Operating } from "./operating.ts";
import { Operations } from "./operations.ts";
import { progressOf } from "./progress.ts";

export interface AnswersDeps {
  readonly plan: Plan;
  readonly units: UnitSet;
  readonly operating: Operating;
  readonly logger: Pick<Logger, "info">;
  readonly isLord: (legion: string) => boolean;
  /** The state of the instance's life. */
  readonly state: () => string;
  readonly stopInstance: () => void;
  /** As a signal would. */
  readonly reload: () => void;
  readonly apply: () => Promise<Apply>;
  /** Reeve's own user. */
  readonly uid: number;
  readonly planToJson: (plan: Plan) => Promise<unknown>;
  /** To one process, verified in the same breath. false: it is gone. */
  readonly signalOne: (process: ProcessId, signal: number) => boolean;
  /** To whatever of the daemon runs. */
  readonly signalAll: (main: ProcessId, signal: number) => number;
}

/** Daemons looked up at a time: what else has happened comes between. */
const AT_ONCE = 500;

export interface Answers {
  readonly handle: Handle;
  readonly operations: Operations;
}

export function controlAnswers(deps: AnswersDeps): Answers {
  const { units, operating, logger, isLord } = deps;
  const { changes, events, notices, histories, people } = operating;
  const users = new UserDatabase({ passwd: readOrNothing("/etc/passwd"), group: "" });
  const now = (): number => Date.now();
  const operations = new Operations({
    units,
    people,
    histories,
    changes,
    logger,
    timers: LOOP_TIMERS,
    now,
    isExecuted,
    isLord,
    stopInstance: deps.stopInstance,
    whyNot: () => WHY_NOT[deps.state()] ?? null,
    later: (run) => void setImmediate(run),
  });
  const handle = answering({
    changes,
    events,
    notices,
    timers: LOOP_TIMERS,
    now,
    daemons: () => [...units].map(({ name, plan: { tags } }) => ({ name, tags })),
    autostarted: () =>
      [...units].filter(({ name, plan: { startup } }) =>
        startup === "enabled" && people.holdOf(name) === null
      )
        .map(({ name }) => name),
    services: async (names, usage) => {
      const found: ServiceFacts[] = [];
      for (const [index, name] of names.entries()) {
        if (index > 0 && index % AT_ONCE === 0) await new Promise((turned) => setImmediate(turned));
        const unit = units.find(name);
        if (unit !== null) found.push(factsOf(unit, deps, usage));
      }
      return found;
    },
    act: (options) => operations.act(options),
    sendSignal: (options) => sendSignal(options, deps),
    abort: (change, by) => changes.hold(change, `given up by ${by}`),
    progressOf: (task) => {
      const unit = task.daemon === null ? null : units.find(task.daemon);
      return unit === null ? null : progressOf(task, unit, { histories, now });
    },
    reload: (by) => reload(by, deps),
    apply: (options, by) => apply(options, by, operations, deps),
    uid: deps.uid,
    plan: () => deps.planToJson({ ...deps.plan, daemons: units.plans }),
    system: () => ({
      version: packageJson.version,
      bootId: bootId(),
      instance: deps.plan.instance.name,
      pid: instancePid(),
      since: operating.since,
      config: deps.plan.instance.naming.identity,
      state: deps.state(),
    }),
    // A minimal host may have no /etc/passwd; that 0 is root is the kernel's rule.
    userName: (uid) => users.userById(uid)?.name ?? (uid === 0 ? "root" : `uid ${uid}`),
  });
  return { handle, operations };
}

/** The reasons not to take what is asked; absent: there is none. */
const WHY_NOT: Readonly<Partial<Record<string, string>>> = {
  reloading: "the instance is being reloaded",
  handingOver: "the instance is being reloaded",
  stopping: "the instance stops",
  leaving: "the instance stops",
  ended: "the instance stops",
};

function reload(by: string, { operating, reload: ask, state }: AnswersDeps): Change {
  const why = WHY_NOT[state()];
  // One that is under way is the one that was asked for.
  if (why === WHY_NOT["stopping"]) throw new Refusal(409, "conflict", `cannot reload: ${why}`);
  const change = operating.openReload(by);
  if (why === undefined) ask();
  return change;
}

async function apply(options: ApplyOptions, by: string, operations: Operations, deps: AnswersDeps) {
  const found = (await deps.apply()).run(options);
  if (found.kind === "refused") {
    const [status, kind] = found.isBad ? [400, "bad-request"] as const : [409, "conflict"] as const;
    throw new Refusal(status, kind, `cannot apply: ${found.reasons.join("\n")}`, found.reasons);
  }
  const { report, work } = found;
  if (options.isDryRun) return { report, change: null };
  const summary = "Apply the configuration";
  return { report, change: operations.follow({ kind: "apply", summary, by, work }) };
}

/** All or none: whoever does not run is named, and nobody is signalled. */
function sendSignal({ signal, names, by, isToAll }: SignalOptions, deps: AnswersDeps): void {
  const { units, logger } = deps;
  const found = names.map((name) => ({ name, main: units.find(name)?.status.main ?? null }));
  const absent = found.filter(({ main }) => main === null).map(({ name }) => name);
  const what = `signal ${signalName(signal)}`;
  if (absent.length > 0) {
    const text = `cannot send ${what} to ${absent.map((name) => `"${name}"`).join(", ")}: it does not run`;
    throw new Refusal(400, "conflict", text, absent);
  }
  const gone: string[] = [];
  for (const { name, main } of found) {
    if (main === null) continue;
    logger.info(name, `sent ${what} by ${by}`, { pid: main.pid });
    const isSent = isToAll ? deps.signalAll(main, signal) > 0 : deps.signalOne(main, signal);
    if (!isSent) gone.push(name);
  }
  if (gone.length === 0) return;
  const text = `cannot send ${what} to ${gone.map((name) => `"${name}"`).join(", ")}: it has just ended`;
  throw new Refusal(400, "conflict", text, gone);
}

function factsOf(unit: DaemonUnit, { operating, isLord }: AnswersDeps, wanted: UsageWanted): ServiceFacts {
  const { plan, status, machine, next } = unit;
  const { histories, people } = operating;
  const history = histories.find(unit);
  const clock = { now: performance.now(), at: Date.now() };
  const snapshot = daemonSnapshot({ plan, status, next, shownCommand: machine.settings.command }, clock);
  const process = status.main ?? status.child;
  return {
    ...snapshot,
    startup: plan.startup,
    tags: plan.tags,
    held: people.holdOf(unit.name),
    isControl: plan.control,
    // An image before this one has seen it come up.
    stateSince: history?.stateSince ?? (snapshot.isUp ? snapshot.since : null),
    starts: status.respawns + (status.started ? 1 : 0),
    streak: status.streak.failures,
    exit: history?.exit ??
      (status.lastExit === null ? null : { cause: status.lastExit, at: null, upMs: null, wasStopped: false }),
    isLord: plan.legion === null ? null : isLord(plan.legion),
    problem: history?.problem ?? null,
    config: plan.origin.file === undefined ? null : plan.origin,
    usage: process === null || wanted === "none" ? null : readUsage(process, wanted === "long"),
  };
}

/** The image of the helper has a name like that, whether it is a memfd or an unlinked file. */
const HELPER = /helper.*\(deleted\)$/;

/** A process that may not be seen is believed; one that has ended has no program. */
function isExecuted({ pid }: ProcessId): boolean {
  try {
    return !HELPER.test(readlinkSync(`/proc/${pid}/exe`));
  } catch (error) {
    return errorCode(error) !== "ENOENT";
  }
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
