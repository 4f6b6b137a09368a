/**
 * The guard of a lordship: a process of native/helper/guard/guard.c that holds a deadline, and the PID
 * namespace into which daemons are put that must not outlive it. Packs its request and commands, reads its
 * news. Must never move a deadline by itself.
 */
import { fileDescriptor, integer, processId, signalNumber, unsigned64 } from "../checks.ts";
import { closeFd, keepList, openPipe, readInto } from "../file/descriptor.ts";
import { openFollow } from "../file/files.ts";
import { memfdOf } from "../file/memfd.ts";
import { SysError } from "../errno.ts";
import { type Keeper, keeper } from "../keeper/keeper.ts";
import { giveHelper } from "./spawn.ts";
import { helperFd, native, unwrap } from "../native/native.ts";
import { closePidfd, openPidfd, signalPidfd } from "../process/pidfd.ts";
import { readStat } from "../process/process_table.ts";
import { type Watch, watcher } from "../file/watcher.ts";
import {
  EAGAIN,
  EPERM,
  EPIPE,
  GUARD_COMMAND,
  GUARD_NEWS,
  REEVE_GUARD_JOINS,
  REEVE_GUARD_MAGIC,
  ROLE,
  SIGKILL,
} from "../native/constants.ts";

/** As native/reeve.h has them. */
const JOINS_AT = 32;
const REQUEST_SIZE = JOINS_AT + REEVE_GUARD_JOINS * 8;
const COMMAND_SIZE = 24;
const NEWS_SIZE = 8;
const NANOSECONDS = 1e6;

export interface GuardEvents {
  /** Daemons may be put into the namespace. */
  ready(): void;
  /** The daemon with this pid was sent its stop signal: its grace before the deadline has begun. */
  told(pid: number): void;
  /**
   * Everything in the namespace is dead. `problem`: why the guard could not be set up; null: it had begun.
   */
  ended(problem: string | null): void;
}

/**
 * Where a guard's namespace lies: that of a jail, whose other namespaces its PID 1 joins. The caller's
 * descriptors.
 */
export interface GuardOptions {
  /** null: reeve's. */
  readonly pidNamespace: number | null;
  readonly join: readonly { readonly fd: number; readonly flags: number }[];
}

export class Guard {
  /** Our child. */
  readonly pid: number;
  readonly #events: GuardEvents;
  readonly #pidfd: number;
  readonly #news: Watch;
  readonly #reader: number;
  #commands: number | null;
  #first:
    | { readonly pid: number; readonly pidfd: number; readonly namespace: number; readonly watch: Watch }
    | null = null;
  #errno: number | null = null;
  #isOver = false;

  /**
   * Starts a guard that holds `deadline` (milliseconds of the boot-time clock). `within`: null: where reeve
   * is. Throws SysError.
   */
  constructor(deadline: number, within: GuardOptions | null, events: GuardEvents) {
    this.#events = events;
    const commands = openPipe({ nonblock: true });
    const news = openPipe({ nonblock: true });
    try {
      this.pid = startGuard(
        commands.reader,
        news.writer,
        within ?? { pidNamespace: null, join: [] },
        deadline,
      );
      this.#pidfd = unwrap("pidfd_open", native().reeve_pidfd_open(this.pid));
    } catch (error) {
      closeFd(commands.writer);
      closeFd(news.reader);
      throw error;
    } finally {
      closeFd(commands.reader);
      closeFd(news.writer);
    }
    this.#commands = commands.writer;
    this.#reader = news.reader;
    this.#news = watcher().add(news.reader, () => this.#readNews());
  }

  /** The namespace for daemons, and its PID 1 as we see it; null before `ready` and after `ended`. */
  get place(): { readonly initPid: number; readonly pidNamespaceFd: number } | null {
    const first = this.#first;
    return first === null ? null : { initPid: first.pid, pidNamespaceFd: first.namespace };
  }

  /** Moves the deadline on. false: the guard takes no commands; the deadline that it has stands. */
  push(deadline: number): boolean {
    return this.#command(GUARD_COMMAND.push, 0, 0, nanoseconds(deadline));
  }

  /**
   * `signal` goes to the daemon `pid`, our unreaped child or one that is held, `graceMs` before the deadline.
   */
  watch(pid: number, signal: number, graceMs: number): boolean {
    const grace = integer(Math.round(graceMs), "grace", 0, Number.MAX_SAFE_INTEGER / NANOSECONDS);
    return this.#command(GUARD_COMMAND.watch, processId(pid), signalNumber(signal), nanoseconds(grace));
  }

  /**
   * All daemons that it watches have been told to stop: the guard does not tell them again. The deadline
   * stands.
   */
  hush(): void {
    this.#command(GUARD_COMMAND.hush, 0, 0, 0n);
  }

