/**
 * The steps of a start in their order, which is uWSGI's: asap, pidfile, pre-jail, post-jail, in-jail, waits, as-root, as-user,
 * chdir, pidfile2, pre-app, post-app, daemons, safe-pidfile, master-start. The first that fails ends the start.
 */
import type { Plan } from "../config/plan.ts";
import type { Core } from "./core.ts";
import type { InstanceActions, Services } from "./services.ts";

export interface StartUp {
  readonly plan: Plan;
  readonly core: Core;
  readonly services: Services;
  readonly actions: InstanceActions;
  readonly isReload: boolean;
  /** Aborts when reeve is told to stop before the daemons run. */
  readonly startSignal: AbortSignal;
  /** Aborts when reeve ends. */
  readonly lifeSignal: AbortSignal;
}

const MANY_DAEMONS = 50;

/** Rejects with HookFailure, HookExit, WaitTimeout, an Error of a file that cannot be made, or the signal's reason. */
export async function startUp(parts: StartUp): Promise<void> {
  const { plan, core, services, isReload, startSignal } = parts;
  const { hooks } = services;
  await hooks.run("asap", startSignal);
  // The pid stays the same over a reload, and so do the pidfiles.
  if (!isReload) services.writePidfiles(({ safe, asUser }) => !safe && !asUser);
  if (!isReload) await hooks.run("pre-jail", startSignal);
  await hooks.run("post-jail", startSignal);
  await hooks.run("in-jail", startSignal);
  await services.waits(startSignal);
  await hooks.run("as-root", startSignal);
  await hooks.run("as-user", startSignal);
  if (plan.instance.chdir !== null) hooks.changeDirectory(plan.instance.chdir);
  process.chdir(hooks.cwd);
  if (!isReload) services.writePidfiles(({ safe, asUser }) => !safe && asUser);
  await hooks.run("pre-app", startSignal);
  await hooks.run("post-app", startSignal);
  await core.endRemainders();
  startSignal.throwIfAborted();
  core.useEnvironment(hooks.environment);
  // What reading a long configuration left is given back before what stays is built around it; a short one is not worth the 4 ms.
  if (plan.daemons.length >= MANY_DAEMONS) Bun.gc(true);
  core.instance.start();
  await afterStart(parts);
}

/** The daemons run: to be told to stop is an ordinary stop from here on. */
async function afterStart({ services, actions, isReload, lifeSignal }: StartUp): Promise<void> {
  services.startFifo(actions);
  services.watchTouches(actions, lifeSignal);
  if (!isReload) services.writePidfiles(({ safe }) => safe);
  await services.hooks.run("master-start", lifeSignal);
  await services.hooks.run("accepting", lifeSignal);
}
