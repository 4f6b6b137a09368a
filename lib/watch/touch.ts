/**
 * The files whose touch makes the instance do something (touch-reload, touch-logreopen, touch-logrotate, touch-exec,
 * fs-reload) and those that restart one daemon. Only says what was touched; what follows is the supervisor's.
 */
import { isAbsolute } from "node:path";
import { maskLine } from "../config/plan/mask.ts";
import type { InstancePlan } from "../config/plan/instance_plan.ts";
import type { InstanceCommand, PlainCommand } from "../control/commands.ts";
import { MESSAGES } from "./messages.ts";
import { PathWatch, type PathWatchOptions, type PathWatchWorld } from "./path_watch.ts";

export interface TouchWorld extends PathWatchWorld {
  /** Relative paths are relative to this. */
  readonly cwd: string;
  readonly log: (level: "info" | "warning", text: string) => void;
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
  world: TouchWorld,
  onTouch: () => void,
  options: PathWatchOptions = {},
): PathWatch {
  // Not normalised: "current/../x" means what the kernel makes of it.
  const watch = new PathWatch(isAbsolute(path) ? path : `${world.cwd}/${path}`, world, onTouch, options);
  if (!watch.exists) world.log("info", MESSAGES.touchMissing(path));
  return watch;
}

/** Watches from now on: what the files are now is the baseline. */
export function watchInstanceTouches(
  plan: TouchPlan,
  world: TouchWorld,
  perform: (command: InstanceCommand) => void,
): Touches {
  const watches = meaningsOf(plan).map(({ path, text, command, anyEvent }) =>
    watchOne(path, world, () => {
      world.log("info", text);
      perform(command);
    }, anyEvent ? { anyEvent } : {})
  );
  return { remove: () => watches.splice(0).forEach((watch) => watch.remove()) };
}

interface Meaning {
  readonly path: string;
  /** For the log. */
  readonly text: string;
  readonly command: InstanceCommand;
  /** Any event of the file counts, and not its change alone. */
  readonly anyEvent: boolean;
}

function meaningsOf(plan: TouchPlan): Meaning[] {
  const of = (
    paths: readonly string[],
    text: (path: string) => string,
    command: PlainCommand,
    anyEvent = false,
  ): Meaning[] => paths.map((path) => ({ path, text: text(path), command: { do: command }, anyEvent }));
  return [
    ...of(plan.touchReload, MESSAGES.instanceTouched, "reload"),
    ...of(plan.touchLogReopen, MESSAGES.logReopenTouched, "reopenLog"),
    ...of(plan.touchLogRotate, MESSAGES.logRotateTouched, "rotateLog"),
    ...plan.touchExec.map(({ path, command }): Meaning => ({
      path,
      text: MESSAGES.commandTouched(path, maskLine(command)),
      command: { do: "run", command },
      anyEvent: false,
    })),
    ...of(plan.fsReload, MESSAGES.filesystemChanged, "reload", true),
  ];
}

/**
 * The touch list of one daemon. Files of the list that are touched within one settling time are one call each, as they
 * are different requests for the same restart: the daemon's unit merges them.
 */
export function watchDaemonTouches(
  paths: readonly string[],
  world: TouchWorld,
  onTouch: (path: string) => void,
): Touches {
  const watches = paths.map((path) => watchOne(path, world, () => onTouch(path)));
  return { remove: () => watches.splice(0).forEach((watch) => watch.remove()) };
}
