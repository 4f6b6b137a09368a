/**
 * Starts children: the only way in which reeve makes a process. Must never run anything of reeve's own in the
 * child: it becomes the helper at once, which reads the packed ChildSpec and does the rest.
 */
import { fileDescriptor } from "../checks.ts";
import { type ChildSpec, CLONE_NEW, type Confinement } from "./child_spec.ts";
import { closeFd, keepList, openPipe, writeAll } from "../file/descriptor.ts";
import { memfdOf } from "../file/memfd.ts";
import { isSysError } from "../errno.ts";
import { resolve } from "node:path";
import { type Keeper, keeper } from "../keeper/keeper.ts";
import { helperFd, native, unwrap } from "../native/native.ts";
import { type InitOptions, packInit, packSpec } from "./pack.ts";
import { collectReports, reportWriter } from "./reports.ts";
import { ROLE, SIGTERM } from "../native/constants.ts";
import { RLIMIT } from "../process/limits.ts";

export interface SpawnedChild {
  readonly pid: number;
  /** Close-on-exec; null where the kernel has none. The caller closes it. */
  readonly pidfd: number | null;
  /** The gate of a child that waits; one that is closed without a word ends it. */
  readonly gate: Gate | null;
  /** Where the keeper has seen it. */
  readonly startTime?: bigint;
}

/** In front of a child that waits to be let in. */
export interface Gate {
  letIn(): void;
  /** The child has ended. */
  close(): void;
}

/** The word by which a gated child is let in. */
const GO = new TextEncoder().encode("G");

// A report takes 24 bytes and a pipe holds 64 KiB: room for the reports of many children that nobody has
// reaped yet.
const SPAWNS_BETWEEN_COLLECTIONS = 1_024;
let sinceCollection = 0;

const spawned = new Int32Array(2);

/** A child without a program has no role of its own. */
const ROLES = { exec: ROLE.exec, init: ROLE.init, jail: ROLE.jail, none: ROLE.exec } as const;

/** The work of an init of a daemon's own PID namespace: all that is left ends with it. */
const OWN_INIT: InitOptions = { restart: false, forwardGroup: true, stopOrphans: false, graceMs: 0 };

/**
 * Starts the child that `spec` describes and returns once it executes the helper. Success means a child that
 * will be reaped: what fails after this comes as a report (reports.ts) and as an exit status of 125 to 127. A
 * child that has an init of its own (`confinement.newPid`) is that init: signals go to it or its group, its
 * exit code is the program's, or 128 and the signal's number.
 *
 * Throws RangeError or TypeError for a spec that cannot be, SysError when there can be no child: EAGAIN (too
 * many processes), ENOMEM (also: the PID namespace has lost its init), EMFILE or ENFILE (descriptors for the
 * request or the pidfd).
 */
export function spawnChild(spec: ChildSpec): SpawnedChild {
  const parent = keeper();
  if (parent !== null) return spawnByKeeper(parent, spec);
  if (++sinceCollection >= SPAWNS_BETWEEN_COLLECTIONS) {
    sinceCollection = 0;
    collectReports();
  }
  const reportFd = reportWriter();
  const gate = spec.gated === true ? openPipe({ nonblock: false }) : null;
  try {
    const { pid, pidfd } = spawnAt(spec, reportFd, gate?.reader ?? null);
    return { pid, pidfd, gate: gate === null ? null : ownGate(gate.writer) };
  } catch (error) {
    if (gate !== null) closeFd(gate.writer);
    throw error;
  } finally {
    if (gate !== null) closeFd(gate.reader);
  }
}

/** A child that has died in front of its gate does not need the word. */
function ownGate(writer: number): Gate {
  return {
    letIn: () => {
      try {
        writeAll(writer, GO);
      } catch (error) {
        if (!isSysError(error, "EPIPE")) throw error;
      } finally {
        closeFd(writer);
      }
    },
    close: () => closeFd(writer),
  };
}

let isHelperHeld = false;

/** The keeper needs the helper's program for births; it is given to it with the first. */
export function giveHelper(parent: Keeper): void {
  if (isHelperHeld) return;
  parent.hold("helper", helperFd());
  isHelperHeld = true;
}

