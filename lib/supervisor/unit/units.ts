/**
 * The daemons of the instance by name, in the order of the configuration: whoever wants to know about all of
 * them asks here. Units are added, replaced and removed while reeve runs; what keeps each down is worked out
 * here, and never decided.
 */
import type { ReloadFate } from "../../config/diff/over_reload.ts";
import type { DaemonPlan } from "../../config/plan/daemon_plan.ts";
import type { Door, Gates, Shutdown } from "../../daemon/gates.ts";
import type { State, StopReason } from "../../daemon/state.ts";
import { type ExitCause, type ProcessId, sameProcess } from "../../sys/process_id.ts";
import { DaemonUnit, type RestoredUnit, type UnitChange } from "./unit.ts";
import type { UnitDeps, UnitListener } from "./unit_deps.ts";

/** The part of the world that daemons depend on, as it is at this instant. */
export interface Conditions {
  isLord(legion: string): boolean;
  /** Daemons may be started in the jail, or there is none. */
  isJailOpen(): boolean;
  /** Whether a person keeps a daemon down that comes to the instance; absent: nobody does. */
  doorOf?(plan: DaemonPlan): Door;
}

export interface UnitSetListener {
  /** One that was told to stop has. */
  stopped?(unit: DaemonUnit): void;
  /** A control daemon ended on its own. */
  controlEnded?(unit: DaemonUnit, cause: ExitCause, failed: boolean): void;
  /** Another daemon is there, or one is gone. */
  changed?(): void;
  moved?(unit: DaemonUnit, from: State, to: State): void;
  complained?(unit: DaemonUnit, text: string): void;
}

interface Place {
  unit: DaemonUnit;
  /** It stops, and then gives its place to what has this plan; null: to nobody. undefined: it stays. */
  next?: DaemonPlan | null;
  /** Where it goes and is smart, it is left running. */
  isKept?: boolean;
}

/** A new configuration, as the work on each daemon. */
export interface UnitSteps {
  /** isKept: a smart one is left running, unsupervised. */
  readonly removed: readonly { readonly name: string; readonly isKept: boolean }[];
  /** `name`: the one that it has so far. */
  readonly changed: readonly ({ readonly name: string } & UnitChange)[];
  /** They mean what they did. */
  readonly unchanged: readonly DaemonPlan[];
  readonly added: readonly DaemonPlan[];
  /** All names, in the order in which they are listed from now on. */
  readonly order: readonly string[];
}

export class UnitSet implements UnitListener {
  readonly #deps: UnitDeps;
  readonly #conditions: Conditions;
  readonly #places = new Map<string, Place>();
  /** The pidfile that they are to have is another one's that has not ended yet. */
  readonly #blocked = new Set<Place>();
  readonly #listeners = new Set<UnitSetListener>();
  /** The numbers of daemons that are gone. */
  readonly #freeNumbers: number[] = [];
  /** Those that a person had stopped when they went: they stay so should they come again. */
  readonly #stoppedByHand = new Set<string>();
  #nextNumber = 0;
  #shutdown: Shutdown = "stop";
  /** Daemons that a reload treats otherwise than their kind says. */
  #fates: ReadonlyMap<string, ReloadFate> = new Map();
  #isStarted = false;
  /** A new configuration is being carried out: of all that changes it is told once. */
  #isChanging = false;

  /** `restored`: what an earlier reeve knew, by name. */
  constructor(
    plans: readonly DaemonPlan[],
    restored: ReadonlyMap<string, RestoredUnit>,
    deps: UnitDeps,
    conditions: Conditions,
  ) {
    this.#deps = deps;
    this.#conditions = conditions;
    for (const plan of plans) this.#place(plan, restored.get(plan.name));
  }

  get size(): number {
    return this.#places.size;
  }

  /** Its daemons have been told to start. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  *[Symbol.iterator](): Iterator<DaemonUnit> {
    for (const { unit } of this.#places.values()) yield unit;
  }

  find(name: string): DaemonUnit | null {
    return this.#places.get(name)?.unit ?? null;
  }

  /** The daemon whose process it is known to be; null: none. */
  ownerOf(process: ProcessId): DaemonUnit | null {
    for (const unit of this) {
      if (sameProcess(unit.known, process) || sameProcess(unit.status.main, process)) return unit;
    }
    return null;
  }

