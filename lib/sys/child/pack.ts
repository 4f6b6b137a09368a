/**
 * Turns a ChildSpec into the request that native/reeve.h describes; the helper's unpack.c is its only reader.
 * Pure. Must never let an unchecked number or string through: the helper runs as root on what it is told
 * here.
 */
import { boolean, fileDescriptor, integer, unsigned64, userId } from "../checks.ts";
import { signalMask } from "../signal_names.ts";
import type { ChildSpec } from "./child_spec.ts";
import { packConfinement } from "./pack_confinement.ts";
import { FLAG, LIMIT, TAG } from "../native/constants.ts";
import { RequestWriter } from "./request_writer.ts";

const SESSION_FLAG = { new: FLAG.setsid, group: FLAG.setpgid, foreground: FLAG.foreground, same: 0 } as const;

// As native/helper/unpack.h has them: what goes beyond would be refused there, with less of an explanation.
const RLIMIT_COUNT = 16;
const MAX_CPU = 8_191;

export interface PackOptions {
  /** Where the helper reports a stage that failed; null: nowhere. */
  readonly reportFd: number | null;
  /** The pid that the child will see as its parent; needed for a parent-death signal. */
  readonly parent: number;
  /**
   * Read end of the pipe that ends with the parent, where a parent-death signal is asked for and the child
   * will not see the parent's pid.
   */
  readonly lifeFd?: number | null;
  /** Read end of the pipe by which the child is let in; null: it need not wait. */
  readonly gateFd?: number | null;
}

/** The work of the helper's role init besides starting its child. */
export interface InitOptions {
  /** Start the child again when a signal killed it (five times in a minute at most). */
  readonly restart: boolean;
  /** Forward signals to the child's process group instead of to the child alone. */
  readonly forwardGroup: boolean;
  /** When the child is gone: TERM to what is left, KILL after `graceMs`. */
  readonly stopOrphans: boolean;
  readonly graceMs: number;
  /** TSTP, TTIN and TTOU stop the child, and the init after it. */
  readonly job?: boolean;
  /** A line for the start, each signal and the end. */
  readonly verbose?: boolean;
  /** A line for each orphan. */
  readonly tellReaped?: boolean;
  /** The signal that the child gets in the place of another; 0: none. */
  readonly rewrite?: ReadonlyMap<number, number>;
  /** Exit codes that become 0. */
  readonly zeroCodes?: readonly number[];
  /** Sent to the init when its parent ends. */
  readonly parentDeathSignal?: number | null;
}

/** The request for the helper's role exec. Throws RangeError or TypeError that names the field at fault. */
export function packSpec(spec: ChildSpec, options: PackOptions): Uint8Array<ArrayBuffer> {
  return pack(spec, options, null);
}

/** The request for the helper's role init, which starts `spec` as its child. */
export function packInit(spec: ChildSpec, init: InitOptions, options: PackOptions): Uint8Array<ArrayBuffer> {
  return pack(spec, options, init);
}

