/**
 * What is kept from the start of an image on so that single daemons can be operated: what happened to them,
 * what people have said, which changes there are. What answers requests is loaded only when somebody asks
 * (answers.ts). Decides nothing.
 */
import { type Change, Changes } from "../../control/changes.ts";
import { EventRing } from "../../control/events.ts";
import { Notices } from "../../control/notices.ts";
import type { State } from "../../daemon/state.ts";
import type { DaemonUnit } from "../unit/unit.ts";
import type { UnitSet } from "../unit/units.ts";
import { type HandedOver, writeHandedOver } from "./handed_over.ts";
import { Histories } from "./histories.ts";
import type { People } from "./people.ts";

export interface OperatingDeps {
  readonly units: UnitSet;
  readonly people: People;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly monotonic: () => number;
}

export class Operating {
  readonly changes: Changes;
  readonly events: EventRing;
  readonly notices: Notices;
  readonly histories: Histories;
  readonly people: People;
  /** Milliseconds since 1970 at which the instance was started, its reloads apart. */
  readonly since: number;
  /** `before`: what the image before has handed over; null: this is the first, or it is not believed. */
  constructor(before: HandedOver | null, deps: OperatingDeps) {
    this.people = deps.people;
    this.since = before?.since ?? deps.now();
    this.events = new EventRing(deps.now, before?.nextEvent);
    this.notices = new Notices(deps.now);
    this.histories = new Histories(deps.units, deps);
    this.changes = new Changes({ now: deps.now, changed: (change) => this.#changed(change) });
    this.changes.restore(before?.changes ?? []);
    deps.units.listen({ moved: (unit, from, to) => this.#moved(unit, from, to) });
  }

  /** Some of what an image before has begun is not done. */
  get isUnderWay(): boolean {
    return this.changes.list().some(({ ended }) => ended === null);
  }

  /** For the next image. */
  handOver(): string {
    return writeHandedOver({
      changes: this.changes.save(),
      words: this.people.words,
      nextEvent: this.events.next,
      since: this.since,
    });
  }

  /** Its daemons are told to stop: what was to bring one up comes to nothing. */
  stopping(): void {
    this.events.add({ kind: "stop", daemon: null, text: "the instance stops" });
    for (const change of this.changes.list()) {
      if (change.kind !== "stop") this.changes.hold(change, "the instance stops");
    }
  }

  /** Nothing is carried out any more. */
  ended(): void {
    this.changes.holdAll("the instance ended");
  }

  /** A reload is asked for; the same one where one is under way. */
  openReload(by: string): Change {
    const same = this.changes.same(RELOAD);
    if (same !== null) return same;
    const summary = "Reload the instance";
    const tasks = [{ kind: RELOAD, summary, daemon: null }];
    const change = this.changes.open({ kind: RELOAD, summary, by, key: RELOAD, tasks });
    for (const task of change.tasks) this.changes.begin(task);
    return change;
  }

  /** `lines`: what is wrong, or what there is to say all the same. */
  reloadEnded(isDone: boolean, lines: readonly string[]): void {
    this.events.add({ kind: RELOAD, daemon: null, text: isDone ? "done" : lines.at(-1) ?? "failed" });
    for (const task of this.changes.same(RELOAD)?.tasks ?? []) {
      for (const line of isDone ? lines : lines.slice(0, -1)) {
        this.changes.note(task, isDone ? "INFO" : "ERROR", line);
      }
      this.changes.end(task, isDone ? "Done" : "Error", isDone ? null : lines.at(-1) ?? "it failed");
    }
  }

  #changed({ id, kind, status, summary, by, err }: Change): void {
    this.events.add({ kind: "change", daemon: null, change: id, by, text: err ?? `${summary}: ${status}` });
    this.notices.record("change-update", id, { kind });
  }

  #moved(unit: DaemonUnit, from: State, to: State): void {
    const task = this.changes.openTasks(unit.name)[0];
    const change = task === undefined ? null : this.changes.changeOf(task);
    const by = change === null ? null : `${change.by}: ${change.kind}`;
    this.events.add({ kind: "state", daemon: unit.name, from, to, by, change: change?.id ?? null });
    this.notices.record("daemon", unit.name, { state: to });
  }
}

const RELOAD = "reload";
