/**
 * The life of an instance: what follows from what happens to it, from its start to its exit code. Every cell
 * of the table is written. Pure; instance.ts carries the effects out.
 *
 * starting: hooks and waits run, no daemon does. started: the daemons run, the last hooks of the start do as
 * well. running. reloading: what must not live on is being stopped. handingOver: it has, and another image
 * takes over. stopping: the daemons are told to stop. leaving: they have; legions, the hooks of the end and
 * the jail are left. ended.
 */
import { Machine, type MachineEvent, type StateTable, type Status } from "../machine/machine.ts";

export const LIFE_STATES = [
  "starting",
  "started",
  "running",
  "reloading",
  "handingOver",
  "stopping",
  "leaving",
  "ended",
] as const;
export type LifeState = (typeof LIFE_STATES)[number];

export type LifeEvent =
  /** All that comes before the daemons is done. */
  | { readonly type: "daemonsDue" }
  | { readonly type: "startDone" }
  /** `isStop`: it was told to stop; what it ends with else is `code`. */
  | { readonly type: "startFailed"; readonly isStop: boolean; readonly code: number }
  /** By somebody. Without a code it ends with that of a control daemon. Asked again: at once. */
  | { readonly type: "stopAsked"; readonly code: number | null }
  | { readonly type: "stopNowAsked" }
  /** By a control daemon that ended, or a hook. */
  | { readonly type: "endAsked"; readonly code: number }
  /** A control daemon has ended because it was told to. */
  | { readonly type: "controlStopped"; readonly code: number }
  | { readonly type: "reloadAsked" }
  /** The new configuration is good. */
  | { readonly type: "reloadGranted" }
  /** Every daemon that is to stop has. */
  | { readonly type: "daemonsDown" }
  | { readonly type: "handOverFailed" }
  | { readonly type: "legionsClosed" }
  | { readonly type: "exitHooksDone" }
  | { readonly type: "jailGone" };

export type LifeEffect =
  | { readonly do: "callOffStart" }
  | { readonly do: "startDaemons" }
  | { readonly do: "tellUp" }
  | { readonly do: "checkReload" }
  | { readonly do: "tellStopping" }
  | { readonly do: "stopDaemons" }
  | { readonly do: "stopForReload" }
  | { readonly do: "killDaemons" }
  | { readonly do: "startAgain" }
  | { readonly do: "handOver" }
  | { readonly do: "callOffHooks" }
  | { readonly do: "closeLegions" }
  | { readonly do: "runExitHooks" }
  | { readonly do: "endJail" }
  | { readonly do: "end" };

export interface LifeStatus extends Status<LifeState> {
  /** null: nobody has said which yet. */
  code: number | null;
  /** Whether somebody has told it to stop, and how soon. */
  urgency: "none" | "asked" | "atOnce";
  /** The start came to nothing. "early": before any daemon ran. */
  failure: "none" | "early" | "late";
  isReloadWanted: boolean;
}

type Table = StateTable<LifeState, LifeEvent, InstanceLife>;
type Handler<T extends LifeEvent["type"]> = (
  life: InstanceLife,
  event: Extract<LifeEvent, { type: T }>,
) => void;

const wantReload = (life: InstanceLife): void => {
  life.status.isReloadWanted = true;
};

const callOffStart = (life: InstanceLife): void => life.effect({ do: "callOffStart" });

/** Nobody gets a grace any more. */
const hurry = (life: InstanceLife): void => {
  life.status.urgency = "atOnce";
  life.effect({ do: "callOffHooks" });
};

const failEarly: Handler<"startFailed"> = (life, { isStop, code }) => {
  life.status.code = isStop ? 0 : code;
  life.status.failure = "early";
  if (isStop && life.status.urgency === "none") life.status.urgency = "asked";
  life.enter("leaving");
  life.effect({ do: "closeLegions" });
};

const failLate: Handler<"startFailed"> = (life, { isStop, code }) => {
  if (!isStop) life.status.failure = "late";
  stopWith(life, isStop ? 0 : code);
};

/** While it stops already: for another reason, or because of this. */
const failStopping: Handler<"startFailed"> = (life, { isStop, code }) => {
  if (isStop) return;
  life.status.failure = "late";
  life.status.code = code;
};

function stopWith(life: InstanceLife, code: number | null): void {
  life.status.code = code;
  life.enter("stopping");
  life.effect({ do: "stopDaemons" });
}

const stop: Handler<"stopAsked"> = (life, { code }) => {
  life.status.urgency = "asked";
  life.effect({ do: "tellStopping" });
  stopWith(life, code);
};

