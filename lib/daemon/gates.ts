/**
 * The reasons that may keep a daemon down, as data, and what follows from them. Several gates may be closed
 * at once, each by its own owner; nobody decides about a daemon's desired state by any other way. Pure.
 */
import { SIGHUP } from "../sys/native/constants.ts";
import type { Desired, LifeSettings, StopReason } from "./state.ts";

export type Door = "open" | "closed";

/**
 * open: the instance runs. reload: another image takes over, and goes on with the daemons that can be left.
 * stop: reeve ends and leaves those to themselves. stopAll: nothing is left, since all ends with reeve, or
 * since this one daemon goes.
 */
export type Shutdown = "open" | "reload" | "stop" | "stopAll";

export interface Gates {
  /** Closed: somebody has stopped this daemon, until somebody starts it. Stays over a reload. */
  readonly person: Door;
  /** Closed: this node is not the lord of the daemon's legion. */
  readonly legion: Door;
  /** Closed: its jail is not there. What runs goes on, what is to be started waits. */
  readonly jail: Door;
  /** Closed: what it requires is not ready. */
  readonly requirement: Door;
  readonly shutdown: Shutdown;
}

export type Gate = keyof Gates;

export const OPEN: Gates = {
  person: "open",
  legion: "open",
  jail: "open",
  requirement: "open",
  shutdown: "open",
};

/** Before the instance starts its daemons. */
export const NOT_YET: Gates = { ...OPEN, shutdown: "stop" };

/** The result of the gates for one daemon. */
export type Wish =
  /** `notify`: the signal that tells it of a reload; null: it is not told. */
  | { readonly to: "run"; readonly notify: number | null }
  | { readonly to: "stop"; readonly reason: StopReason; readonly signal: number }
  /** It goes on without reeve. `signal`: tells it so; null: it is not told. */
  | { readonly to: "goOn"; readonly signal: number | null };

type WishSettings = Pick<LifeSettings, "kind" | "legion" | "stopSignal" | "reloadSignal" | "notifyPid">;

export function wishOf(gates: Gates, settings: WishSettings): Wish {
  const { stopSignal, reloadSignal, notifyPid } = settings;
  const stop: Wish = { to: "stop", reason: "stop", signal: stopSignal };
  const isKept = outlivesReeve(settings);
  if (gates.shutdown === "stopAll") return stop;
  if (gates.shutdown === "reload" && !isKept) {
    return { to: "stop", reason: "reload", signal: reloadSignal ?? stopSignal };
  }
  if (gates.person === "closed" || gates.legion === "closed" || gates.requirement === "closed") return stop;
  if (gates.shutdown === "stop") {
    return isKept ? { to: "goOn", signal: notifyPid ? stopSignal : null } : stop;
  }
  const isTold = gates.shutdown === "reload" && notifyPid;
  return { to: "run", notify: isTold ? reloadSignal ?? SIGHUP : null };
}

export function desiredOf(gates: Gates, settings: WishSettings): Desired {
  return wishOf(gates, settings).to === "run" ? "up" : "down";
}

/** It is left running when reeve ends or reloads. A legion's is not: another node will be the lord. */
function outlivesReeve({ kind, legion }: Pick<LifeSettings, "kind" | "legion">): boolean {
  return kind !== "dumb" && legion === null;
}

/** Whether the next image finds it running, when this one reloads. */
export function outlivesReload(
  { shutdown }: Gates,
  settings: Pick<LifeSettings, "kind" | "legion">,
): boolean {
  return shutdown === "open" || (shutdown === "reload" && outlivesReeve(settings));
}

/** Another node is the lord, and nothing else keeps it down: what is found of it all the same is stopped. */
export function standsBy(gates: Gates): boolean {
  return gates.legion === "closed" && gates.person === "open" && gates.requirement === "open" &&
    gates.shutdown === "open";
}

export function closedGates(gates: Gates): readonly Gate[] {
  const names: readonly Gate[] = ["person", "legion", "jail", "requirement", "shutdown"];
  return names.filter((name) => gates[name] !== "open");
}

export function sameGates(a: Gates, b: Gates): boolean {
  return a.person === b.person && a.legion === b.legion && a.jail === b.jail &&
    a.requirement === b.requirement && a.shutdown === b.shutdown;
}