/**
 * The keeper makes the child, and is its parent. What the child inherits from its parent and a core may have
 * changed (the working directory) is said in full; descriptors are named by their numbers in the child.
 */
function spawnByKeeper(parent: Keeper, spec: ChildSpec): SpawnedChild {
  const { birthBase, birthFds, keeperPid } = parent.welcome;
  giveHelper(parent);
  const namespace = spec.confinement?.pidNamespace ?? null;
  const fds = new Map<number, number>();
  const numbered = (fd: number): number => {
    const known = fds.get(fd);
    if (known !== undefined) return known;
    if (fds.size >= birthFds) throw new RangeError(`a child takes ${birthFds} descriptors at most`);
    fds.set(fd, birthBase + KEEPER_OWN_FDS + fds.size);
    return birthBase + KEEPER_OWN_FDS + fds.size - 1;
  };
  const role = roleOf(spec);
  const told = inChildsNumbers({ ...spec, chdir: absoluteDirectory(parent, spec) }, numbered);
  const gated = spec.gated === true;
  const options = {
    reportFd: birthBase,
    parent: keeperPid,
    gateFd: gated ? birthBase + 1 : null,
    lifeFd: needsLife(spec) ? birthBase + 2 : null,
  };
  const bytes = role === "init" ? packInit(told, OWN_INIT, options) : packSpec(told, options);
  const request = memfdOf("reeve-request", bytes);
  try {
    const born = parent.birth({
      role: ROLE_NAMES[role],
      dumb: spec.parentDeathSignal !== null,
      gated,
      inNamespace: namespace !== null,
      newPid: spec.confinement?.newPid ?? false,
      foreground: spec.session === "foreground",
      label: spec.label ?? NO_LABEL,
      spawnId: spec.spawnId,
      mark: markOf(spec),
      stopSignal: spec.stop?.signal ?? SIGTERM,
      graceMs: spec.stop?.graceMs ?? 0,
      fds: fds.size,
    }, [request, ...(namespace === null ? [] : [namespace]), ...fds.keys()]);
    const { pid, startTime } = born;
    const gate = gated ? { letIn: () => void parent.letIn(pid), close: () => {} } : null;
    return { pid, pidfd: null, gate, startTime };
  } finally {
    closeFd(request);
  }
}

const ROLE_NAMES = { exec: "exec", init: "init", jail: "jail", none: "exec" } as const;
/** The keeper's three in each birth: reports, gate, life. */
const KEEPER_OWN_FDS = 3;
const NO_LABEL = { daemon: 0n, start: 0n, purpose: 0 } as const;

function markOf({ rlimits }: ChildSpec): bigint {
  return rlimits.find(({ resource }) => resource === RLIMIT.locks)?.soft ?? 0n;
}

/** The keeper is where reeve was started, whatever directory a hook or an option has led this process to. */
function absoluteDirectory({ directory }: Keeper, { chdir, confinement }: ChildSpec): string | null {
  if (chdir?.startsWith("/") === true || (confinement?.root ?? null) !== null) return chdir;
  if (confinement?.join.some(({ flags }) => (flags & CLONE_NEW.mnt) !== 0) === true) return chdir;
  try {
    const here = process.cwd();
    if (chdir !== null) return resolve(here, chdir);
    return here === directory ? null : here;
  } catch {
    return chdir; // it was removed, under us and under the keeper
  }
}

function inChildsNumbers(spec: ChildSpec, numbered: (fd: number) => number): ChildSpec {
  const { confinement } = spec;
  const fds = new Map(
    [...spec.fds].map(([target, source]) => [target, source === "null" ? source : numbered(source)] as const),
  );
  return {
    ...spec,
    fds,
    file: "fd" in spec.file ? { fd: numbered(spec.file.fd) } : spec.file,
    ...(confinement == null ? {} : {
      confinement: {
        ...confinement,
        join: confinement.join.map(({ fd, flags }) => ({ fd: numbered(fd), flags })),
        readyFd: confinement.readyFd === null ? null : numbered(confinement.readyFd),
      },
    }),
  };
}

