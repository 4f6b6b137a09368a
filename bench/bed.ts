/**
 * One supervisor of the bench from its start to its end: a fresh directory, a clock, the stopwatch around it,
 * and an end that leaves nothing behind, whatever happened.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  allProcesses,
  commandLine,
  descendants,
  identify,
  isAlive,
  link,
  type ProcessId,
  signal,
} from "../test/e2e/process.ts";
import { until } from "../test/e2e/wait.ts";
import { Clock, compilePrograms, type Report } from "./clock.ts";
import type { Job, Launch, Peer } from "./peers.ts";

const PROGRAMS = join(import.meta.dir, "../dist/bench");
const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };

export class Bed implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "reeve-bench-"));
  readonly programs = compilePrograms(PROGRAMS);
  readonly clock = new Clock(this.directory);
  readonly #seen: ProcessId[] = [];
  #jobs = 0;

  /** Command lines of `count` daemons; see daemon.c for the kinds. */
  daemons(count: number, kind: "obey" | "ignore" = "obey"): string[] {
    return Array.from({ length: count }, () => `${this.programs.daemon} ${this.clock.fifo} ${kind}`);
  }

  job(commands: readonly string[], pidfiles?: readonly string[]): Job {
    const directory = join(this.directory, `job${this.#jobs++}`);
    mkdirSync(directory);
    return { directory, commands, ...(pidfiles === undefined ? {} : { pidfiles }) };
  }

  /** Starts a supervisor under the stopwatch and resolves with its START report. */
  async launch(launch: Launch, wrap: readonly string[] = []): Promise<Report> {
    const from = this.clock.reports.length;
    const child = Bun.spawn([this.programs.stopwatch, "run", this.clock.fifo, ...wrap, ...launch.command], {
      env: { ...ENVIRONMENT, ...launch.environment },
      cwd: this.directory,
      stdin: "ignore",
      stdout: Bun.file(join(this.directory, "log")),
      stderr: Bun.file(join(this.directory, "log")),
    });
    const id = identify(child.pid);
    if (id !== null) this.#seen.push(id);
    const started = await this.clock.nth("start", 1, { from });
    const supervisor = identify(started.pid);
    if (supervisor !== null) this.#seen.push(supervisor);
    return started;
  }

  /** Sends a signal under the stopwatch and resolves with its SIGNAL report. */
  async kill(pid: number, signalNumber: number): Promise<Report> {
    const from = this.clock.reports.length;
    const killer = Bun.spawn(
      [this.programs.stopwatch, "kill", this.clock.fifo, `${pid}`, `${signalNumber}`],
      {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "inherit",
      },
    );
    if (await killer.exited !== 0) throw new Error(`cannot send signal ${signalNumber} to ${pid}`);
    return await this.clock.nth("signal", 1, { from });
  }

  /** The supervisor and its helpers: its process tree without the daemons and their shells. */
  machinery(supervisor: number): number[] {
    const own = descendants(supervisor).filter((one) =>
      !commandLine(one.pid).some((word) => word.includes(this.clock.fifo))
    );
    return [supervisor, ...own.filter((one) => one.state !== "Z").map((one) => one.pid)];
  }

  /** How many processes of ours execute a program. */
  running(program: string): number {
    return this.#ours().filter((one) => commandLine(one.pid)[0] === program).length;
  }

  log(): string {
    try {
      return readFileSync(join(this.directory, "log"), "utf8").slice(-2000);
    } catch {
      return "";
    }
  }

  /** Everything that was started here: what names our directory, with its descendants. */
  #ours(): ProcessId[] {
    const all = allProcesses().filter((one) => one.pid !== process.pid && one.state !== "Z");
    const roots = all.filter((one) =>
      commandLine(one.pid).some((word) => word.includes(this.directory)) ||
      // A service's script that has not got as far as its exec names nothing of ours, but is at home here.
      (link(one.pid, "cwd") ?? "").startsWith(this.directory) ||
      this.#seen.some((id) => id.pid === one.pid && id.start === one.start)
    );
    return [...roots, ...roots.flatMap((one) => descendants(one.pid, all))].filter((one) =>
      one.pid !== process.pid
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await until("everything the bench started has ended", () => {
      const left = this.#ours().filter(isAlive);
      for (const one of left) signal(one, "SIGKILL");
      return left.length === 0;
    }, { seconds: 60 });
    this.clock.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function launchOf(peer: Peer, job: Job): Launch {
  if (peer.supervise === null) throw new Error(`${peer.name} supervises nothing`);
  return peer.supervise(job);
}
