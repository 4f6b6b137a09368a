/**
 * Carries out what is asked about single daemons: opens and closes their gates, asks for restarts, and tells
 * of each how it goes, as tasks of a change. It never decides about a daemon's state; what follows from a
 * gate is its machine's.
 */
import type { Door } from "../../daemon/gates.ts";
import { DAEMON_MESSAGES } from "../../daemon/messages.ts";
import { type Action, type ActOptions, Refusal } from "../../control/api/deps.ts";
import type { Change, Changes, Task } from "../../control/changes.ts";
import type { Logger } from "../../log/logger.ts";
import { errorText } from "../../sys/error_text.ts";
import { type ProcessId, sameProcess } from "../../sys/process_id.ts";
import type { Timers } from "../../sys/timers.ts";
import type { DaemonUnit } from "../unit/unit.ts";
import type { UnitSet } from "../unit/units.ts";
import type { Histories } from "./histories.ts";
import type { People } from "./people.ts";
import { progressOf } from "./progress.ts";

export interface OperationsDeps {
  readonly units: UnitSet;
  readonly people: People;
  readonly histories: Histories;
  readonly changes: Changes;
  readonly logger: Pick<Logger, "info">;
  readonly timers: Timers;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The process is no longer the helper that sets it up. */
  readonly isExecuted: (process: ProcessId) => boolean;
  readonly isLord: (legion: string) => boolean;
  /** Ends the instance in order. */
  readonly stopInstance: () => void;
  /** null: it takes what it is asked; else why not. */
  readonly whyNot: () => string | null;
  /** Calls back when what has come meanwhile has had its turn. */
  readonly later: (run: () => void) => void;
}

/** The facts of a task while it is carried out. */
interface Work {
  readonly action: Action;
  /** The process that ran when the restart was asked for: another one is to run. */
  readonly before: ProcessId | null;
}

export interface FollowOptions {
  readonly kind: string;
  readonly summary: string;
  readonly by: string;
  /** `unit` null: it is new. */
  readonly work: readonly (Work & { readonly name: string; readonly unit: DaemonUnit | null })[];
}

/** Daemons at a time: what else has happened comes between. */
const AT_ONCE = 200;
/** A start is one once the program runs; it is looked at after these milliseconds, and then believed. */
const LOOKS = [1, 2, 4, 8, 15, 30, 40];

export class Operations {
  readonly #deps: OperationsDeps;
  readonly #work = new WeakMap<Task, Work>();
  /** Starts that are looked at until their program runs. */
  readonly #confirming = new Set<DaemonUnit>();

  constructor(deps: OperationsDeps) {
    this.#deps = deps;
    deps.units.listen({
      moved: (unit) => this.look(unit),
      changed: () => this.#lookAtAll(),
    });
  }

  /** Throws Refusal. */
  act(options: ActOptions): Change {
    const { changes } = this.#deps;
    const { action, names, by, withDependents, ifRunning, persist, timeoutMs } = options;
    this.#refuse(options);
    const key = JSON.stringify([action, names, withDependents, ifRunning, persist]);
    const same = changes.same(key);
    if (same !== null) return same;
    const contrary = changes.contrary(action, names);
    if (contrary !== null) {
      const text = `change ${contrary.id} is under way: ${contrary.summary}`;
      throw new Refusal(409, "busy", `cannot ${action} ${quoted(names)}: ${text}`, contrary.id);
    }
    const change = changes.open({
      kind: action,
      summary: `${capital(action)} ${quoted(names)}`,
      by,
      key,
      tasks: names.map((daemon) => ({ kind: action, summary: `${capital(action)} "${daemon}"`, daemon })),
    });
    if (timeoutMs !== null) this.#limit(change, timeoutMs);
    this.#carryOut(change, options, 0);
    return change;
  }

  /** Work on daemons that somebody else has begun: how it goes, as a change. */
  follow({ kind, summary, by, work }: FollowOptions): Change {
    const { changes, units } = this.#deps;
    const here = work.flatMap(({ unit, name, action, before }) => {
      const now = unit ?? units.find(name);
      // One that went at once is gone, and another may have its name.
      return now === null || units.find(now.name) !== now ? [] : [{ action, before, unit: now }];
    });
    const tasks = here.map(({ action, unit: { name } }) => ({
      kind: action,
      summary: `${capital(action)} "${name}"`,
      daemon: name,
    }));
    const change = changes.open({ kind, summary, by, key: `${kind} ${this.#deps.now()}`, tasks });
    for (const [index, task] of change.tasks.entries()) {
      const found = here[index];
      if (found === undefined) continue;
      this.#work.set(task, { action: found.action, before: found.before });
      changes.begin(task);
      this.#lookAt(task, found.unit);
    }
    return change;
  }