function spawnAt(
  spec: ChildSpec,
  reportFd: number | null,
  gateFd: number | null,
): { readonly pid: number; readonly pidfd: number | null } {
  const options = { reportFd, parent: process.pid, lifeFd: needsLife(spec) ? lifeReader() : null, gateFd };
  const role = roleOf(spec);
  const bytes = role === "init" ? packInit(spec, OWN_INIT, options) : packSpec(spec, options);
  // A memfd for each: the helper reads it after we have returned. The child has its own copy of the
  // descriptor by then.
  const request = memfdOf("reeve-request", bytes);
  try {
    const keep = keepList([
      ...inherited(spec, request, reportFd, options.lifeFd),
      ...(gateFd === null ? [] : [gateFd]),
    ]);
    cloneHelper(spec.confinement ?? null, role, request, keep);
  } finally {
    closeFd(request);
  }
  const pidfd = spawned[1]!;
  return { pid: spawned[0]!, pidfd: pidfd < 0 ? null : pidfd };
}

function cloneHelper(
  confinement: Confinement | null,
  role: keyof typeof ROLES,
  request: number,
  keep: Int32Array,
): void {
  const namespace = confinement?.pidNamespace ?? null;
  const within = namespace === null ? -1 : fileDescriptor(namespace, "PID namespace");
  const flags = confinement?.newPid ? BigInt(CLONE_NEW.pid) : 0n;
  const result = native()
    .reeve_spawn_in(helperFd(), request, keep, keep.length, ROLES[role], within, flags, spawned);
  unwrap("clone3", result, { doing: "start a process" });
}

function roleOf({ role, confinement }: ChildSpec): keyof typeof ROLES {
  const newPid = confinement?.newPid ?? false;
  if (role === undefined) return newPid ? "init" : "exec";
  if (ROLES[role] === undefined) throw new RangeError(`role is ${JSON.stringify(role)}`);
  if (role === "init" && !newPid) throw new RangeError('role is "init", which needs a new PID namespace');
  if ((role === "exec" || role === "none") && newPid) {
    throw new RangeError(`role is "${role}", which is no init for a new PID namespace`);
  }
  return role;
}

/** In another PID namespace a child cannot see by getppid whether reeve lives. */
function needsLife({ parentDeathSignal, confinement }: ChildSpec): boolean {
  if (parentDeathSignal === null || confinement == null) return false;
  return confinement.newPid || confinement.pidNamespace !== null;
}

let life: { readonly reader: number; readonly writer: number } | null = null;

/** The end of a pipe that hangs up when reeve ends: nobody else has the other one, and it closes on exec. */
function lifeReader(): number {
  return (life ??= openPipe({ nonblock: false })).reader;
}

/**
 * Turns this process, under the same pid, into the helper's init, which starts `spec` as its child, reaps,
 * forwards signals and ends with the child's status. Returns only by throwing.
 */
export function becomeInit(spec: ChildSpec, init: InitOptions): never {
  const bytes = packInit(spec, init, { reportFd: null, parent: process.pid });
  const request = memfdOf("reeve-request", bytes);
  try {
    const keep = keepList(inherited(spec, request, null, null));
    unwrap("execveat", native().reeve_become_init(helperFd(), request, keep, keep.length), {
      doing: "become init",
    });
  } finally {
    closeFd(request);
  }
  throw new Error("cannot become init: the call returned without an error");
}

function inherited(
  spec: ChildSpec,
  request: number,
  reportFd: number | null,
  lifeFd: number | null,
): number[] {
  const fds = [request];
  if (reportFd !== null) fds.push(reportFd);
  if (lifeFd !== null) fds.push(lifeFd);
  const { confinement } = spec;
  if (confinement != null) {
    for (const { fd } of confinement.join) fds.push(fd);
    if (confinement.readyFd !== null) fds.push(confinement.readyFd);
  }
  for (const source of spec.fds.values()) if (source !== "null") fds.push(source);
  if ("fd" in spec.file) fds.push(fileDescriptor(spec.file.fd, "descriptor to execute"));
  return fds;
}
