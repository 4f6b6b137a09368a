/**
 * The daemons of the instance by name, in the order of the configuration: whoever wants to know about all of
 * them asks here. Units are added, replaced and removed while reeve runs; what keeps each down is worked out
 * here, and never decided.
 */
import type { DaemonPlan } from "../../config/plan/daemon_plan.ts";
import type { Door, Gates, Shutdown } from "../../daemon/gates.ts";
import type { StopReason } from "../../daemon/state.ts";
import { type ExitCause, type ProcessId, sameProcess } from "../../sys/process_id.ts";
import { DaemonUnit, type RestoredUnit } from "./unit.ts";
import type { UnitDeps, UnitListener } from "./unit_deps.ts";

/** The part of the world that daemons depend on, as it is at this instant. */
export interface Conditions {
  isLord(legion: string): boolean;
  /** Daemons may be started in the jail, or there is none. */
  isJailOpen(): boolean;
}

export interface UnitSetListener {
  /** One that was told to stop has. */
  stopped?(unit: DaemonUnit): void;
  /** A control daemon ended on its own. */
  controlEnded?(unit: DaemonUnit, cause: ExitCause, failed: boolean): void;
  /** Another daemon is there, or one is gone. */
  changed?(): void;
}

interface Place {
  unit: DaemonUnit;
  /** It stops, and then gives its place to what has this plan; null: to nobody. undefined: it stays. */
  next?: DaemonPlan | null;
}

export class UnitSet implements UnitListener {
  readonly #deps: UnitDeps;
  readonly #conditions: Conditions;
  readonly #places = new Map<string, Place>();
  readonly #listeners = new Set<UnitSetListener>();
  /** The numbers of daemons that are gone. */
  readonly #freeNumbers: number[] = [];
  #nextNumber = 0;
  #shutdown: Shutdown = "stop";
  #isStarted = false;

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

  isEvery(holds: (unit: DaemonUnit) => boolean): boolean {
    for (const unit of this) if (!holds(unit)) return false;
    return true;
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
  setShutdown(shutdown: Shutdown): void {
    const isFirst = !this.#isStarted;
    this.#shutdown = shutdown;
    this.#isStarted = true;
    if (!isFirst) return this.refresh();
    const isJailOpen = this.#conditions.isJailOpen();
    for (const unit of [...this]) unit.start(this.#gatesOf(unit, isJailOpen));
  }

  /** Something of the conditions has changed. */
  refresh(): void {
    if (!this.#isStarted) return;
    const isJailOpen = this.#conditions.isJailOpen();
    for (const unit of [...this]) unit.setGates(this.#gatesOf(unit, isJailOpen));
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

  /** Started as all others are. Throws where there is one of that name that stays. */
  add(plan: DaemonPlan): void {
    const place = this.#places.get(plan.name);
    if (place?.next === null) {
      place.next = plan;
      return;
    }
    if (place !== undefined) throw new Error(`there is a daemon "${plan.name}" already`);
    const unit = this.#place(plan);
    if (this.#isStarted) unit.start(this.#gatesOf(unit));
    this.#changed();
  }

  /**
   * Stops the daemon that runs, and starts the new one in its place. Throws where there is none of that name.
   */
  replace(plan: DaemonPlan): void {
    this.#leave(plan.name, plan);
  }

  /** Stops the daemon that runs, and drops it once it has ended. Throws where there is none of that name. */
  remove(name: string): void {
    this.#leave(name, null);
  }

  stopped(unit: DaemonUnit): void {
    const place = this.#places.get(unit.name);
    if (place?.unit === unit && place.next !== undefined) this.#giveUp(place, place.next);
    for (const listener of this.#listeners) listener.stopped?.(unit);
  }

  controlEnded(unit: DaemonUnit, cause: ExitCause, failed: boolean): void {
    for (const listener of this.#listeners) listener.controlEnded?.(unit, cause, failed);
  }

  #leave(name: string, next: DaemonPlan | null): void {
    const place = this.#places.get(name);
    if (place === undefined) throw new Error(`there is no daemon "${name}"`);
    place.next = next;
    place.unit.setGates(this.#gatesOf(place.unit));
    if (this.#places.get(name) === place && place.unit.status.state === "down") this.#giveUp(place, next);
  }

  #giveUp(place: Place, next: DaemonPlan | null): void {
    const { unit } = place;
    delete place.next;
    unit.abandon();
    this.#deps.dismissed(unit.plan);
    if (next === null) {
      this.#places.delete(unit.name);
      this.#freeNumbers.push(unit.number);
    } else {
      const { person } = unit.gates;
      place.unit = this.#make(next, unit.number, { status: null, known: null, person });
      if (this.#isStarted) place.unit.start(this.#gatesOf(place.unit));
    }
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener.changed?.();
  }

  #place(plan: DaemonPlan, restored?: RestoredUnit): DaemonUnit {
    const unit = this.#make(plan, this.#takeNumber(), restored);
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

  #gatesOf(unit: DaemonUnit, isJailOpen = this.#conditions.isJailOpen()): Gates {
    const { name, plan: { legion }, gates: { person } } = unit;
    const place = this.#places.get(name);
    const isGoing = place?.unit === unit && place.next !== undefined;
    return {
      person,
      legion: legion === null || this.#conditions.isLord(legion) ? "open" : "closed",
      jail: isJailOpen ? "open" : "closed",
      requirement: "open",
      shutdown: isGoing ? "stopAll" : this.#shutdown,
    };
  }
}
