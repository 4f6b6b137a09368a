/**
 * Where `reeve enter` goes: the jail of a running instance, or the namespaces that one of its daemons is in
 * at this moment. What the run directory says is a hint: start times and namespace inodes of the kernel have
 * to agree with it.
 */
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import type { DaemonNamespaces, JailPlan } from "../../config/plan/jail_plan.ts";
import type { DaemonPlan } from "../../config/plan/daemon_plan.ts";
import type { Plan } from "../../config/plan/plan.ts";
import { nearestName } from "../../config/nearest.ts";
import { JailHandle, NotThatJail } from "../../jail/handle.ts";
import { NAMESPACE_KINDS } from "../../jail/identity.ts";
import type { JailPlace } from "../../jail/place.ts";
import { namespacesBeside } from "../../jail/namespace_files.ts";
import { needsInit, NO_SETUP } from "../../jail/namespace_setup.ts";
import type { Confinement } from "../../sys/child/child_spec.ts";
import { closeFd } from "../../sys/file/descriptor.ts";
import { openDirectory } from "../../sys/file/files.ts";
import { bootId } from "../../sys/process/identity.ts";
import { openNamespace, openNamespaces } from "../../sys/child/namespaces.ts";
import { signalPidfd } from "../../sys/process/pidfd.ts";
import { listChildrenOf, readStat } from "../../sys/process/process_table.ts";
import { ChrootHolder } from "../../supervisor/jail/chroot.ts";
import { JailFile } from "../../records/jail_record.ts";
import { Journal } from "../../records/journal.ts";
import { holdProcess } from "../../process/signaller.ts";
import { holderOf } from "./instance.ts";

/** The text says what is not there, and what can be done about it. */
export class CannotEnter extends Error {}

export interface EnterPlace {
  /** For messages: `the jail`, `daemon "x"`. */
  readonly shown: string;
  /** The root directory there. */
  readonly rootFd: number;
  readonly confinement: Confinement;
  /** The daemon whose rights a child has there; null: the instance's. */
  readonly daemon: DaemonPlan | null;
  /** In the jail, as its daemons are. */
  readonly inJail: boolean;
  /** The variables that a daemon's environment there begins with. */
  readonly environment: JailPlan["environment"];
  /** Once the child is started. */
  close(): void;
}

export async function findPlace(plan: Plan, runDir: string, daemon: string | null): Promise<EnterPlace> {
  return daemon === null ? await findJail(plan, runDir) : findDaemon(plan, runDir, daemon);
}

async function findJail(plan: Plan, runDir: string): Promise<EnterPlace> {
  const record = new JailFile(runDir).read(bootId() ?? "");
  const jail = record?.plan ?? plan.instance.jail;
  if (jail === null) {
    throw new CannotEnter(`the instance "${plan.instance.name}" has no jail${otherPlaces(plan)}`);
  }
  if (record === null || !record.isEntered) {
    needRunning(plan, runDir);
    if (record !== null || needsInit(jail)) {
      throw new CannotEnter("the jail is not made at the moment: see the log of the instance");
    }
    const holder = new ChrootHolder(jail);
    await holder.open();
    const place = holder.place();
    if (place === null) throw new CannotEnter("the root of the jail is not there");
    return jailPlace(jail, place, () => closeFd(place.rootFd));
  }
  try {
    const handle = JailHandle.open(record.identity, record.plan);
    return jailPlace(jail, handle, () => handle.close());
  } catch (error) {
    if (!(error instanceof NotThatJail)) throw error;
    needRunning(plan, runDir);
    throw new CannotEnter(`the jail ${error.message}`);
  }
}

function jailPlace(
  { environment }: JailPlan,
  { rootFd, confinement }: JailPlace,
  close: () => void,
): EnterPlace {
  return { shown: "the jail", rootFd, confinement, daemon: null, inJail: true, environment, close };
}

function needRunning({ instance }: Plan, runDir: string): void {
  if (holderOf(runDir) !== null) return;
  throw new CannotEnter(
    `the instance "${instance.name}" does not run: nothing holds its run directory "${runDir}"`,
  );
}

function otherPlaces({ daemons }: Plan): string {
  const names = daemons.filter(({ namespaces }) => namespaces !== null).map(({ name }) => `"${name}"`);
  return names.length === 0
    ? ", and no daemon of it has namespaces of its own"
    : `: name a daemon that has namespaces of its own (${names.slice(0, 8).join(", ")})`;
}

