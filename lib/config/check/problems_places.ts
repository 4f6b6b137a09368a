/**
 * Directories and files that something is to be put in, looked at through one root. What is wrong goes to the
 * Diagnostics, each only once: a line in a loop makes many daemons.
 */
import type { Diagnostics, Severity } from "../diagnostic.ts";
import type { Origin } from "../origin.ts";
import type { Faults } from "./faults.ts";
import { ProgramFinder } from "../system/programs.ts";
import type { FileStatus, SystemLook } from "../system/plan_deps.ts";

/** The objects that all searches of a Plan have in common. */
export interface SearchDeps {
  readonly diagnostics: Diagnostics;
  /** For what is missing now: hooks and waits run before the daemons and may bring it. */
  readonly missing: Severity;
  readonly faults: Faults;
  readonly reported: Set<string>;
  /**
   * The path is in a jail, whose processes may have made it so: that must not keep all else from being
   * started.
   */
  readonly isHostile?: boolean;
}

export class Places {
  readonly look: SystemLook;
  readonly programs: ProgramFinder;
  readonly scope: SearchDeps;

  /** `path`: the PATH of what is started there. */
  constructor(look: SystemLook, path: string, scope: SearchDeps) {
    this.look = look;
    this.programs = new ProgramFinder(look, path);
    this.scope = scope;
  }

  checkDirectory(path: string, what: string, origin: Origin | null): boolean {
    const status = this.stat(path);
    if (status?.kind === "directory") return true;
    if (status === null) this.report(this.scope.missing, `cannot enter ${what}: no such directory`, origin);
    else this.report("error", `cannot enter ${what}: it is a ${status.kind}`, origin);
    return false;
  }

  /** That reeve itself can make a file there. */
  checkPlace(path: string, what: string, origin: Origin | null, severity: Severity = "error"): void {
    const own = this.stat(path);
    if (own?.kind === "directory") {
      const severity = this.unlessPlanted("error", path);
      this.report(severity, `cannot write ${what}: it is a directory: name a file in it`, origin);
      return;
    }
    const place = this.directoryOf(path, what, origin);
    if (place === null || this.look.canWrite(place.path)) return;
    if (own?.kind === "file" && severity !== "error" && this.look.canWrite(path)) return;
    this.report(
      this.unlessPlanted(severity, path),
      `cannot write ${what}: the directory "${place.path}" is not writable for reeve`,
      origin,
    );
  }

  directoryOf(
    path: string,
    what: string,
    origin: Origin | null,
  ): { path: string; status: FileStatus } | null {
    const directory = path.slice(0, path.lastIndexOf("/")) || "/";
    const status = this.stat(directory);
    if (status?.kind === "directory") return { path: directory, status };
    if (status === null) {
      this.report(
        this.scope.missing,
        `cannot write ${what}: no such directory: "${directory}", make it first`,
        origin,
      );
    } else {
      const severity = this.unlessPlanted("error", directory);
      this.report(severity, `cannot write ${what}: "${directory}" is no directory`, origin);
    }
    return null;
  }

  /**
   * A stranger's file must not keep all else from being started: that one thing waits until the file is gone.
   */
  unlessPlanted(severity: Severity, path: string): Severity {
    const isPlanted = severity === "error" && (this.look.strangerOn?.(path) ?? null) !== null;
    return isPlanted ? "warning" : severity;
  }

  stat(path: string): FileStatus | null {
    return this.programs.stat(path);
  }

  report(found: Severity, text: string, origin: Origin | null): void {
    const severity = found === "error" && this.scope.isHostile === true ? "warning" : found;
    const key = `${severity} ${text} ${origin?.file} ${origin?.line}`;
    if (this.scope.reported.has(key)) return;
    this.scope.reported.add(key);
    this.scope.diagnostics[severity](text, origin);
  }
}
