/**
 * Whether a Plan can run on this system: directories, pidfiles and commands that it names, each in the root
 * that it means. It looks through the PlanDeps and changes nothing.
 */
import type { Diagnostics } from "../diagnostic.ts";
import type { Origin } from "../origin.ts";
import type { DaemonPlan } from "../plan/daemon_plan.ts";
import type { Plan } from "../plan/plan.ts";
import { Faults } from "./faults.ts";
import { DaemonSearch, type Purpose } from "./problems_daemon.ts";
import { checkLog, checkOwnFiles, isLogInside, originOf, Pidfiles } from "./problems_files.ts";
import { findJailProblems } from "./problems_jail.ts";
import { findLegionProblems } from "./problems_legion.ts";
import { Places, type SearchDeps } from "./problems_places.ts";
import { join, searchPath, searchPathOf } from "../system/programs.ts";
import { daemonView, instanceView } from "../system/root_view.ts";
import type { PlanDeps, SystemLook } from "../system/plan_deps.ts";

export type { Purpose } from "./problems_daemon.ts";

/**
 * Adds what is wrong to `diagnostics`, in the order of the daemons; the names of those that cannot run as
 * things are.
 */
export function findProblems(
  plan: Plan,
  system: PlanDeps,
  purpose: Purpose,
  diagnostics: Diagnostics,
): readonly string[] {
  const faults = new Faults();
  const { hooks, waits } = plan.instance;
  const mayCome = waits.length > 0 ||
    hooks.some(({ phase }) => phase !== "as-user-atexit" && phase !== "accepting");
  const scope: SearchDeps = {
    diagnostics,
    missing: mayCome ? "warning" : "error",
    faults,
    reported: new Set(),
  };
  const searches = new Searches(plan, system, purpose, scope);
  checkOwnFiles(plan.instance, new Places(system, searchPath(plan.instance, system), scope));
  searches.checkInstance();
  findJailProblems(plan, system, diagnostics);
  findLegionProblems(plan, system, scope.missing, diagnostics);
  const pidfiles = new Pidfiles(plan.instance, system.cwd);
  for (const daemon of plan.daemons) {
    const search = searches.of(daemon);
    if (search === null) continue;
    search.check(daemon);
    if (daemon.pidfile !== null) pidfiles.claim(daemon, search.absolute(daemon.pidfile), diagnostics);
  }
  faults.report(plan.daemons, mayCome, diagnostics);
  return faults.names;
}

/** One search for all daemons that see the same files. */
class Searches {
  readonly #plan: Plan;
  readonly #system: PlanDeps;
  readonly #purpose: Purpose;
  readonly #scope: SearchDeps;
  readonly #ofInstance: DaemonSearch | null;
  readonly #places: Places | null;
  /** For daemons with a PATH of their own, that live where the instance does. */
  readonly #byPath = new Map<string, DaemonSearch | null>();

  constructor(plan: Plan, system: PlanDeps, purpose: Purpose, scope: SearchDeps) {
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
    if (this.#purpose !== "check") return;
    this.#checkTouchFiles();
    for (const { command, origin } of touchExec) this.#ofInstance.checkShellLine(command, origin);
  }

  #checkTouchFiles(): void {
    const { instance, daemons } = this.#plan;
    const { touchReload, touchLogReopen, touchLogRotate, touchExec } = instance;
    const check = (
      files: readonly string[],
      what: string,
      origin: Origin | null,
      search = this.#ofInstance,
    ) => {
      if (search !== null) search.checkTouchFiles(files, what, origin);
    };
    check(touchReload, "touch-reload", originOf(instance, "touch-reload"));
    check(touchLogReopen, "touch-logreopen", originOf(instance, "touch-logreopen"));
    check(touchLogRotate, "touch-logrotate", originOf(instance, "touch-logrotate"));
    for (const { path, origin } of touchExec) check([path], "touch-exec", origin);
    for (const daemon of daemons) {
      if (daemon.touch.length > 0) check(daemon.touch, "touch", daemon.origin, this.of(daemon));
    }
  }

  /** null: where it lives is not to be seen. */
  of(daemon: DaemonPlan): DaemonSearch | null {
    const path = daemon.environment.find(({ name }) => name === "PATH")?.value;
    if (daemon.namespaces !== null) return this.#searchFor(daemon);
    if (path === undefined) return this.#ofInstance;
    const known = this.#byPath.get(path) ?? this.#searchFor(daemon);
    this.#byPath.set(path, known);
    return known;
  }

  #searchFor(daemon: DaemonPlan): DaemonSearch | null {
    return this.#searchIn(this.#placesOf(daemonView(this.#plan, daemon, this.#system), daemon));
  }

  #placesOf(look: SystemLook | null, daemon: DaemonPlan | null = null): Places | null {
    if (look === null) return null;
    const { instance } = this.#plan;
    const isHostile = this.#purpose !== "check" && instance.jail !== null;
    const path = daemon === null ? searchPath(instance, look) : searchPathOf(daemon, instance, look);
    return new Places(look, path, { ...this.#scope, isHostile });
  }

  #searchIn(places: Places | null): DaemonSearch | null {
    return places === null ? null : new DaemonSearch(places, this.#plan.instance.chdir, this.#purpose);
  }
}