function findDaemon(plan: Plan, runDir: string, name: string): EnterPlace {
  const daemon = plan.daemons.find((one) => one.name === name);
  if (daemon === undefined) {
    const near = nearestName(name, plan.daemons.map((one) => one.name));
    const hint = near === null
      ? `for a command write "-- ${name}"; reeve plan lists the daemons`
      : `did you mean "${near}"?`;
    throw new CannotEnter(`the instance "${plan.instance.name}" has no daemon "${name}": ${hint}`);
  }
  const entries = Journal.read(join(runDir, "journal"), bootId() ?? "").filter((entry) =>
    entry.name === name
  );
  for (const { process } of entries.reverse()) {
    const pidfd = holdProcess(process);
    if (pidfd === null) continue;
    try {
      const place = daemonPlace(daemon, plan, process.pid, pidfd);
      if (place !== null) return place;
    } finally {
      closeFd(pidfd);
    }
  }
  needRunning(plan, runDir);
  throw new CannotEnter(`daemon "${name}" does not run at the moment`);
}

/** `pid` is held by `pidfd`. null: it has just ended. */
function daemonPlace(daemon: DaemonPlan, plan: Plan, pid: number, pidfd: number): EnterPlace | null {
  const own = daemon.namespaces;
  const target = own?.namespaces.includes("user") === true ? programOf(pid) : pid;
  const found = namespacesBeside(target);
  const jailRoot = plan.instance.jail?.root?.how === "chroot" ? plan.instance.jail.root : null;
  const root = own?.root?.how === "chroot" ? own.root : own?.root === null || own === null ? jailRoot : null;
  const expected = new Set([...(own?.namespaces ?? []), ...(plan.instance.jail?.namespaces ?? [])]);
  if (isStarting(pid, own) || (own?.namespaces ?? []).some((kind) => found[kind] === undefined)) {
    throw new CannotEnter(`daemon "${daemon.name}" is just being started: try again`);
  }
  if (found.user !== undefined && !expected.has("user") && (own === null || own.join.length === 0)) {
    throw new CannotEnter(
      `daemon "${daemon.name}" has made a user namespace itself: what is in there is not what was configured`,
    );
  }
  if (Object.keys(found).length === 0 && root === null) {
    throw new CannotEnter(
      `daemon "${daemon.name}" runs where everybody else does: there is nothing to enter`,
    );
  }
  const fds: number[] = [];
  const close = (): void => {
    for (const fd of fds.splice(0)) closeFd(fd);
  };
  try {
    // The user namespace comes last: whoever is in it has no rights over the others.
    const kinds = NAMESPACE_KINDS.filter((kind) => kind !== "pid" && found[kind] !== undefined);
    const join = openNamespaces(target, pidfd, kinds);
    fds.push(...join.map(({ fd }) => fd));
    const pidNamespace = found.pid === undefined ? null : openNamespace(target, "pid");
    if (pidNamespace !== null) fds.push(pidNamespace);
    const rootFd = openDirectory(`/proc/${target}/root`);
    fds.push(rootFd);
    // It lived all the while, and its first child with it: the numbers were nobody else's.
    if (!signalPidfd(pidfd, 0) || (target !== pid && readStat(target)?.ppid !== pid)) {
      close();
      return null;
    }
    const confinement: Confinement = {
      ...NO_SETUP,
      pidNamespace,
      join,
      root: root === null ? null : { path: root.path, how: "chroot" },
      readyFd: null,
    };
    const shown = `daemon "${daemon.name}"`;
    const { jail } = plan.instance;
    const environment = jail?.environment ?? "inherit";
    return { shown, rootFd, confinement, daemon, inJail: jail !== null, environment, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The helper is not yet where its program will be; as an init it stays, and is there once it has a child. */
function isStarting(pid: number, own: DaemonNamespaces | null): boolean {
  try {
    if (readlinkSync(`/proc/${pid}/exe`) !== HELPER) return false;
  } catch {
    return true;
  }
  return own?.namespaces.includes("pid") !== true || listChildrenOf(pid).length === 0;
}

const HELPER = "/memfd:helper (deleted)";

/** An init is in no user namespace; its program is. */
function programOf(pid: number): number {
  const [first = pid] = listChildrenOf(pid);
  return first;
}
