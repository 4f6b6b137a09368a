/**
 * Whether a Plan can run on this system: directories, pidfiles and commands that it names, each in the root that it means. It
 * looks through the PlanSystem and changes nothing.
 */
import type { Diagnostics } from "../diagnostic.ts";
import type { Origin } from "../origin.ts";
import type { DaemonPlan } from "../plan/daemon_plan.ts";
import type { InstancePlan } from "../plan/instance_plan.ts";
import type { Plan } from "../plan/plan.ts";
import { DaemonSearch, type Purpose } from "./problems_daemon.ts";
import { findJailProblems } from "./problems_jail.ts";
import { findLegionProblems } from "./problems_legion.ts";
import { Places, type SearchScope } from "./problems_places.ts";
import { join, searchPath } from "../system/programs.ts";
import { daemonView, instanceView } from "../system/root_view.ts";
import type { PlanSystem, SystemLook } from "../system/system.ts";

export type { Purpose } from "./problems_daemon.ts";

/** Adds what is wrong to `diagnostics`, in the order of the daemons. */
export function findProblems(
  plan: Plan,
  system: PlanSystem,
  purpose: Purpose,
  diagnostics: Diagnostics,
): void {
  const { hooks, waits } = plan.instance;
  const mayCome = waits.length > 0 ||
    hooks.some(({ phase }) => phase !== "as-user-atexit" && phase !== "accepting");
  const scope: SearchScope = {
    diagnostics,
    missing: mayCome ? "warning" : "error",
    doubtful: purpose === "check" ? "error" : "warning",
    reported: new Set(),
  };
  const searches = new Searches(plan, system, purpose, scope);
  checkOwnFiles(plan.instance, new Places(system, searchPath(plan.instance, system), scope));
  searches.checkInstance();
  findJailProblems(plan, system, diagnostics);
  findLegionProblems(plan, system, scope.missing, diagnostics);
  const pidfiles = new Map<string, string>();
  for (const daemon of plan.daemons) {
    const search = searches.of(daemon);
    if (search === null) continue;
    search.check(daemon);
    if (daemon.pidfile === null) continue;
    const path = `${daemon.namespaces?.root?.path ?? ""}:${search.absolute(daemon.pidfile)}`;
    const other = pidfiles.get(path);
    if (other === undefined) pidfiles.set(path, daemon.name);
    else {
      diagnostics.warning(
        `pidfile "${daemon.pidfile}" is that of daemon "${other}" too: "${daemon.name}" would never be started`,
        daemon.origin,
      );
    }
  }
}

/** Files of reeve itself, which stays outside every jail. */
function checkOwnFiles(instance: InstancePlan, places: Places): void {
  const { cwd } = places.look;
  // In a jail chdir is a directory of the jail, and reeve itself stays where it is.
  const directory = instance.chdir === null || instance.jail !== null ? cwd : join(cwd, instance.chdir);
  for (const pidfile of instance.pidfiles) {
    const path = join(pidfile.asUser ? directory : cwd, pidfile.path);
    places.checkPlace(path, `pidfile "${pidfile.path}"`, pidfile.origin);
  }
  if (!isLogInside(instance)) checkLog(instance, join(cwd, instance.log.file ?? ""), places);
  for (const { path, origin } of instance.masterFifo) {
    places.checkPlace(join(directory, path), `master FIFO "${path}"`, origin);
    const status = places.stat(join(directory, path));
    if (status !== null && status.kind !== "fifo") {
      places.report("error", `cannot make master FIFO "${path}": a ${status.kind} has this name`, origin);
    }
  }
}

/** logto2 is opened once the instance is in its jail (uWSGI 2.0). */
function isLogInside({ jail, log }: InstancePlan): boolean {
  return jail !== null && log.asUser;
}

function checkLog(instance: InstancePlan, path: string, places: Places): void {
  const { file } = instance.log;
  if (file === null || file.startsWith("/dev/")) return;
  const origin = originOf(instance, "daemonize2", "logto2", "daemonize", "logto");
  places.checkPlace(path, `log file "${file}"`, origin);
}

/** One search for all daemons that see the same files. */
class Searches {
  readonly #plan: Plan;
  readonly #system: PlanSystem;
  readonly #purpose: Purpose;
  readonly #scope: SearchScope;
  readonly #ofInstance: DaemonSearch | null;
  readonly #places: Places | null;

  constructor(plan: Plan, system: PlanSystem, purpose: Purpose, scope: SearchScope) {
    this.#plan = plan;
    this.#system = system;
    this.#purpose = purpose;
    this.#scope = scope;
    this.#places = this.#placesOf(instanceView(plan.instance, system));
    this.#ofInstance = this.#searchIn(this.#places);
  }

  checkInstance(): void {
    const { chdir, touchExec } = this.#plan.instance;
    if (this.#places === null || this.#ofInstance === null) return;
    if (chdir !== null) {
      const origin = originOf(this.#plan.instance, "chdir");
      this.#places.checkDirectory(this.#ofInstance.absolute("."), `chdir "${chdir}"`, origin);
    }
    const { log } = this.#plan.instance;
    if (isLogInside(this.#plan.instance)) {
      checkLog(this.#plan.instance, join("/", log.file ?? ""), this.#places);
    }
    if (this.#purpose === "start") return;
    for (const { command, origin } of touchExec) this.#ofInstance.checkShellLine(command, origin);
  }

  /** null: where it lives is not to be seen. */
  of(daemon: DaemonPlan): DaemonSearch | null {
    if (daemon.namespaces === null) return this.#ofInstance;
    return this.#searchIn(this.#placesOf(daemonView(this.#plan, daemon, this.#system)));
  }

  #placesOf(look: SystemLook | null): Places | null {
    if (look === null) return null;
    const isHostile = this.#purpose === "start" && this.#plan.instance.jail !== null;
    return new Places(look, searchPath(this.#plan.instance, look), { ...this.#scope, isHostile });
  }

  #searchIn(places: Places | null): DaemonSearch | null {
    return places === null ? null : new DaemonSearch(places, this.#plan.instance.chdir, this.#purpose);
  }
}

function originOf({ origins }: InstancePlan, ...names: readonly string[]): Origin | null {
  const name = names.find((wanted) => origins?.[wanted] !== undefined);
  return name === undefined ? null : origins?.[name] ?? null;
}
