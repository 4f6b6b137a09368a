/**
 * The users that a name means: those of the host, of the instance's root, or of a daemon's own root. Each
 * file is read once, at the first question. What is under another root is somebody else's: it is read through
 * readInRoot alone.
 */
import type { PlanDeps } from "./plan_deps.ts";
import { UserDatabase, type UserFiles } from "../users.ts";

export class RootedUsers {
  readonly #system: PlanDeps;
  readonly #instanceRoot: string | null;
  readonly #known = new Map<string | null, UserDatabase>();

  /** `instanceRoot`: null is the host's own. */
  constructor(system: PlanDeps, instanceRoot: string | null) {
    this.#system = system;
    this.#instanceRoot = instanceRoot;
  }

  /** `daemonRoot`: a path in the instance's root; null: the instance's root itself. */
  of(daemonRoot: string | null): UserDatabase {
    let users = this.#known.get(daemonRoot);
    if (users === undefined) {
      users = new UserDatabase(this.#files(daemonRoot));
      this.#known.set(daemonRoot, users);
    }
    return users;
  }

  #files(daemonRoot: string | null): UserFiles {
    const system = this.#system;
    const root = this.#instanceRoot ?? daemonRoot;
    if (root === null) return system;
    // A link in the daemon's root must not lead out of the instance's.
    const below = this.#instanceRoot === null ? "" : daemonRoot ?? "";
    const read = (path: string): string => system.readInRoot?.(root, `${below}${path}`) ?? "";
    return {
      place: `${this.#instanceRoot ?? ""}${daemonRoot ?? ""}`,
      get passwd() {
        return read("/etc/passwd");
      },
      get group() {
        return read("/etc/group");
      },
    };
  }
}
