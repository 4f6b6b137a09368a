/**
 * Where the paths of each daemon lie (its pidfile, its touch files): where reeve's do, in the jail, or in a
 * root of the daemon's own. Such a root shows the directory's own files, and nothing that the daemon alone
 * has mounted over it.
 */
import type { DaemonPlan } from "../../config/plan/daemon_plan.ts";
import type { JailPlace, JailSource } from "../../jail/place.ts";
import { NO_SETUP } from "../../jail/namespace_setup.ts";
import { closeFd } from "../../sys/file/descriptor.ts";
import { openDirectory, openInRoot } from "../../sys/file/files.ts";
import { readStat } from "../../sys/process/process_table.ts";
import type { HeldJail } from "../jail/held_jail.ts";

type Placed = Pick<DaemonPlan, "name" | "namespaces">;
type Jail = Pick<HeldJail, "place">;

interface OwnRoot {
  /** The root that it lies in, as it was when it was opened. */
  readonly base: JailPlace | null;
  readonly fd: number;
}

const same = (pid: number): number | null => readStat(pid) === null ? null : pid;
/** The numbers of reeve's own PID namespace. */
const NUMBERS: Omit<JailPlace, "rootFd"> = {
  initPid: null,
  pidNamespaceFd: null,
  confinement: { ...NO_SETUP, pidNamespace: null, join: [], readyFd: null },
  translatePid: same,
  pidInside: same,
};

export class DaemonPlaces {
  /** The jail's directory that a daemon's relative paths are relative to. */
  readonly #directory: () => string;
  readonly #jail: () => Jail | null;
  readonly #source: JailSource = () => this.#jail()?.place() ?? null;
  readonly #roots = new Map<string, OwnRoot>();

  /** It answers null where daemons run where reeve does. */
  constructor(jail: () => Jail | null, directory: () => string = () => "/") {
    this.#jail = jail;
    this.#directory = directory;
  }

  /** null: the daemon's paths are reeve's own. */
  sourceOf(plan: Placed): JailSource | null {
    if (hasOwnRoot(plan)) return () => this.#ownRoot(plan);
    return this.#jail() === null ? null : this.#source;
  }

  /** To what its relative paths are relative, in its place; null: to reeve's working directory. */
  directoryOf(plan: Placed): string | null {
    if (hasOwnRoot(plan)) return "/";
    return this.#jail() === null ? null : this.#directory();
  }

  /** A path of the daemon as it is in its place. */
  absolute(plan: Placed, path: string): string {
    const directory = this.directoryOf(plan);
    return directory === null || path.startsWith("/") ? path : `${directory}/${path}`;
  }

  /** It is about to be started: its root may be another directory by now. */
  renew({ name }: Placed): void {
    const known = this.#roots.get(name);
    if (known === undefined) return;
    closeFd(known.fd);
    this.#roots.delete(name);
  }

  /** null: there is no such directory, or what it lies in does not run. */
  #ownRoot(plan: Placed): JailPlace | null {
    const jail = this.#jail();
    const base = jail?.place() ?? null;
    if (jail !== null && base === null) return null;
    const known = this.#roots.get(plan.name);
    if (known !== undefined && known.base !== base) this.renew(plan);
    const opened = this.#roots.get(plan.name) ?? this.#open(plan, base);
    if (opened === null) return null;
    if (base === null) return { ...NUMBERS, rootFd: opened.fd };
    const { initPid, pidNamespaceFd, confinement } = base;
    return {
      initPid,
      pidNamespaceFd,
      confinement,
      rootFd: opened.fd,
      translatePid: (pid) => base.translatePid(pid),
      pidInside: (pid) => base.pidInside(pid),
    };
  }

  #open({ name, namespaces }: Placed, base: JailPlace | null): OwnRoot | null {
    const path = namespaces?.root?.path ?? "/";
    try {
      const fd = base === null
        ? openDirectory(path)
        : openInRoot(base.rootFd, path, { followLast: true, access: "directory" });
      const opened = { base, fd };
      this.#roots.set(name, opened);
      return opened;
    } catch {
      return null;
    }
  }
}

function hasOwnRoot({ namespaces }: Placed): boolean {
  return namespaces !== null && namespaces.root !== null;
}