  /** Whether a task of it is done by now. To be called whenever something of it has changed. */
  look(unit: DaemonUnit): void {
    for (const task of this.#deps.changes.openTasks(unit.name)) this.#lookAt(task, unit);
  }

  /** For tasks that an image before this one has begun. */
  resume(): void {
    for (const change of this.#deps.changes.list()) {
      for (const task of change.tasks) {
        if (task.ended !== null || task.daemon === null || !isAction(task.kind)) continue;
        if (!this.#work.has(task)) this.#work.set(task, { action: task.kind, before: null });
      }
    }
    this.#lookAtAll();
  }

  #refuse({ action, names, withDependents, persist }: ActOptions): void {
    const why = this.#deps.whyNot();
    if (why !== null) throw new Refusal(409, "conflict", `cannot ${action} ${quoted(names)}: ${why}`);
    if (persist && !this.#deps.people.canPersist) {
      throw new Refusal(400, "bad-request", `cannot keep ${quoted(names)} stopped: set state-dir`);
    }
    if (action !== "stop" || withDependents) return;
    const control = names.filter((name) => this.#deps.units.find(name)?.plan.control === true);
    if (control.length === 0) return;
    const text = `cannot stop ${quoted(control)}: the instance ends with it; ask for with-dependents`;
    throw new Refusal(400, "dependents", text, control);
  }

  #carryOut(change: Change, options: ActOptions, from: number): void {
    const { units, people, later } = this.#deps;
    for (const task of change.tasks.slice(from, from + AT_ONCE)) {
      if (task.ended !== null) continue; // It was given up meanwhile.
      const unit = units.find(task.daemon ?? "");
      if (unit === null) this.#deps.changes.end(task, "Hold");
      else this.#begin(task, unit, options);
    }
    if (from + AT_ONCE < change.tasks.length) {
      return later(() => this.#carryOut(change, options, from + AT_ONCE));
    }
    people.save();
    const isEnd = options.action === "stop" &&
      options.names.some((name) => units.find(name)?.plan.control === true);
    if (isEnd) this.#deps.stopInstance();
  }

  #begin(task: Task, unit: DaemonUnit, options: ActOptions): void {
    const { changes } = this.#deps;
    const other = changes.openTasks(unit.name).map((open) => this.#work.get(open)).find((work) =>
      work !== undefined
    );
    const { main, child } = unit.status;
    // Another change is at it already: its end is that of this one too.
    this.#work.set(task, other ?? { action: options.action, before: main ?? child });
    changes.begin(task);
    try {
      if (other === undefined) this.#do(task, unit, options);
      this.#lookAt(task, unit);
    } catch (error) {
      if (task.ended === null) changes.end(task, "Error", errorText(error));
    }
  }

  #do(task: Task, unit: DaemonUnit, options: ActOptions): void {
    switch (options.action) {
      case "stop":
        return this.#stop(task, unit, options);
      case "start":
        return this.#start(task, unit, options.by);
      case "restart":
        return this.#restart(task, unit, options);
    }
  }

