/**
 * The steps of a start in their order, which is uWSGI's: asap, pidfile, pre-jail, post-jail, in-jail, waits,
 * as-root, as-user, logto2, chdir, pidfile2, pre-app, post-app, stats, legions, daemons, safe-pidfile,
 * master-start. The first that fails ends the start.
 */
import type { Plan } from "../config/plan/plan.ts";
import type { Core } from "./core.ts";
import type { Environment } from "../process/environment.ts";
import { HookExit } from "../hooks/hooks.ts";
import { legionDaemons } from "./legion_deps.ts";
import type { Legions } from "./legions.ts";
import type { Perform, Services } from "./services.ts";
import type { Statistics } from "./statistics.ts";

/** The surroundings that hooks run in. */
export interface Surroundings {
  readonly plan: Plan;
  readonly core: Core;
  readonly services: Services;
  /** The environment that hooks and daemons in the jail begin with. */
  readonly inside: Environment;
  readonly perform: Perform;
  readonly legions: Pick<Legions, "start" | "lordship">;
  /** A hook asks for the end of the instance. */
  readonly endWith: (code: number) => void;
}

export interface StartUp extends Surroundings {
  readonly statistics: Pick<Statistics, "start">;
  /** `perform`, each command once a second. */
  readonly paced: Perform;
  readonly isReload: boolean;
  /** All that comes before the daemons is done. */
  readonly daemonsDue: () => void;
  /** Aborts when reeve is told to stop before the daemons run. */
  readonly startSignal: AbortSignal;
  /** Aborts when reeve ends. */
  readonly lifeSignal: AbortSignal;
}

const MANY_DAEMONS = 50;

/**
 * Rejects with NameTaken, HookFailure, HookExit, WaitTimeout, an Error of a file that cannot be made, or the
 * signal's reason.
 */
export async function startUp(parts: StartUp): Promise<void> {
  const { plan, core, services, isReload } = parts;
  const { hooks } = services;
  const { jail } = core;
  const isKept = jail?.isKept === true;
  if (!isReload) services.refuseTakenNames();
  const signal = jail === null ? parts.startSignal : AbortSignal.any([parts.startSignal, jail.lost]);
  await hooks.run("asap", signal);
  // The pid stays the same over a reload, and so do the pidfiles.
  if (!isReload) services.writePidfiles(({ safe, asUser }) => !safe && !asUser);
  if (isReload || isKept) hooks.recall("pre-jail");
  else await hooks.run("pre-jail", signal);
  if (jail !== null && !isKept) await services.joins(jail.plan.join, signal);
  await jail?.open(signal);
  await enterJail(parts, isKept, signal);
  await services.waits(signal);
  await becomeUser(parts, signal);
  if (!isReload) services.writePidfiles(({ safe, asUser }) => !safe && asUser);
  await hooks.run("pre-app", signal);
  await hooks.run("post-app", signal);
  await core.endRemainders();
  signal.throwIfAborted();
  surroundDaemons(parts);
  // Memory left by reading a long configuration is given back before the lasting objects are built; a short
  // one is not worth the 4 ms.
  if (plan.daemons.length >= MANY_DAEMONS) Bun.gc(true);
  await parts.statistics.start(!isReload);
  await parts.legions.start(!isReload, legionDaemons(core.units));
  signal.throwIfAborted();
  jail?.started();
  // Before the daemons: whoever sees one run may touch its file at once.
  services.watchTouches(parts.perform);
  parts.daemonsDue();
  await afterStart(parts);
}

/** With what hooks have put into it, from the next daemon on. */
export function surroundDaemons(
  { core, services: { hooks }, legions }: Pick<Surroundings, "core" | "services" | "legions">,
): void {
  core.host.starter.surroundWith({
    environment: hooks.environment,
    directory: hooks.cwd,
    lordship: (legion) => legions.lordship(legion),
  });
}

/**
 * The jail was lost and is made again: what its first start did in it, and about it, is done again. Rejects
 * as `startUp`.
 */
export async function enterJailAgain(parts: Surroundings, signal: AbortSignal): Promise<void> {
  const { services } = parts;
  try {
    await enterJail(parts, false, signal);
    await services.waits(signal);
    await becomeUser(parts, signal);
    surroundDaemons(parts);
    services.watchDaemons(parts.perform);
  } catch (error) {
    if (error instanceof HookExit) parts.endWith(error.code);
    throw error;
  }
}

/**
 * From outside, then inside. `isKept`: it was entered by an earlier image; of its hooks only what they tell
 * reeve is done again.
 */
async function enterJail({ core, services, inside }: Surroundings, isKept: boolean, signal: AbortSignal) {
  const { hooks } = services;
  const pid = core.jail?.place()?.initPid ?? null;
  if (pid !== null) {
    hooks.tellOutside(["UWSGI_JAIL_PID", "REEVE_JAIL_PID"].map((name) => ({ name, value: String(pid) })));
  }
  if (isKept) hooks.recall("post-jail");
  else await hooks.run("post-jail", signal);
  if (core.jail !== null) hooks.enterJail(inside);
  if (isKept) hooks.recall("in-jail");
  else await hooks.run("in-jail", signal);
}

/** The phases of root and of the user, and the option chdir: inside, where there is a jail. */
async function becomeUser({ plan, core, services }: Surroundings, signal: AbortSignal): Promise<void> {
  const { hooks } = services;
  await hooks.run("as-root", signal);
  await hooks.run("as-user", signal);
  services.openLogLate?.();
  if (plan.instance.chdir !== null) hooks.changeDirectory(plan.instance.chdir);
  if (core.jail === null) process.chdir(hooks.cwd);
}

/** The daemons run: to be told to stop is an ordinary stop from here on. */
async function afterStart({ services, paced, isReload, lifeSignal }: StartUp): Promise<void> {
  services.startFifo(paced);
  if (!isReload) services.writePidfiles(({ safe }) => safe);
  await services.hooks.run("master-start", lifeSignal);
  await services.hooks.run("accepting", lifeSignal);
}