  /** As the configuration has them that is in force: with those that are to come, without those that go. */
  get plans(): readonly DaemonPlan[] {
    return [...this.#places.values()].flatMap(({ unit, next }) => next === null ? [] : [next ?? unit.plan]);
  }

  listen(listener: UnitSetListener): { remove(): void } {
    this.#listeners.add(listener);
    return { remove: () => void this.#listeners.delete(listener) };
  }

  /** All at once, in the order of the configuration. */
  start(): void {
    this.setShutdown("open");
  }

  /**
   * The instance starts, ends, reloads, or goes on after all. What an earlier image started is taken up by
   * the first call.
   */
  setShutdown(shutdown: Shutdown, fates: ReadonlyMap<string, ReloadFate> = new Map()): void {
    const isFirst = !this.#isStarted;
    this.#shutdown = shutdown;
    this.#fates = fates;
    this.#isStarted = true;
    if (!isFirst) return this.refresh();
    const isJailOpen = this.#conditions.isJailOpen();
    for (const place of [...this.#places.values()]) place.unit.start(this.#gatesOf(place, isJailOpen));
  }

  /** Something of the conditions has changed. */
  refresh(): void {
    if (!this.#isStarted) return;
    const isJailOpen = this.#conditions.isJailOpen();
    for (const place of [...this.#places.values()]) place.unit.setGates(this.#gatesOf(place, isJailOpen));
  }

  /**
   * The jail is there again, or lost. `isStale`: daemons that still run are in what is left of the one
   * before.
   */
  jailChanged(isStale: boolean): void {
    if (isStale) {
      for (const unit of this) {
        if (unit.status.state === "running") unit.handle({ type: "restartRequested", reason: "restart" });
      }
    }
    this.refresh();
  }

  /** Somebody stops one daemon, or lets it run again, at once. false: there is none of that name. */
  setPerson(name: string, person: Door): boolean {
    const unit = this.find(name);
    if (unit === null) return false;
    unit.setGates({ ...unit.gates, person });
    const { state } = unit.status;
    // A person who starts it by hand does not want to wait for the end of its delay.
    if (person === "open" && (state === "waiting" || state === "broken")) this.restart(name, "start");
    return true;
  }

  /** At once, however long it would have waited. false: there is none of that name. */
  restart(name: string, reason: StopReason): boolean {
    const unit = this.find(name);
    unit?.handle({ type: "restartRequested", reason });
    return unit !== null;
  }

  /** Each daemon becomes what a new configuration has it as; those that it does not name are left alone. */
  carryOut({ removed, changed, unchanged, added, order }: UnitSteps): void {
    this.#isChanging = true;
    for (const { name, isKept } of removed) this.#remove(name, isKept);
    this.#rename(changed);
    for (const { plan, how } of changed) this.#change(plan, how);
    for (const plan of unchanged) this.#renew(plan);
    for (const plan of added) this.#add(plan);
    this.#arrange(order);
    this.#isChanging = false;
    this.#changed();
  }

  stopped(unit: DaemonUnit): void {
    const place = this.#places.get(unit.name);
    if (place?.unit === unit && place.next !== undefined) this.#giveUp(place, place.next);
    this.#unblock();
    for (const listener of this.#listeners) listener.stopped?.(unit);
  }

  tookOver(): void {
    this.#unblock();
    this.#changed();
  }

  controlEnded(unit: DaemonUnit, cause: ExitCause, failed: boolean): void {
    for (const listener of this.#listeners) listener.controlEnded?.(unit, cause, failed);
  }

  moved(unit: DaemonUnit, from: State, to: State): void {
    for (const listener of this.#listeners) listener.moved?.(unit, from, to);
  }

  complained(unit: DaemonUnit, text: string): void {
    for (const listener of this.#listeners) listener.complained?.(unit, text);
  }

  /** A daemon that leaves makes room for whoever is to have its name; names with a colon are no daemon's. */
  #rename(changed: UnitSteps["changed"]): void {
    const moved = changed.filter(({ name, plan }) => name !== plan.name)
      .map(({ name, plan }) => ({ place: this.#placeOf(name), name, to: plan.name }));
    for (const { name } of moved) this.#places.delete(name);
    for (const { place, to } of moved) {
      const other = this.#places.get(to);
      if (other !== undefined) {
        other.unit.rename(this.#leavingName(to));
        this.#places.set(other.unit.name, other);
      }
      place.unit.rename(to);
      this.#places.set(to, place);
    }
  }

  #leavingName(name: string): string {
    let free = `${name}:leaving`;
    for (let number = 2; this.#places.has(free); number++) free = `${name}:leaving-${number}`;
    return free;
  }

  #change(plan: DaemonPlan, how: UnitChange["how"]): void {
    const place = this.#placeOf(plan.name);
    // Another one is to come in its place, and has not yet.
    if (place.next !== undefined) {
      place.next = plan;
      return;
    }
    if (how === "restart" && this.#block(place, plan)) place.unit.setGates(this.#gatesOf(place));
    place.unit.change({ plan, how });
    place.unit.setGates(this.#gatesOf(place));
  }

  #renew(plan: DaemonPlan): void {
    const place = this.#placeOf(plan.name);
    if (place.next === undefined) place.unit.renew(plan);
    else place.next = plan;
  }

  #add(plan: DaemonPlan): void {
    const leaving = this.#places.get(plan.name);
    if (leaving !== undefined) {
      if (leaving.next === undefined) throw new Error(`there is a daemon "${plan.name}" already`);
      leaving.next = plan;
      return;
    }
    const stopped = this.#stoppedByHand.delete(plan.name) ? { person: "closed" as const } : {};
    const unit = this.#place(plan, { status: null, known: null, ...stopped });
    const place = this.#placeOf(plan.name);
    this.#block(place, plan);
    if (this.#isStarted) unit.start(this.#gatesOf(place));
  }

  #remove(name: string, isKept: boolean): void {
    const place = this.#placeOf(name);
    place.next = null;
    place.isKept = isKept;
    place.unit.setGates(this.#gatesOf(place));
    if (this.#places.get(name) === place && place.unit.status.state === "down") this.#giveUp(place, null);
  }

  #arrange(order: readonly string[]): void {
    const places = new Map(this.#places);
    const isListed = new Set(order);
    this.#places.clear();
    for (const name of [...order, ...[...places.keys()].filter((name) => !isListed.has(name))]) {
      const place = places.get(name);
      if (place !== undefined) this.#places.set(name, place);
    }
  }

  #placeOf(name: string): Place {
    const place = this.#places.get(name);
    if (place === undefined) throw new Error(`there is no daemon "${name}"`);
    return place;
  }

  /** It stops, or is not started, before the one that has its pidfile has ended: else both would be one. */
  #block(place: Place, plan: DaemonPlan): boolean {
    const isFree = this.#isPidfileFree(place, plan);
    if (isFree) this.#blocked.delete(place);
    else this.#blocked.add(place);
    return !isFree;
  }

  #unblock(): void {
    for (const place of [...this.#blocked]) {
      if (!this.#isPidfileFree(place, place.unit.next ?? place.unit.plan)) continue;
      this.#blocked.delete(place);
      place.unit.setGates(this.#gatesOf(place));
    }
  }

  #isPidfileFree(place: Place, { pidfile, namespaces }: DaemonPlan): boolean {
    if (pidfile === null) return true;
    for (const { unit } of this.#places.values()) {
      const { plan, status } = unit;
      if (unit === place.unit || plan.pidfile !== pidfile || status.state === "down") continue;
      if (plan.namespaces?.root?.path === namespaces?.root?.path) return false;
    }
    return true;
  }

  #giveUp(place: Place, next: DaemonPlan | null): void {
    const { unit } = place;
    delete place.next;
    delete place.isKept;
    unit.abandon();
    this.#deps.dismissed(unit.plan);
    if (next === null) {
      this.#places.delete(unit.name);
      this.#blocked.delete(place);
      this.#freeNumbers.push(unit.number);
      if (unit.gates.person === "closed") this.#stoppedByHand.add(unit.name);
    } else {
      const { person } = unit.gates;
      place.unit = this.#make(next, unit.number, { status: null, known: null, person });
      this.#block(place, next);
      if (this.#isStarted) place.unit.start(this.#gatesOf(place));
    }
    this.#changed();
  }

  #changed(): void {
    if (this.#isChanging) return;
    for (const listener of this.#listeners) listener.changed?.();
  }

  #place(plan: DaemonPlan, restored?: RestoredUnit): DaemonUnit {
    const door = this.#conditions.doorOf?.(plan);
    const before = door === undefined ? restored : { status: null, known: null, ...restored, person: door };
    const unit = this.#make(plan, this.#takeNumber(), before);
    this.#places.set(plan.name, { unit });
    return unit;
  }

  #make(plan: DaemonPlan, number: number, restored?: RestoredUnit): DaemonUnit {
    return new DaemonUnit(
      { plan, number, ...(restored === undefined ? {} : { restored }) },
      this.#deps,
      this,
    );
  }

  /** The lowest that no other has. */
  #takeNumber(): number {
    const free = this.#freeNumbers.sort((a, b) => b - a).pop();
    return free ?? this.#nextNumber++;
  }

  /** Over a reload one that is kept does not notice it. */
  #shutdownOf({ name }: DaemonUnit): Shutdown {
    const fate = this.#shutdown === "reload" ? this.#fates.get(name) : undefined;
    if (fate === undefined) return this.#shutdown;
    return fate.kind === "keep" ? "open" : "stopAll";
  }

  #gatesOf(place: Place, isJailOpen = this.#conditions.isJailOpen()): Gates {
    const { unit, next, isKept } = place;
    const { plan: { legion }, gates: { person } } = unit;
    return {
      person,
      legion: legion === null || this.#conditions.isLord(legion) ? "open" : "closed",
      jail: isJailOpen ? "open" : "closed",
      requirement: this.#blocked.has(place) ? "closed" : "open",
      shutdown: next === undefined ? this.#shutdownOf(unit) : isKept === true ? "stop" : "stopAll",
    };
  }
}
