/**
 * Whether one daemon can run: its directory, its pidfile and its command, as its own root has them. It looks
 * and changes nothing.
 *
 * A start looks as a check does, but at nothing that may never answer: a command or directory on a hung
 * network file system must hold up its own daemon and not the start of all.
 */
import { isShellWord, programOfShellLine } from "../values/command_words.ts";
import { beforeComment, NO_COMMENTS } from "../values/comment.ts";
import { readShellText } from "../values/shell_text.ts";
import { maskLine, shownCommand } from "../plan/mask.ts";
import type { Origin } from "../origin.ts";
import type { DaemonPlan, Identity } from "../plan/daemon_plan.ts";
import type { Places } from "./problems_places.ts";
import { type ExecutableVerdict, judgeExecutable } from "../system/executable.ts";
import { join } from "../system/programs.ts";
import { modeAllows } from "../system/plan_deps.ts";
import { quote } from "../problem.ts";

/** execvp(3): what runs a script that names no interpreter. */
const FALLBACK_SHELL = "/bin/sh";

/** resume: an image before this one has looked at the daemons; only what reeve itself opens counts. */
export type Purpose = "check" | "start" | "resume";

export class DaemonSearch {
  readonly #places: Places;
  readonly #purpose: Purpose;
  readonly #directory: string;
  readonly #verdicts = new Map<string, ExecutableVerdict>();

  /** `chdir`: the instance's. */
  constructor(places: Places, chdir: string | null, purpose: Purpose) {
    this.#places = places;
    this.#purpose = purpose;
    this.#directory = chdir === null ? places.look.cwd : join(places.look.cwd, chdir);
  }

