/**
 * Whether a Plan can run on this system: directories, pidfiles and commands that it names. It looks through the PlanSystem and
 * changes nothing.
 *
 * A start looks only at what reeve itself opens. The commands and directories of daemons are for a check alone: one on a
 * hung network file system must hold up its own daemon and not the start of all, and a start that fails says why.
 */
import { isShellWord, programOfShellLine } from "./command_words.ts";
import type { Diagnostics, Severity } from "./diagnostic.ts";
import { maskLine, shownCommand } from "./mask.ts";
import type { Origin } from "./origin.ts";
import type { DaemonPlan, Identity, InstancePlan, Plan } from "./plan.ts";
import { quote } from "./problem.ts";
import { findJailProblems, instanceSeesHost, seesHost } from "./plan_problems_jail.ts";
import { findLegionProblems } from "./plan_problems_legion.ts";
import { isScriptWithoutInterpreter, join, ProgramFinder, searchPath } from "./plan_programs.ts";
import { type FileStatus, modeAllows, type PlanSystem } from "./plan_system.ts";

/** execvp(3): what runs a script that names no interpreter. */
const FALLBACK_SHELL = "/bin/sh";

export type Purpose = "check" | "start";

/** Adds what is wrong to `diagnostics`, in the order of the daemons. */
export function findProblems(
  plan: Plan,
  system: PlanSystem,
  purpose: Purpose,
  diagnostics: Diagnostics,
): void {
  const search = new ProblemSearch(plan, system, purpose, diagnostics);
  search.checkInstance();
  findJailProblems(plan, system, search.missing, diagnostics);
  findLegionProblems(plan, system, search.missing, diagnostics);
  const pidfiles = new Map<string, string>();
  for (const daemon of plan.daemons) {
    // What lies under another root is seen where it is used.
    if (!seesHost(plan, daemon)) continue;
    search.checkDaemon(daemon);
    if (daemon.pidfile === null) continue;
    const path = search.absolute(daemon.pidfile);
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

class ProblemSearch {
  readonly #plan: InstancePlan;
  readonly #system: PlanSystem;
  readonly #purpose: Purpose;
  readonly #diagnostics: Diagnostics;
  /** For what cannot be known for certain before the daemons are started. */
  readonly #doubtful: Severity;
  /** For what is missing now: hooks and waits run before the daemons and may bring it. */
  readonly missing: Severity;
  readonly #directory: string;
  readonly #programs: ProgramFinder;
  /** A line in a loop makes many daemons; what is wrong with it is said once. */
  readonly #reported = new Set<string>();

  constructor(plan: Plan, system: PlanSystem, purpose: Purpose, diagnostics: Diagnostics) {
    this.#plan = plan.instance;
    this.#system = system;
    this.#purpose = purpose;
    this.#diagnostics = diagnostics;
    this.#doubtful = purpose === "check" ? "error" : "warning";
    const mayCome = plan.instance.waits.length > 0 ||
      plan.instance.hooks.some(({ phase }) => phase !== "as-user-atexit" && phase !== "accepting");
    this.missing = mayCome ? "warning" : "error";
    this.#directory = plan.instance.chdir === null ? system.cwd : join(system.cwd, plan.instance.chdir);
    this.#programs = new ProgramFinder(system, searchPath(plan.instance, system));
  }

  /** Of a path that daemons mean: relative ones are relative to the instance's chdir. */
  absolute(path: string): string {
    return join(this.#directory, path);
  }

  checkInstance(): void {
    const { chdir, pidfiles, log, masterFifo, touchExec } = this.#plan;
    const seesHost = instanceSeesHost({ instance: this.#plan });
    if (chdir !== null && seesHost) {
      this.#checkDirectory(join(this.#system.cwd, chdir), `chdir "${chdir}"`, this.#originOf("chdir"));
    }
    for (const pidfile of pidfiles) {
      const path = pidfile.asUser ? this.absolute(pidfile.path) : join(this.#system.cwd, pidfile.path);
      this.#checkPlace(path, `pidfile "${pidfile.path}"`, pidfile.origin);
    }
    if (log.file !== null && !log.file.startsWith("/dev/")) {
      const origin = this.#originOf("daemonize2", "logto2", "daemonize", "logto");
      this.#checkPlace(join(this.#system.cwd, log.file), `log file "${log.file}"`, origin);
    }
    for (const { path, origin } of masterFifo) {
      this.#checkPlace(this.absolute(path), `master FIFO "${path}"`, origin);
      const status = this.#stat(this.absolute(path));
      if (status !== null && status.kind !== "fifo") {
        this.#report("error", `cannot make master FIFO "${path}": a ${status.kind} has this name`, origin);
      }
    }
    if (this.#purpose === "start" || !seesHost) return;
    for (const { command, origin } of touchExec) this.#checkShellLine(command, this.#directory, origin);
  }

  checkDaemon(daemon: DaemonPlan): void {
    if (daemon.pidfile !== null) this.#checkPidfile(daemon, daemon.pidfile);
    if (this.#purpose === "start") return;
    const directory = daemon.chdir === null ? this.#directory : this.absolute(daemon.chdir);
    const isThere = daemon.chdir === null ||
      this.#checkDirectory(directory, `chdir "${daemon.chdir}"`, daemon.origin);
    // Without its directory a relative command cannot be looked for.
    if (isThere) this.#checkCommand(daemon, directory);
  }

  #checkPidfile(daemon: DaemonPlan, pidfile: string): void {
    const path = this.absolute(pidfile);
    const status = this.#stat(path);
    if (status !== null && status.kind !== "file") {
      this.#report("error", `cannot use pidfile "${pidfile}": it is a ${status.kind}`, daemon.origin);
      return;
    }
    const isOurs = daemon.kind === "smart2" || daemon.identity === null ||
      daemon.identity.uid === this.#system.uid;
    if (isOurs) {
      this.#checkPlace(
        path,
        `pidfile "${pidfile}"`,
        daemon.origin,
        daemon.kind === "smart2" ? "error" : this.#doubtful,
      );
      return;
    }
    const place = this.#directoryOf(path, `pidfile "${pidfile}"`, daemon.origin);
    if (place === null || daemon.identity === null) return;
    const mayWrite = modeAllows(place.status, daemon.identity, "write") && this.#system.canWrite(place.path);
    if (mayWrite || (status !== null && modeAllows(status, daemon.identity, "write"))) return;
    const who = nameOf(daemon.identity);
    this.#report(
      this.#doubtful,
      `cannot write pidfile "${pidfile}": user ${who} may not write to the directory "${place.path}"`,
      daemon.origin,
    );
  }

  #checkCommand(daemon: DaemonPlan, directory: string): void {
    const { command, identity, origin } = daemon;
    if (command.kind === "shell") {
      if (this.#programs.find(command.shell, directory) === null) {
        const remedy = "install one, or write the command without shell syntax";
        this.#report(
          this.#doubtful,
          `cannot run ${quote(shownCommand(command))}: no shell ${command.shell}: ${remedy}`,
          origin,
        );
      } else this.#checkShellLine(command.text, directory, origin);
      return;
    }
    const program = command.words[0] ?? "";
    const found = this.#programs.find(program, directory);
    if (found === null) {
      const where = program.includes("/") ? "no such file" : `not found in PATH ${this.#programs.path}`;
      this.#report(this.#doubtful, `cannot run "${program}": ${where}`, origin);
      return;
    }
    const status = this.#stat(found);
    if (status === null) return;
    const mayRun = identity === null || identity.uid === this.#system.uid
      ? this.#system.canExecute(found)
      : modeAllows(status, identity, "execute");
    if (status.kind === "directory") {
      this.#report(this.#doubtful, `cannot run "${program}": it is a directory`, origin);
    } else if (!mayRun) {
      const who = identity === null ? "" : ` for user ${nameOf(identity)}`;
      this.#report(
        this.#doubtful,
        `cannot run "${program}": it is not executable${who}: chmod +x ${found}`,
        origin,
      );
    } else if (isScriptWithoutInterpreter(this.#system.readStart(found))) {
      const remedy = "give it the first line #!/bin/sh";
      if (this.#programs.find(FALLBACK_SHELL, directory) !== null) {
        this.#report(
          "note",
          `"${program}" has no first line "#!", so ${FALLBACK_SHELL} runs it: ${remedy}`,
          origin,
        );
      } else {
        const why = `a script without "#!" needs a shell, and there is no ${FALLBACK_SHELL}`;
        this.#report(this.#doubtful, `cannot run "${program}": ${why}: ${remedy}`, origin);
      }
    }
  }

  /** Only the first program of a line with shell syntax can be looked for, and it may be a function: a warning. */
  #checkShellLine(line: string, directory: string, origin: Origin): void {
    const program = programOfShellLine(line);
    // A relative one may mean another directory by then: the line may change it.
    if (!/^(?:\/|[^\/]+$)/.test(program) || !/^[A-Za-z0-9_.+\/-]+$/.test(program) || isShellWord(program)) {
      return;
    }
    if (this.#programs.find(program, directory) !== null) return;
    this.#report(
      "warning",
      `"${program}" is not there now: ${quote(maskLine(line))} will fail without it`,
      origin,
    );
  }

  #checkDirectory(path: string, what: string, origin: Origin | null): boolean {
    const status = this.#stat(path);
    if (status?.kind === "directory") return true;
    if (status === null) this.#report(this.missing, `cannot enter ${what}: no such directory`, origin);
    else this.#report("error", `cannot enter ${what}: it is a ${status.kind}`, origin);
    return false;
  }

  /** That reeve itself can make a file there. */
  #checkPlace(path: string, what: string, origin: Origin | null, severity: Severity = "error"): void {
    const place = this.#directoryOf(path, what, origin);
    if (place === null || this.#system.canWrite(place.path)) return;
    const own = this.#stat(path);
    if (own?.kind === "file" && severity !== "error" && this.#system.canWrite(path)) return;
    this.#report(
      severity,
      `cannot write ${what}: the directory "${place.path}" is not writable for reeve`,
      origin,
    );
  }

  #directoryOf(
    path: string,
    what: string,
    origin: Origin | null,
  ): { path: string; status: FileStatus } | null {
    const directory = path.slice(0, path.lastIndexOf("/")) || "/";
    const status = this.#stat(directory);
    if (status?.kind === "directory") return { path: directory, status };
    if (status === null) {
      this.#report(
        this.missing,
        `cannot write ${what}: no such directory: "${directory}", make it first`,
        origin,
      );
    } else this.#report("error", `cannot write ${what}: "${directory}" is no directory`, origin);
    return null;
  }

  #originOf(...names: readonly string[]): Origin | null {
    const name = names.find((wanted) => this.#plan.origins?.[wanted] !== undefined);
    return name === undefined ? null : this.#plan.origins?.[name] ?? null;
  }

  #stat(path: string): FileStatus | null {
    return this.#programs.stat(path);
  }

  #report(severity: Severity, text: string, origin: Origin | null): void {
    const key = `${severity} ${text} ${origin?.file} ${origin?.line}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#diagnostics[severity](text, origin);
  }
}

function nameOf(identity: Identity): string {
  return identity.user === null ? String(identity.uid) : `"${identity.user}"`;
}
