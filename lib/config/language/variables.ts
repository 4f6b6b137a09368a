/**
 * The environment as the configuration sees it while it is read: what reeve was started with, and what ienv
 * and early-envdir have set since. It never changes reeve's own.
 */
import { parseAssignment } from "../values/assignment.ts";
import { envdirValue, isEnvdirName } from "./envdir.ts";
import type { Sources } from "./sources.ts";
import type { ConfigDeps } from "../system/config_deps.ts";

export class Variables {
  readonly #deps: ConfigDeps;
  readonly #sources: Sources;
  /** null: unset since. */
  readonly #changed = new Map<string, string | null>();

  constructor(deps: ConfigDeps, sources: Sources) {
    this.#deps = deps;
    this.#sources = sources;
  }

  get(name: string): string | null {
    const changed = this.#changed.get(name);
    if (changed !== undefined) return changed;
    return Object.hasOwn(this.#deps.environment, name) ? this.#deps.environment[name] ?? null : null;
  }

  /** `NAME=VALUE`; anything else is the Plan's to report. */
  set(text: string): void {
    const { name, value } = parseAssignment(text);
    if (name !== "" && value !== null) this.#changed.set(name, value);
  }

  /** A daemontools directory. One that cannot be read is the Plan's to report. */
  setFrom(directory: string): void {
    for (const path of this.#deps.glob(`${directory}/*`)) {
      if (!this.#deps.isFile(path)) continue;
      const name = path.slice(path.lastIndexOf("/") + 1);
      if (!isEnvdirName(name)) continue;
      const text = this.#sources.readText(path, { file: path, line: 0 });
      if (text !== null) this.#changed.set(name, envdirValue(text));
    }
  }
}
