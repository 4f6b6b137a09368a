/**
 * A PID namespace with two processes beside its init, and a directory for its root, as a JailPlace: what has
 * to be known of a jail to look at its pidfiles. Made by unshare(1), so that it needs nothing of what is
 * tested.
 */
import { UNCONFINED } from "../../lib/sys/child/child_spec.ts";
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JailPlace } from "../../lib/jail/place.ts";
import { namespaceInode } from "../../lib/jail/namespace_files.ts";
import { pidLevels } from "../../lib/jail/pid_levels.ts";
import { closeFd } from "../../lib/sys/file/descriptor.ts";
import { openDirectory } from "../../lib/sys/file/files.ts";
import { listProcesses, readStat } from "../../lib/sys/process/process_table.ts";
import { until } from "../support/until.ts";

/** Pids inside of those that sleep; 1 is the init. */
export const SLEEPERS = [2, 3] as const;

export class SmallJail {
  readonly directory: string;
  readonly root: string;
  readonly place: JailPlace;
  readonly #child: Bun.Subprocess;

  static async start(): Promise<SmallJail> {
    const child = Bun.spawn(
      [
        "unshare",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        "sh",
        "-c",
        "sleep 7001 & sleep 7002 & wait",
      ],
      { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
    );
    try {
      return new SmallJail(child, await initOf(child.pid));
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  private constructor(child: Bun.Subprocess, init: number) {
    this.#child = child;
    this.directory = mkdtempSync(join(tmpdir(), "reeve-small-jail-"));
    this.root = join(this.directory, "root");
    for (const name of ["run", "etc"]) mkdirSync(join(this.root, name), { recursive: true });
    const inode = namespaceInode(init, "pid");
    const number = (pid: number): number | null => {
      const levels = pidLevels(pid) ?? [];
      return levels.length > 1 && namespaceInode(pid, "pid") === inode ? levels.at(-1) ?? null : null;
    };
    this.place = {
      initPid: init,
      rootFd: openDirectory(this.root),
      pidNamespaceFd: openSync(`/proc/${init}/ns/pid`, constants.O_RDONLY),
      confinement: UNCONFINED,
      translatePid: (pid) => listProcesses().find((one) => number(one.pid) === pid)?.pid ?? null,
      pidInside: number,
    };
  }

  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  /** reeve's pid of a process inside. */
  outside(pid: number): number {
    const found = this.place.translatePid(pid);
    if (found === null) throw new Error(`there is no process ${pid} in the jail`);
    return found;
  }

  async close(): Promise<void> {
    const init = this.place.initPid ?? 0;
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    await until(() => readStat(init) === null);
    closeFd(this.place.rootFd);
    if (this.place.pidNamespaceFd !== null) closeSync(this.place.pidNamespaceFd);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Once its two children sleep. */
async function initOf(unshare: number): Promise<number> {
  let init = 0;
  await until(() => {
    const all = listProcesses();
    init = all.find(({ ppid }) => ppid === unshare)?.pid ?? 0;
    return all.filter(({ ppid, comm }) => ppid === init && comm === "sleep").length === 2;
  });
  return init;
}
