/** Programs looked for as execvp(3) looks for them, each place looked at once. Through a SystemLook alone. */
import type { DaemonPlan } from "../plan/daemon_plan.ts";
import type { InstancePlan } from "../plan/instance_plan.ts";
import type { FileStatus, SystemLook } from "./plan_deps.ts";

/** The PATH in a jail that begins clean: it holds in any root. */
export const USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** execvp(3) without PATH. */
const DEFAULT_PATH = "/bin:/usr/bin";

export class ProgramFinder {
  /** Colon list. */
  readonly path: string;
  readonly #system: SystemLook;
  readonly #stats = new Map<string, FileStatus | null>();
  readonly #programs = new Map<string, string | null>();

  constructor(system: SystemLook, path: string) {
    this.#system = system;
    this.path = path;
  }

  /**
   * `directory`: where relative names begin. null for none. One that is there but not executable is found as
   * well.
   */
  find(program: string, directory: string): string | null {
    if (program === "") return null;
    if (program.includes("/")) {
      const path = join(directory, program);
      return this.stat(path) === null ? null : path;
    }
    const known = this.#programs.get(program);
    if (known !== undefined) return known;
    let found: string | null = null;
    for (const place of this.path.split(":")) {
      const path = join(join(directory, place === "" ? "." : place), program);
      if (this.stat(path)?.kind !== "file") continue;
      found ??= path;
      if (!this.#system.canExecute(path)) continue;
      found = path;
      break;
    }
    this.#programs.set(program, found);
    return found;
  }

  stat(path: string): FileStatus | null {
    let status = this.#stats.get(path);
    if (status === undefined) {
      status = this.#system.stat(path);
      this.#stats.set(path, status);
    }
    return status;
  }
}

/** The PATH that daemons get from their instance. */
export function searchPath(instance: InstancePlan, system: SystemLook): string {
  const set = instance.environment.findLast((change) => change.name === "PATH");
  return (set === undefined ? system.path : set.value) ?? DEFAULT_PATH;
}

/** The same for one daemon, which may have a PATH of its own. */
export function searchPathOf(daemon: DaemonPlan, instance: InstancePlan, system: SystemLook): string {
  return daemon.environment.findLast(({ name }) => name === "PATH")?.value ?? searchPath(instance, system);
}

/** Leaves ".." alone: where it leads to depends on links. */
export function join(directory: string, path: string): string {
  if (path.startsWith("/")) return path;
  const rest = path.replace(/^(?:\.\/+)+/, "");
  return rest === "." || rest === "" ? directory : `${directory === "/" ? "" : directory}/${rest}`;
}
