/**
 * Starts children: the only way in which reeve makes a process. Must never run anything of reeve's own in the
 * child: it becomes the helper at once, which reads the packed ChildSpec and does the rest.
 */
import { fileDescriptor } from "../checks.ts";
import { type ChildSpec, CLONE_NEW, type Confinement } from "./child_spec.ts";
import { closeFd, keepList, openPipe, writeAll } from "../file/descriptor.ts";
import { memfdOf } from "../file/memfd.ts";
import { isSysError } from "../errno.ts";
import { helperFd, native, unwrap } from "../native/native.ts";
import { type InitOptions, packInit, packSpec } from "./pack.ts";
import { collectReports, reportWriter } from "./reports.ts";
import { ROLE } from "../native/constants.ts";

export interface SpawnedChild {
  readonly pid: number;
  /** Close-on-exec; null where the kernel has none. The caller closes it. */
  readonly pidfd: number | null;
  /**
   * The write end of the gate of a child that waits to be let in, which ends it when it is closed without a
   * word. The caller closes it.
   */
  readonly gate: number | null;
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
  if (++sinceCollection >= SPAWNS_BETWEEN_COLLECTIONS) {
    sinceCollection = 0;
    collectReports();
  }
  const reportFd = reportWriter();
  const gate = spec.gated === true ? openPipe({ nonblock: false }) : null;
  try {
    const { pid, pidfd } = spawnAt(spec, reportFd, gate?.reader ?? null);
    return { pid, pidfd, gate: gate?.writer ?? null };
  } catch (error) {
    if (gate !== null) closeFd(gate.writer);
    throw error;
  } finally {
    if (gate !== null) closeFd(gate.reader);
  }
}

/** Lets a gated child in, and closes its gate. One that has died in front of it does not need the word. */
export function letIn(gate: number): void {
  try {
    writeAll(gate, GO);
  } catch (error) {
    if (!isSysError(error, "EPIPE")) throw error;
  } finally {
    closeFd(gate);
  }
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