  /**
   * Kills the guard, and with it everything in the namespace. `ended` is called when nothing of it is left.
   */
  kill(): void {
    if (!this.#isOver) signalPidfd(this.#pidfd, SIGKILL);
  }

  #command(kind: number, pid: number, signal: number, value: bigint): boolean {
    if (this.#commands === null) return false;
    const bytes = new Uint8Array(COMMAND_SIZE);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, kind, true);
    view.setInt32(4, pid, true);
    view.setUint32(8, signal, true);
    view.setBigUint64(16, value, true);
    const result = Number(native().reeve_write(this.#commands, bytes, bytes.length));
    // It is gone, or is stopped and has not read for thousands of commands.
    if (result === -EPIPE || result === -EAGAIN) return false;
    unwrap("write", result, { doing: "tell the guard" });
    return true;
  }

  #readNews(): void {
    const bytes = new Uint8Array(NEWS_SIZE * 64);
    const count = readInto(this.#reader, bytes, { doing: "read the guard's news" });
    if (count === null) return;
    if (count === 0) return this.#hungUp();
    const view = new DataView(bytes.buffer);
    for (let at = 0; at + NEWS_SIZE <= count; at += NEWS_SIZE) {
      const value = view.getInt32(at + 4, true);
      const kind = view.getUint32(at, true);
      if (kind === GUARD_NEWS.ready) this.#begun(value);
      else if (kind === GUARD_NEWS.failed) this.#errno = value;
      else if (kind === GUARD_NEWS.told) this.#events.told(value);
    }
  }

  /**
   * The pid is the guard's own child, which it reaps not before it ends: the number is certain while the
   * guard lives.
   */
  #begun(pid: number): void {
    let namespace: number | null = null;
    let pidfd: number | null = null;
    try {
      pidfd = openPidfd(pid);
      namespace = openFollow(`/proc/${pid}/ns/pid`);
      const isIts = pidfd !== null && readStat(pid)?.ppid === this.pid && signalPidfd(this.#pidfd, 0);
      if (pidfd === null || !isIts) throw new Error("the guard's namespace ended");
    } catch {
      // It ended meanwhile, or there is no descriptor: without a namespace nothing can be started in it.
      if (pidfd !== null) closePidfd(pidfd);
      if (namespace !== null) closeFd(namespace);
      return this.kill();
    }
    const watch = watcher().add(pidfd, () => this.#end());
    this.#first = { pid, pidfd, namespace, watch };
    this.#events.ready();
  }

  /**
   * The guard is dead or dying. PID 1 of the namespace, and all the others before it, follow: its pidfd tells
   * when.
   */
  #hungUp(): void {
    this.#letGo();
    if (this.#first === null) this.#end();
  }

  #letGo(): void {
    if (this.#commands === null) return;
    this.#news.remove();
    closeFd(this.#reader);
    closeFd(this.#commands);
    this.#commands = null;
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#letGo();
    const first = this.#first;
    this.#first = null;
    if (first !== null) {
      first.watch.remove();
      closePidfd(first.pidfd);
      closeFd(first.namespace);
    }
    signalPidfd(this.#pidfd, SIGKILL); // its PID 1 may have been killed alone
    closePidfd(this.#pidfd);
    this.#events.ended(this.#errno === null ? null : problemOf(this.#errno));
  }
}

/** Our own child, or the keeper's. -> its pid. Throws SysError. */
function startGuard(commands: number, news: number, within: GuardOptions, deadline: number): number {
  const parent = keeper();
  const fds = [
    ...new Set([
      commands,
      news,
      ...within.join.map(({ fd }) => fd),
      ...(within.pidNamespace === null ? [] : [within.pidNamespace]),
    ]),
  ];
  const numbers = new Map(
    fds.map((fd, at) => [fd, parent === null ? fd : parent.welcome.birthBase + 3 + at]),
  );
  const numbered = (fd: number): number => numbers.get(fd) ?? fd;
  const bytes = packRequest(numbered(commands), numbered(news), {
    pidNamespace: within.pidNamespace === null ? null : numbered(within.pidNamespace),
    join: within.join.map(({ fd, flags }) => ({ fd: numbered(fd), flags })),
  }, deadline);
  const request = memfdOf("reeve-guard", bytes);
  try {
    if (parent !== null) return bornGuard(parent, request, fds);
    const out = new Int32Array(2);
    const keep = keepList([request, ...fds]);
    const result = native().reeve_spawn_in(helperFd(), request, keep, keep.length, ROLE.guard, -1, 0, out);
    unwrap("clone3", result, { doing: "start a guard" });
    if (out[1]! >= 0) closePidfd(out[1]!);
    return out[0]!;
  } finally {
    closeFd(request);
  }
}

function bornGuard(parent: Keeper, request: number, fds: readonly number[]): number {
  giveHelper(parent);
  return parent.birth({
    role: "guard",
    // It sees the end of the core by its pipe, and gives its daemons their grace.
    dumb: false,
    gated: false,
    inNamespace: false,
    newPid: false,
    foreground: false,
    label: { daemon: 0n, start: 0n, purpose: 0 },
    spawnId: 0,
    mark: 0n,
    stopSignal: SIGKILL,
    graceMs: 0,
    fds: fds.length,
  }, [request, ...fds]).pid;
}

function problemOf(errno: number): string {
  const { message } = new SysError("clone", errno, { doing: "make a PID namespace for the guard" });
  return errno === EPERM ? `${message}; it needs root (CAP_SYS_ADMIN)` : message;
}

function nanoseconds(milliseconds: number): bigint {
  return BigInt(Math.floor(milliseconds * 1000)) * 1000n;
}

function packRequest(
  commands: number,
  news: number,
  { pidNamespace, join }: GuardOptions,
  deadline: number,
): Uint8Array {
  integer(join.length, "count of namespaces to join", 0, REEVE_GUARD_JOINS);
  const bytes = new Uint8Array(REQUEST_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, REEVE_GUARD_MAGIC, true);
  view.setInt32(4, commands, true);
  view.setInt32(8, news, true);
  view.setInt32(12, pidNamespace ?? -1, true);
  view.setBigUint64(16, unsigned64(nanoseconds(deadline), "deadline"), true);
  view.setUint32(24, join.length, true);
  join.forEach(({ fd, flags }, at) => {
    view.setInt32(JOINS_AT + at * 8, fileDescriptor(fd, "namespace to join"), true);
    view.setUint32(JOINS_AT + at * 8 + 4, integer(flags, "namespaces to join", 1, 0xffff_ffff), true);
  });
  return bytes;
}