const stopNow = (life: InstanceLife): void => {
  hurry(life);
  life.effect({ do: "tellStopping" });
  stopWith(life, 0);
  life.effect({ do: "killDaemons" });
};

const end: Handler<"endAsked"> = (life, { code }) => stopWith(life, code);

/** Told to stop while it stops: not again, unless it stopped for a reason of its own so far. */
const stopAgain = (life: InstanceLife): void => {
  if (life.status.urgency === "none") {
    life.status.urgency = "asked";
    return;
  }
  kill(life);
};

const kill = (life: InstanceLife): void => {
  hurry(life);
  life.effect({ do: "killDaemons" });
};

const hurryAgain = (life: InstanceLife): void => {
  if (life.status.urgency === "none") life.status.urgency = "asked";
  else hurry(life);
};

/** The first of them. */
const takeCode: Handler<"controlStopped"> = (life, { code }) => {
  life.status.code ??= code;
};

const NOTHING = {
  daemonsDue: "ignore",
  startDone: "ignore",
  startFailed: "ignore",
  stopAsked: "ignore",
  stopNowAsked: "ignore",
  endAsked: "ignore",
  controlStopped: "ignore",
  reloadAsked: "ignore",
  reloadGranted: "ignore",
  daemonsDown: "ignore",
  handOverFailed: "ignore",
  legionsClosed: "ignore",
  exitHooksDone: "ignore",
  jailGone: "ignore",
} as const satisfies Table[LifeState];

/** Each row has every cell: NOTHING says which of them do nothing. */
export const LIFE: Table = {
  starting: {
    ...NOTHING,
    daemonsDue: (life) => {
      life.enter("started");
      life.effect({ do: "startDaemons" });
    },
    startFailed: failEarly,
    stopAsked: (life) => {
      life.status.urgency = "asked";
      callOffStart(life);
    },
    stopNowAsked: (life) => {
      callOffStart(life);
      hurry(life);
      life.effect({ do: "tellStopping" });
    },
    reloadAsked: wantReload,
  },
  started: {
    ...NOTHING,
    startDone: (life) => {
      life.enter("running");
      life.effect({ do: "tellUp" });
      if (life.status.isReloadWanted) life.effect({ do: "checkReload" });
    },
    startFailed: failLate,
    // Hooks that follow the daemons' start are called off as well.
    stopAsked: (life, event) => {
      callOffStart(life);
      stop(life, event);
    },
    stopNowAsked: (life) => {
      callOffStart(life);
      stopNow(life);
    },
    endAsked: end,
    reloadAsked: wantReload,
  },
  running: {
    ...NOTHING,
    stopAsked: stop,
    stopNowAsked: stopNow,
    endAsked: end,
    reloadAsked: (life) => life.effect({ do: "checkReload" }),
    reloadGranted: (life) => {
      life.enter("reloading");
      life.effect({ do: "stopForReload" });
    },
  },
  reloading: {
    ...NOTHING,
    stopAsked: stop,
    stopNowAsked: stopNow,
    endAsked: end,
    daemonsDown: (life) => {
      life.enter("handingOver");
      life.effect({ do: "handOver" });
    },
  },
  handingOver: {
    ...NOTHING,
    stopAsked: stop,
    stopNowAsked: stopNow,
    endAsked: end,
    handOverFailed: (life) => {
      life.enter("running");
      life.effect({ do: "startAgain" });
    },
  },
  stopping: {
    ...NOTHING,
    startFailed: failStopping,
    stopAsked: stopAgain,
    stopNowAsked: kill,
    controlStopped: takeCode,
    daemonsDown: (life) => {
      life.enter("leaving");
      life.effect({ do: "closeLegions" });
    },
  },
  leaving: {
    ...NOTHING,
    startFailed: failStopping,
    stopAsked: hurryAgain,
    stopNowAsked: hurry,
    legionsClosed: (life) => {
      life.effect({ do: life.status.failure === "none" ? "runExitHooks" : "endJail" });
    },
    exitHooksDone: (life) => life.effect({ do: "endJail" }),
    jailGone: (life) => {
      life.enter("ended");
      life.effect({ do: "end" });
    },
  },
  ended: NOTHING,
};

export class InstanceLife extends Machine<LifeState, LifeEvent & MachineEvent, LifeEffect> {
  declare readonly status: LifeStatus;

  constructor() {
    const status: LifeStatus = {
      state: "starting",
      code: null,
      urgency: "none",
      failure: "none",
      isReloadWanted: false,
    };
    super(LIFE, status);
  }
}
