/**
 * The files of an instance and of its daemons that no other may have: what reeve itself writes, pidfiles, and
 * the files that are touched. It looks through Places and changes nothing.
 */
import type { Diagnostics } from "../diagnostic.ts";
import type { Origin } from "../origin.ts";
import type { DaemonPlan } from "../plan/daemon_plan.ts";
import type { InstancePlan } from "../plan/instance_plan.ts";
import { join } from "../system/programs.ts";
import type { Places } from "./problems_places.ts";

/** Files of reeve itself, which stays outside every jail. */
export function checkOwnFiles(instance: InstancePlan, places: Places): void {
  const directory = ownDirectory(instance, places.look.cwd);
  for (const { path, what, origin } of ownFiles(instance, places.look.cwd)) {
    if (!path.startsWith("/dev/")) places.checkPlace(path, what, origin);
  }
  for (const { path, origin } of instance.masterFifo) {
    const status = places.stat(join(directory, path));
    if (status !== null && status.kind !== "fifo" && status.kind !== "directory") {
      const severity = places.unlessPlanted("error", join(directory, path));
      places.report(severity, `cannot make master FIFO "${path}": a ${status.kind} has this name`, origin);
    }
  }
}

/** logto2 is opened once the instance is in its jail (uWSGI 2.0). */
export function isLogInside({ jail, log }: InstancePlan): boolean {
  return jail !== null && log.asUser;
}

export function checkLog(instance: InstancePlan, path: string, places: Places): void {
  const { file } = instance.log;
  if (file === null || path.startsWith("/dev/")) return;
  places.checkPlace(path, `log file "${file}"`, logOrigin(instance));
}

/** Pidfiles by what they lead to: who has each. */
export class Pidfiles {
  readonly #owners = new Map<string, string>();

  constructor(instance: InstancePlan, cwd: string) {
    if (instance.jail?.root != null) return;
    for (const { path, what } of ownFiles(instance, cwd)) this.#owners.set(plain(path), `reeve's ${what}`);
  }

  /** `path`: absolute, in the daemon's own root. */
  claim({ name, pidfile, namespaces, origin }: DaemonPlan, path: string, diagnostics: Diagnostics): void {
    const root = namespaces?.root?.path;
    const place = root === undefined ? plain(path) : `${root}|${plain(path)}`;
    const other = this.#owners.get(place);
    if (other === undefined) {
      this.#owners.set(place, `that of daemon "${name}"`);
      return;
    }
    diagnostics.error(
      `cannot use pidfile "${pidfile}" for "${name}": it is ${other} too: give each a file of its own`,
      origin,
    );
  }
}

interface OwnFile {
  readonly path: string;
  readonly what: string;
  readonly origin: Origin | null;
}

function ownFiles(instance: InstancePlan, cwd: string): OwnFile[] {
  const directory = ownDirectory(instance, cwd);
  const files: OwnFile[] = instance.pidfiles.map(({ path, asUser, origin }) => ({
    path: join(asUser ? directory : cwd, path),
    what: `pidfile "${path}"`,
    origin,
  }));
  const { file } = instance.log;
  if (file !== null && !isLogInside(instance)) {
    files.push({ path: join(cwd, file), what: `log file "${file}"`, origin: logOrigin(instance) });
  }
  for (const { path, origin } of instance.masterFifo) {
    files.push({ path: join(directory, path), what: `master FIFO "${path}"`, origin });
  }
  return files;
}

/** In a jail chdir is a directory of the jail, and reeve itself stays where it is. */
function ownDirectory({ chdir, jail }: InstancePlan, cwd: string): string {
  return chdir === null || jail !== null ? cwd : join(cwd, chdir);
}

function logOrigin(instance: InstancePlan): Origin | null {
  return originOf(instance, "daemonize2", "logto2", "daemonize", "logto");
}

/** The place of the first of these options that was written. */
export function originOf({ origins }: InstancePlan, ...names: readonly string[]): Origin | null {
  const name = names.find((wanted) => origins?.[wanted] !== undefined);
  return name === undefined ? null : origins?.[name] ?? null;
}

/** Another spelling of the same path; ".." and links are left alone. */
function plain(path: string): string {
  return path.replaceAll(/\/(?:\.?\/)+/g, "/");
}
