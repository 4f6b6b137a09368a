/**
 * The files whose touch makes the instance do something (touch-reload, touch-logreopen, touch-logrotate,
 * touch-exec, fs-reload) and those that restart one daemon. Only says what was touched, and no effect more
 * than once a second; what follows is the supervisor's. What reeve itself writes never counts.
 */
import { isAbsolute } from "node:path";
import { maskLine } from "../config/plan/mask.ts";
import type { InstancePlan } from "../config/plan/instance_plan.ts";
import type { InstanceCommand, PlainCommand } from "../control/commands.ts";
import { MESSAGES } from "./messages.ts";
import { Pace } from "../sys/pace.ts";
import { PathWatch, type PathWatchDeps } from "./path_watch.ts";

export interface TouchDeps extends PathWatchDeps {
  /** Relative paths are relative to this. */
  readonly cwd: string;
  readonly log: (level: "info" | "warning", text: string) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** A reload has just been: the next one waits its second. */
  readonly isReload: boolean;
}

export interface Touches {
  remove(): void;
}

type TouchPlan = Pick<
  InstancePlan,
  "touchReload" | "touchLogReopen" | "touchLogRotate" | "touchExec" | "fsReload"
>;

function watchOne(
  path: string,
  what: string,
  deps: TouchDeps,
  onTouch: () => void,
  anyEvent = false,
): PathWatch {
  // Not normalised: "current/../x" means what the kernel makes of it.
  const absolute = isAbsolute(path) ? path : `${deps.cwd}/${path}`;
  const watch = new PathWatch(absolute, deps, onTouch, { anyEvent });
  if (watch.isOwn) deps.log("warning", MESSAGES.touchOwn(path, what));
  else if (!watch.exists) deps.log("info", MESSAGES.touchMissing(path));
  return watch;
}

/** `what`: the effect, for the line that says that the next is held back. */
function makePace(what: string, deps: TouchDeps, afterOne = false): Pace {
  const onHeld = (ms: number): void => deps.log("info", MESSAGES.touchHeld(what, ms / 1000));
  return new Pace({ timers: deps.timers, now: deps.now, onHeld }, { afterOne });
}

function removal(watches: PathWatch[], paces: Iterable<Pace>): Touches {
  return {
    remove: () => {
      for (const watch of watches.splice(0)) watch.remove();
      for (const pace of paces) pace.cancel();
    },
  };
}

/** Watches from now on: what the files are now is the baseline. */
export function watchInstanceTouches(
  plan: TouchPlan,
  deps: TouchDeps,
  perform: (command: InstanceCommand) => void,
): Touches {
  const paces = new Map<string, Pace>();
  const watches = meaningsOf(plan).map(({ path, text, what, command, anyEvent }) => {
    // Over a reload as well: what the next image starts may be what touches the file.
    const afterOne = command.do === "reload" && deps.isReload;
    const pace = paces.get(what) ?? makePace(what, deps, afterOne);
    paces.set(what, pace);
    const act = (): void => {
      deps.log("info", text);
      perform(command);
    };
    return watchOne(path, what, deps, () => pace.ask(act), anyEvent);
  });
  return removal(watches, paces.values());
}

interface Meaning {
  readonly path: string;
  /** For the log. */
  readonly text: string;
  /** The effect, by its name: of one name there is one a second. */
  readonly what: string;
  readonly command: InstanceCommand;
  /** Any event of the file counts, and not its change alone. */
  readonly anyEvent: boolean;
}

function meaningsOf(plan: TouchPlan): Meaning[] {
  const of = (
    paths: readonly string[],
    text: (path: string) => string,
    what: string,
    command: PlainCommand,
    anyEvent = false,
  ): Meaning[] => paths.map((path) => ({ path, text: text(path), what, command: { do: command }, anyEvent }));
  return [
    ...of(plan.touchReload, MESSAGES.instanceTouched, "reload", "reload"),
    ...of(plan.touchLogReopen, MESSAGES.logReopenTouched, "reopening of the log", "reopenLog"),
    ...of(plan.touchLogRotate, MESSAGES.logRotateTouched, "rotation of the log", "rotateLog"),
    ...plan.touchExec.map(({ path, command }): Meaning => ({
      path,
      text: MESSAGES.commandTouched(path, maskLine(command)),
      what: `"${maskLine(command)}"`,
      command: { do: "run", command },
      anyEvent: false,
    })),
    ...of(plan.fsReload, MESSAGES.filesystemChanged, "reload", "reload", true),
  ];
}

/** The touch list of one daemon, which is restarted once a second at most, whichever of them are touched. */
export function watchDaemonTouches(
  paths: readonly string[],
  deps: TouchDeps,
  onTouch: (path: string) => void,
): Touches {
  const what = "restart";
  const pace = makePace(what, deps);
  const watches = paths.map((path) => watchOne(path, what, deps, () => pace.ask(() => onTouch(path))));
  return removal(watches, [pace]);
}