  #stop(task: Task, unit: DaemonUnit, { by, persist }: ActOptions): void {
    const { people, logger, isLord, changes } = this.#deps;
    const { legion } = unit.plan;
    people.stop(unit.name, by, persist);
    logger.info(unit.name, `stopped by ${by}: it stays so until it is started`);
    if (legion !== null && isLord(legion)) {
      const text =
        `this node stays the Lord of legion "${legion}": the daemon runs nowhere until it is started`;
      logger.info(unit.name, text);
      changes.note(task, "INFO", text);
    }
    this.#setPerson(unit, "closed");
  }

  #start(task: Task, unit: DaemonUnit, by: string): void {
    const { people, logger, changes } = this.#deps;
    const hold = people.holdOf(unit.name);
    if (hold !== null) {
      const text = `started by ${by}: it was stopped by ${hold.by}`;
      logger.info(unit.name, text);
      changes.note(task, "INFO", text);
    } else if (unit.gates.person === "closed") logger.info(unit.name, `started by ${by}`);
    people.start(unit.plan, by);
    this.#setPerson(unit, "open");
  }

  #restart(task: Task, unit: DaemonUnit, { by, ifRunning }: ActOptions): void {
    const { changes, units, logger } = this.#deps;
    const { state, main, child } = unit.status;
    if (unit.gates.person === "closed" || state === "down") {
      if (!ifRunning) return this.#start(task, unit, by);
      changes.note(task, "INFO", "it does not run");
      return changes.end(task, "Done");
    }
    logger.info(unit.name, `restarted by ${by}`);
    // Nothing runs yet that could be stopped: the start that is under way is the one.
    if (state === "starting" && (main ?? child) === null) return;
    units.restart(unit.name, "restart");
  }

  #setPerson(unit: DaemonUnit, door: Door): void {
    this.#deps.units.setPerson(unit.name, door);
  }

  #lookAt(task: Task, unit: DaemonUnit): void {
    const { changes, units } = this.#deps;
    const work = this.#work.get(task);
    if (work === undefined || task.ended !== null) return;
    const { state } = unit.status;
    if (work.action === "stop") {
      if (state === "down") changes.end(task, "Done");
      return;
    }
    // A start that is asked for before its time comes with that of all daemons.
    if (!units.isStarted) return;
    if (state === "running") return this.#lookAtRunning(task, unit, work);
    if (state === "waiting" || state === "broken") return this.#fail(task, unit);
    if (state === "down") this.#lookAtDown(task, unit);
  }

  #lookAtRunning(task: Task, unit: DaemonUnit, { action, before }: Work): void {
    const { main } = unit.status;
    if (main === null || (action === "restart" && sameProcess(main, before))) return;
    if (this.#deps.isExecuted(main)) return this.#deps.changes.end(task, "Done");
    this.#confirm(unit, 0);
  }

  /** The helper that becomes the daemon may fail yet: then it has ended by one of these looks. */
  #confirm(unit: DaemonUnit, look: number): void {
    if (look === 0 && this.#confirming.has(unit)) return;
    this.#confirming.add(unit);
    this.#deps.timers.after(LOOKS[look] ?? 0, () => {
      const { main, state } = unit.status;
      const isOver = look + 1 >= LOOKS.length;
      if (main !== null && state === "running" && !isOver && !this.#deps.isExecuted(main)) {
        return this.#confirm(unit, look + 1);
      }
      this.#confirming.delete(unit);
      if (main === null || state !== "running") return;
      for (const task of this.#deps.changes.openTasks(unit.name)) {
        const work = this.#work.get(task);
        if (work === undefined || work.action === "stop" || sameProcess(work.before, main)) continue;
        this.#deps.changes.end(task, "Done");
      }
    });
  }

  /** It was to start, and does not: something else keeps it down, or it has ended for good. */
  #lookAtDown(task: Task, unit: DaemonUnit): void {
    const { changes } = this.#deps;
    const { gates, plan: { legion } } = unit;
    if (gates.person === "closed") {
      changes.note(task, "INFO", "it was stopped meanwhile");
      return changes.end(task, "Hold");
    }
    if (legion !== null && gates.legion === "closed") {
      const text = `another node is the Lord of legion "${legion}": it is started when this one is`;
      changes.note(task, "INFO", text);
      return changes.end(task, "Done");
    }
    if (unit.status.desired === "up") this.#fail(task, unit);
  }

  #fail(task: Task, unit: DaemonUnit): void {
    const { lastExit } = unit.status;
    // The line about its end comes a moment later than its state.
    this.#deps.later(() => {
      if (task.ended !== null) return;
      const problem = this.#deps.histories.find(unit)?.problem ?? null;
      const why = problem ??
        (lastExit === null
          ? "it did not start"
          : DAEMON_MESSAGES.ended(unit.machine.settings.command, lastExit));
      this.#deps.changes.end(task, "Error", why);
    });
  }

  #limit(change: Change, timeoutMs: number): void {
    const timer = this.#deps.timers.after(timeoutMs, () => {
      for (const task of change.tasks) {
        if (task.ended !== null) continue;
        const unit = this.#deps.units.find(task.daemon ?? "");
        const label = unit === null
          ? ""
          : `: ${progressOf(task, unit, this.#deps)?.label ?? unit.status.state}`;
        this.#deps.changes.end(task, "Error", `not done after ${timeoutMs / 1000} s${label}`);
      }
    });
    this.#deps.changes.whenEnded(change.id, () => timer.cancel());
  }

  /** Daemons have come or gone, or the instance has begun. */
  #lookAtAll(): void {
    for (const change of this.#deps.changes.list()) {
      if (change.ended !== null) continue;
      for (const task of change.tasks) {
        if (task.ended !== null || task.daemon === null || !this.#work.has(task)) continue;
        const unit = this.#deps.units.find(task.daemon);
        if (unit !== null) this.#lookAt(task, unit);
        else if (this.#work.get(task)?.action === "stop") this.#deps.changes.end(task, "Done");
        else this.#deps.changes.end(task, "Hold");
      }
    }
  }
}

const TOLD = 3;

/** `"a", "b", "c" and 7 more`. */
function quoted(names: readonly string[]): string {
  const told = names.slice(0, TOLD).map((name) => `"${name}"`).join(", ");
  const more = names.length - TOLD;
  return names.length === 0 ? "no daemon" : more > 0 ? `${told} and ${more} more` : told;
}

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}

function isAction(kind: string): kind is Action {
  return kind === "start" || kind === "stop" || kind === "restart";
}
