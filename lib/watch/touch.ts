/**
 * The files whose touch makes the instance do something (touch-reload, touch-logreopen, touch-logrotate, touch-exec,
 * fs-reload) and those that restart one daemon. Only says what was touched; what follows is the supervisor's.
 */
import { isAbsolute } from "node:path";
import { maskLine } from "../config/plan/mask.ts";
import type { InstancePlan } from "../config/plan/instance_plan.ts";
import { MESSAGES } from "./messages.ts";
import { PathWatch, type PathWatchOptions, type PathWatchWorld } from "./path_watch.ts";

export interface TouchActions {
  reload(): void;
  reopenLog(): void;
  rotateLog(): void;
  /** The command of a touch-exec. */
  run(command: string): void;
}

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
export function watchInstanceTouches(plan: TouchPlan, world: TouchWorld, actions: TouchActions): Touches {
  const watches: PathWatch[] = [];
  const add = (path: string, text: string, act: () => void, options?: PathWatchOptions) => {
    const onTouch = () => {
      world.log("info", text);
      act();
    };
    watches.push(watchOne(path, world, onTouch, options));
  };
  for (const path of plan.touchReload) add(path, MESSAGES.instanceTouched(path), () => actions.reload());
  for (const path of plan.touchLogReopen) {
    add(path, MESSAGES.logReopenTouched(path), () => actions.reopenLog());
  }
  for (const path of plan.touchLogRotate) {
    add(path, MESSAGES.logRotateTouched(path), () => actions.rotateLog());
  }
  for (const { path, command } of plan.touchExec) {
    add(path, MESSAGES.commandTouched(path, maskLine(command)), () => actions.run(command));
  }
  for (const path of plan.fsReload) {
    add(path, MESSAGES.filesystemChanged(path), () => actions.reload(), { anyEvent: true });
  }
  return { remove: () => watches.splice(0).forEach((watch) => watch.remove()) };
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
