/**
 * Whether one daemon can run: its directory, its pidfile and its command, as its own root has them. It looks and changes nothing.
 *
 * A start looks only at what reeve itself opens. The commands and directories of daemons are for a check alone: one on a
 * hung network file system must hold up its own daemon and not the start of all, and a start that fails says why.
 */
import { isShellWord, programOfShellLine } from "../values/command_words.ts";
import { maskLine, shownCommand } from "../plan/mask.ts";
import type { Origin } from "../origin.ts";
import type { DaemonPlan, Identity } from "../plan/daemon_plan.ts";
import { checkTouchFiles } from "./problems_files.ts";
import type { Places } from "./problems_places.ts";
import { isScriptWithoutInterpreter, join } from "../system/programs.ts";
import { modeAllows } from "../system/system.ts";
import { quote } from "../problem.ts";

/** execvp(3): what runs a script that names no interpreter. */
const FALLBACK_SHELL = "/bin/sh";

export type Purpose = "check" | "start";

export class DaemonSearch {
  readonly #places: Places;
  readonly #purpose: Purpose;
  readonly #directory: string;

  /** `chdir`: the instance's. */
  constructor(places: Places, chdir: string | null, purpose: Purpose) {
    this.#places = places;
    this.#purpose = purpose;
    this.#directory = chdir === null ? places.look.cwd : join(places.look.cwd, chdir);
  }

  /** Of a path that daemons mean: relative ones are relative to the instance's chdir. */
  absolute(path: string): string {
    return join(this.#directory, path);
  }

  checkTouchFiles(files: readonly string[], what: string, origin: Origin | null): void {
    checkTouchFiles(files, what, origin, this.#directory, this.#places);
  }

  check(daemon: DaemonPlan): void {
    if (daemon.pidfile !== null) this.#checkPidfile(daemon, daemon.pidfile);
    if (this.#purpose === "start") return;
    const directory = daemon.chdir === null ? this.#directory : this.absolute(daemon.chdir);
    const isThere = daemon.chdir === null ||
      this.#places.checkDirectory(directory, `chdir "${daemon.chdir}"`, daemon.origin);
    // Without its directory a relative command cannot be looked for.
    if (isThere) this.#checkCommand(daemon, directory);
  }

  #checkPidfile(daemon: DaemonPlan, pidfile: string): void {
    const path = this.absolute(pidfile);
    const status = this.#places.stat(path);
    if (status !== null && status.kind !== "file") {
      const severity = this.#places.unlessPlanted("error", path);
      this.#places.report(severity, `cannot use pidfile "${pidfile}": it is a ${status.kind}`, daemon.origin);
      return;
    }
    const above = path.slice(0, path.lastIndexOf("/")) || "/";
    if (daemon.kind === "smart" && this.#places.stat(above) === null) {
      // apache2ctl, mysqld_safe and init scripts make it themselves.
      this.#places.report(
        "warning",
        `pidfile "${pidfile}" has no directory yet: the command must make "${above}", or make it first`,
        daemon.origin,
      );
      return;
    }
    const isOurs = daemon.kind === "smart2" || daemon.identity === null ||
      daemon.identity.uid === this.#places.look.uid;
    if (isOurs) {
      this.#places.checkPlace(
        path,
        `pidfile "${pidfile}"`,
        daemon.origin,
        daemon.kind === "smart2" ? "error" : this.#places.scope.doubtful,
      );
      return;
    }
    const place = this.#places.directoryOf(path, `pidfile "${pidfile}"`, daemon.origin);
    if (place === null || daemon.identity === null) return;
    const mayWrite = modeAllows(place.status, daemon.identity, "write") &&
      this.#places.look.canWrite(place.path);
    if (mayWrite || (status !== null && modeAllows(status, daemon.identity, "write"))) return;
    const who = nameOf(daemon.identity);
    this.#places.report(
      this.#places.scope.doubtful,
      `cannot write pidfile "${pidfile}": user ${who} may not write to the directory "${place.path}"`,
      daemon.origin,
    );
  }

  #checkCommand(daemon: DaemonPlan, directory: string): void {
    const { command, identity, origin } = daemon;
    if (command.kind === "shell") {
      if (this.#places.programs.find(command.shell, directory) === null) {
        const remedy = "install one, or write the command without shell syntax";
        this.#places.report(
          this.#places.scope.doubtful,
          `cannot run ${quote(shownCommand(command))}: no shell ${command.shell}: ${remedy}`,
          origin,
        );
      } else this.checkShellLine(command.text, origin, directory);
      return;
    }
    const program = command.words[0] ?? "";
    const found = this.#places.programs.find(program, directory);
    if (found === null) {
      const where = program.includes("/")
        ? "no such file"
        : `not found in PATH ${this.#places.programs.path}`;
      this.#places.report(this.#places.scope.doubtful, `cannot run "${program}": ${where}`, origin);
      return;
    }
    const status = this.#places.stat(found);
    if (status === null) return;
    const mayRun = identity === null || identity.uid === this.#places.look.uid
      ? this.#places.look.canExecute(found)
      : modeAllows(status, identity, "execute");
    if (status.kind === "directory") {
      this.#places.report(this.#places.scope.doubtful, `cannot run "${program}": it is a directory`, origin);
    } else if (!mayRun) {
      const who = identity === null ? "" : ` for user ${nameOf(identity)}`;
      this.#places.report(
        this.#places.scope.doubtful,
        `cannot run "${program}": it is not executable${who}: chmod +x ${found}`,
        origin,
      );
    } else if (isScriptWithoutInterpreter(this.#places.look.readStart(found))) {
      const remedy = "give it the first line #!/bin/sh";
      if (this.#places.programs.find(FALLBACK_SHELL, directory) !== null) {
        this.#places.report(
          "note",
          `"${program}" has no first line "#!", so ${FALLBACK_SHELL} runs it: ${remedy}`,
          origin,
        );
      } else {
        const why = `a script without "#!" needs a shell, and there is no ${FALLBACK_SHELL}`;
        this.#places.report(
          this.#places.scope.doubtful,
          `cannot run "${program}": ${why}: ${remedy}`,
          origin,
        );
      }
    }
  }

  /** Only the first program of a line with shell syntax can be looked for, and it may be a function: a warning. */
  checkShellLine(line: string, origin: Origin, directory = this.#directory): void {
    const program = programOfShellLine(line);
    // A relative one may mean another directory by then: the line may change it.
    if (!/^(?:\/|[^\/]+$)/.test(program) || !/^[A-Za-z0-9_.+\/-]+$/.test(program) || isShellWord(program)) {
      return;
    }
    if (this.#places.programs.find(program, directory) !== null) return;
    this.#places.report(
      "warning",
      `"${program}" is not there now: ${quote(maskLine(line))} will fail without it`,
      origin,
    );
  }
}

function nameOf(identity: Identity): string {
  return identity.user === null ? String(identity.uid) : `"${identity.user}"`;
}