  /** Makes a path of a daemon absolute: relative ones are relative to the instance's chdir. */
  absolute(path: string): string {
    return join(this.#directory, path);
  }

  /** A directory that a hook or the daemon itself makes may come: nothing but a warning. */
  checkTouchFiles(files: readonly string[], what: string, origin: Origin | null): void {
    for (const file of files) {
      const path = this.absolute(file);
      const above = path.slice(0, path.lastIndexOf("/")) || "/";
      if (this.#places.stat(above) !== null) continue;
      this.#places.report(
        "warning",
        `nobody can touch "${file}" of ${what} now: no such directory: "${above}", make it first`,
        origin,
      );
    }
  }

  check(daemon: DaemonPlan): void {
    if (daemon.pidfile !== null) this.#checkPidfile(daemon, daemon.pidfile);
    const directory = daemon.chdir === null ? this.#directory : this.absolute(daemon.chdir);
    if (this.#purpose !== "check" && !this.#mayLook(daemon, directory)) return;
    const status = daemon.chdir === null ? null : this.#places.stat(directory);
    // Without its directory a relative command cannot be looked for.
    if (daemon.chdir === null || status?.kind === "directory") this.#checkCommand(daemon, directory);
    else {
      const why = status === null ? "no such directory" : `it is a ${status.kind}`;
      this.#fault(daemon, `cannot enter chdir "${daemon.chdir}": ${why}`);
    }
  }

  /** Files in a jail are the jail's own, and an entrypoint's end says by itself what was missing. */
  #mayLook({ option, namespaces, command }: DaemonPlan, directory: string): boolean {
    const { look, programs, scope } = this.#places;
    if (this.#purpose === "resume" || scope.isHostile || namespaces !== null || option === "entrypoint") {
      return false;
    }
    const program = command.kind === "shell" ? command.shell : command.words[0] ?? "";
    const places = program.includes("/")
      ? [join(directory, program)]
      : programs.path.split(":").map((place) => join(directory, place || "."));
    return ![directory, ...places].some((path) => look.mayHang?.(path));
  }

  /** The daemon cannot run as things are; one with a pidfile may be running already. */
  #fault(daemon: DaemonPlan, text: string): void {
    const { pidfile } = daemon;
    const mayRun = pidfile !== null && this.#places.stat(this.absolute(pidfile))?.kind === "file";
    this.#places.scope.faults.add(daemon, text, mayRun);
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
        daemon.kind === "smart2" ? "error" : "warning",
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
      "warning",
      `cannot write pidfile "${pidfile}": user ${who} may not write to the directory "${place.path}"`,
      daemon.origin,
    );
  }

  #checkCommand(daemon: DaemonPlan, directory: string): void {
    const { command, identity, origin } = daemon;
    const { programs, look } = this.#places;
    if (command.kind === "shell") {
      if (programs.find(command.shell, directory) === null) {
        const remedy = "install one, or write the command without shell syntax";
        this.#fault(
          daemon,
          `cannot run ${quote(shownCommand(command))}: no shell ${command.shell}: ${remedy}`,
        );
      } else if (this.#purpose === "check") this.checkShellLine(command.text, origin, directory);
      return;
    }
    const program = command.words[0] ?? "";
    const found = programs.find(program, directory);
    if (found === null) {
      this.#fault(daemon, `cannot run "${program}": ${this.#whyNotFound(program, daemon, directory)}`);
      return;
    }
    const status = this.#places.stat(found);
    if (status === null) return;
    const mayRun = identity === null || identity.uid === look.uid
      ? look.canExecute(found)
      : modeAllows(status, identity, "execute");
    if (status.kind === "directory") {
      this.#fault(daemon, `cannot run "${program}": it is a directory`);
    } else if (!mayRun) {
      const who = identity === null ? "" : ` for user ${nameOf(identity)}`;
      this.#fault(daemon, `cannot run "${program}": it is not executable${who}: chmod +x ${found}`);
    } else this.#checkFirstBytes(daemon, program, found, directory);
  }

  #checkFirstBytes(daemon: DaemonPlan, program: string, found: string, directory: string): void {
    const { programs, look } = this.#places;
    // Ten thousand daemons of one program are one look.
    let verdict = this.#verdicts.get(found);
    if (verdict === undefined) {
      verdict = judgeExecutable(found, look.readStart(found), {
        machines: look.machines,
        hasProgram: (name) => programs.find(name, directory) !== null,
      });
      this.#verdicts.set(found, verdict);
    }
    const remedy = "give it the first line #!/bin/sh";
    if (verdict.kind === "fails") this.#fault(daemon, `cannot run "${program}": ${verdict.why}`);
    else if (verdict.kind === "shell" && programs.find(FALLBACK_SHELL, directory) === null) {
      const why = `a script without "#!" needs a shell, and there is no ${FALLBACK_SHELL}`;
      this.#fault(daemon, `cannot run "${program}": ${why}: ${remedy}`);
    } else if (verdict.kind === "shell") {
      this.#places.report(
        "note",
        `"${program}" has no first line "#!", so ${FALLBACK_SHELL} runs it: ${remedy}`,
        daemon.origin,
      );
    }
  }

  #whyNotFound(program: string, { command, option }: DaemonPlan, directory: string): string {
    if (
      command.kind === "words" && command.words.length === 1 && option !== "entrypoint" && /\s/.test(program)
    ) {
      return `the whole command is in quotes, which makes one word of it: write ${
        quote(maskLine(program))
      } without them`;
    }
    if (program.startsWith("/")) return "no such file";
    if (program.includes("/")) {
      return `no such file in ${directory}, where it is started: write the whole path, or %d for the file's directory`;
    }
    return `not found in PATH ${[...new Set(this.#places.programs.path.split(":"))].join(":")}`;
  }

  /**
   * Only the first program of a line with shell syntax can be looked for, and it may be a function: a
   * warning.
   */
  checkShellLine(line: string, origin: Origin, directory = this.#directory): void {
    this.#checkWords(line, origin, directory);
    const program = programOfShellLine(line);
    if (program.startsWith("~/")) {
      const text = `"~" in ${quote(maskLine(line))} is the HOME of reeve's environment, and not that of uid`;
      this.#places.report("warning", `${text}: write the whole path`, origin);
    }
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

  /** Text that was meant as a comment, or as a variable, and is something else to the shell. */
  #checkWords(line: string, origin: Origin, directory: string): void {
    const isThere = (word: string) =>
      isShellWord(word) || this.#places.programs.find(word, directory) !== null;
    const { comment } = readShellText(line);
    if (comment !== null) {
      this.#places.report("warning", `${quote(comment)} is a part of the command: ${NO_COMMENTS}`, origin);
    }
    const before = beforeComment(line);
    const [, semicolon = "", word = ""] = before === null
      ? []
      : /^\s*(;\s+([A-Za-z]+)\b.*)$/.exec(line.slice(before.length)) ?? [];
    if (before !== null && !/["'`\\]/.test(before) && word !== "" && !isThere(word)) {
      const text = `${quote(semicolon)} is a part of the command, and "${word}" is no program`;
      this.#places.report("warning", `${text}: ${NO_COMMENTS}`, origin);
    }
    for (const [reference, name = ""] of line.matchAll(/\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g)) {
      if (isThere(name)) continue;
      const text =
        `no variable "${name}" is set, so that ${reference} is a command to the shell, and there is none`;
      this.#places.report("warning", `${text}: set it, or write $(${name}:-VALUE)`, origin);
    }
  }
}

function nameOf(identity: Identity): string {
  return identity.user === null ? String(identity.uid) : `"${identity.user}"`;
}