function pack(spec: ChildSpec, options: PackOptions, init: InitOptions | null): Uint8Array<ArrayBuffer> {
  const spawnId = integer(spec.spawnId, "spawn id", 0, Number.MAX_SAFE_INTEGER);
  const session = SESSION_FLAG[spec.session];
  if (session === undefined) throw new RangeError(`session is ${JSON.stringify(spec.session)}`);
  let flags: number = session;
  if (boolean(spec.noNewPrivs, "noNewPrivs")) flags |= FLAG.noNewPrivs;

  // Before the request: both are written in the same scratch bytes.
  const environment = environmentRecords(spec.environment);
  const request = new RequestWriter();
  const hasProgram = spec.role !== "jail" && spec.role !== "none";
  if (!hasProgram) flags |= FLAG.noExec;
  if (hasProgram && spec.args.length === 0) {
    throw new RangeError("arguments are empty, wanted the program's name at least");
  }
  for (const arg of spec.args) request.string(TAG.arg, arg, "argument");
  request.records(environment);

  if (!hasProgram) {
    // Nothing is executed.
  } else if ("fd" in spec.file) {
    flags |= FLAG.execFd;
    request.numbers(TAG.execFd, [fileDescriptor(spec.file.fd, "descriptor to execute")]);
  } else {
    flags |= packPath(request, spec.file.path, spec.file.searchPath);
  }
  if (spec.chdir === "") throw new RangeError("chdir is empty");
  if (spec.chdir !== null) request.string(TAG.chdir, spec.chdir, "chdir");
  if (spec.uid !== null) request.numbers(TAG.uid, [userId(spec.uid, "uid")]);
  if (spec.gid !== null) request.numbers(TAG.gid, [userId(spec.gid, "gid")]);
  if (spec.groups !== null) {
    if (spec.groups.length > LIMIT.groups) {
      throw new RangeError(`${spec.groups.length} groups, at most ${LIMIT.groups} are possible`);
    }
    const groups = spec.groups.map((group) => userId(group, "supplementary group"));
    if (groups.length === 0) flags |= FLAG.clearGroups;
    else request.numbers(TAG.groups, groups);
  }
  if (spec.umask !== null) request.numbers(TAG.umask, [integer(spec.umask, "umask", 0, 0o777)]);
  if (spec.fds.size > LIMIT.fds) {
    throw new RangeError(`${spec.fds.size} descriptors, at most ${LIMIT.fds} are possible`);
  }
  for (const [target, source] of spec.fds) {
    const from = source === "null" ? -1 : fileDescriptor(source, `source of descriptor ${target}`);
    request.numbers(TAG.fd, [from, integer(target, "descriptor of the child", 0, LIMIT.fd - 1)]);
  }
  const limited = new Set<number>();
  for (const limit of spec.rlimits) {
    const resource = integer(limit.resource, "rlimit resource", 0, RLIMIT_COUNT - 1);
    if (limited.has(resource)) throw new RangeError(`rlimit resource ${resource} is there twice`);
    limited.add(resource);
    const soft = unsigned64(limit.soft, "soft limit");
    const hard = unsigned64(limit.hard, "hard limit");
    if (soft > hard) throw new RangeError(`soft limit ${soft} is above the hard limit ${hard}`);
    request.rlimit(TAG.rlimit, resource, soft, hard);
  }
  if (spec.caps !== null) {
    if (spec.caps.keep !== null) {
      flags |= FLAG.keepCaps;
      request.mask(TAG.caps, unsigned64(spec.caps.keep, "capabilities"));
    }
    request.mask(TAG.capsBound, unsigned64(spec.caps.bound, "bounding set"));
  }
  if (spec.oomScoreAdj !== null) {
    request.numbers(TAG.oom, [integer(spec.oomScoreAdj, "oom_score_adj", -1000, 1000)]);
  }
  if (spec.nice !== null) request.numbers(TAG.nice, [integer(spec.nice, "nice", -20, 19)]);
  if (spec.cpus !== null) request.bytes(TAG.cpus, cpuMask(spec.cpus));
  if (spec.parentDeathSignal !== null) {
    request.numbers(TAG.pdeathsig, [integer(spec.parentDeathSignal, "parent-death signal", 1, 64)]);
    request.numbers(TAG.parent, [integer(options.parent, "parent", 1, 0x7fff_ffff)]);
    if (options.lifeFd != null) {
      request.numbers(TAG.life, [fileDescriptor(options.lifeFd, "life descriptor")]);
    }
  }
  if (spec.blockedSignals !== undefined) request.mask(TAG.blocked, signalMask(spec.blockedSignals));
  if (options.gateFd != null) {
    request.numbers(TAG.gate, [fileDescriptor(options.gateFd, "gate descriptor")]);
  }
  if (spec.confinement != null) flags |= packConfinement(request, spec.confinement);
  if (init !== null) {
    if (boolean(init.restart, "restart")) flags |= FLAG.restart;
    if (boolean(init.forwardGroup, "forwardGroup")) flags |= FLAG.forwardGroup;
    if (boolean(init.stopOrphans, "stopOrphans")) flags |= FLAG.stopOrphans;
    if (spec.confinement?.newPid) flags |= FLAG.initSession;
    if (boolean(init.job ?? false, "job")) flags |= FLAG.job;
    if (boolean(init.verbose ?? false, "verbose")) flags |= FLAG.verbose;
    if (boolean(init.tellReaped ?? false, "tellReaped")) flags |= FLAG.tellReaped;
    for (const [from, to] of init.rewrite ?? []) {
      request.numbers(TAG.rewrite, [integer(from, "signal", 1, 64), integer(to, "signal", 0, 64)]);
    }
    for (const code of init.zeroCodes ?? []) {
      request.numbers(TAG.zeroCode, [integer(code, "exit code", 0, 255)]);
    }
    if (init.parentDeathSignal != null) {
      const signal = integer(init.parentDeathSignal, "parent-death signal", 1, 64);
      request.numbers(TAG.initPdeathsig, [signal]);
    }
    request.numbers(TAG.graceMs, [integer(init.graceMs, "grace", 0, 0xffff_ffff)]);
  }
  const reportFd = options.reportFd === null ? -1 : fileDescriptor(options.reportFd, "report descriptor");
  return request.finish(spawnId, flags, reportFd);
}

function packPath(request: RequestWriter, path: string, searchPath: string | null): number {
  if (path === "") throw new RangeError("file to execute is empty");
  request.string(TAG.path, path, "file to execute");
  if (path.includes("/")) return 0;
  if (searchPath === null) {
    throw new RangeError(
      `file to execute ${JSON.stringify(path)} holds no slash and there is no search path`,
    );
  }
  request.string(TAG.pathDirs, searchPath, "search path");
  return FLAG.pathSearch;
}

/** A cpu_set_t as the kernel reads it: whole 64-bit words. */
function cpuMask(cpus: readonly number[]): Uint8Array {
  if (cpus.length === 0) throw new RangeError("list of CPUs is empty");
  const checked = cpus.map((cpu) => integer(cpu, "cpu", 0, MAX_CPU));
  const mask = new Uint8Array((Math.floor(Math.max(...checked) / 64) + 1) * 8);
  for (const cpu of checked) mask[cpu >> 3]! |= 1 << (cpu & 7);
  return mask;
}

// A supervisor starts its daemons with few environments, and encoding one costs more than the rest of a
// request.
const environments = new WeakMap<readonly string[], Uint8Array>();

/**
 * The ENV records of an environment, kept per array: an environment must not be changed after its first use.
 */
function environmentRecords(environment: readonly string[]): Uint8Array {
  const known = environments.get(environment);
  if (known !== undefined) return known;
  const request = new RequestWriter();
  for (const entry of environment) {
    request.string(TAG.env, entry, "environment entry");
    if (entry.indexOf("=") < 1) {
      throw new RangeError(`environment entry ${JSON.stringify(entry)} is not NAME=value`);
    }
  }
  const records = request.takeRecords();
  environments.set(environment, records);
  return records;
}
