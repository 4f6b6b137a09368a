/**
 * The core's side of the keeper: what it is asked, and what it tells unasked. A question is sent and its
 * answer waited for, which takes the keeper some ten microseconds; what comes in between is kept for the
 * event loop. Must never be asked by more than one core: a keeper has one.
 */
import { closeSync, readSync } from "node:fs";
import { fileDescriptor } from "../checks.ts";
import { EAGAIN, ETIMEDOUT, KEEPER, REEVE_KEEPER_VERSION, REEVE_PACKET_MAX } from "../native/constants.ts";
import { SysError } from "../errno.ts";
import { native, unwrap } from "../native/native.ts";
import { setInstancePid } from "../process/instance_pid.ts";
import {
  type Adoption,
  type Birth,
  type Born,
  type ChildRef,
  type Death,
  type Orphan,
  pack,
  packAdoption,
  packBirth,
  type Packet,
  packHello,
  packName,
  packNumber,
  packProcessName,
  packRef,
  packRefs,
  packSignal,
  readAnswer,
  readBorn,
  readDeaths,
  readOrphans,
  readSignals,
  readWelcome,
  type SignalOptions,
  unpack,
  type Welcome,
} from "./packets.ts";
import { type LivingChild, readTable } from "./table.ts";

/** The words of the keeper that nobody has asked for. */
export interface KeeperNews {
  died(deaths: readonly Death[]): void;
  /** Processes that no slot knew were reaped: how many, and the last of them. */
  reapedOrphans(count: number, listed: readonly Orphan[]): void;
  /** The instance was sent this signal. */
  signalled(signal: number): void;
}

/** The keeper answers within microseconds; one that does not for so long is stopped, and so are we. */
const PATIENCE_MS = 60_000;
const MOST_ROOM_WAIT_MS = 10_000;
const REFS_AT_ONCE = 1000;
const FDS_ROOM = 64;

export class Keeper {
  readonly fd: number;
  readonly welcome: Welcome;
  /** The directory that the keeper is in; null: it is gone. */
  readonly directory: string | null = ownDirectory();
  /** null: this system refuses files in memory. */
  readonly #table: number | null;
  /** By pid: what is known of living children, until their end is taken. */
  readonly #children = new Map<number, ChildRef>();
  readonly #buffer = new Uint8Array(REEVE_PACKET_MAX);
  readonly #fds = new Int32Array(FDS_ROOM);
  readonly #count = new Uint32Array(1);
  readonly #unasked: Packet[] = [];
  #news: KeeperNews | null = null;
  #lastId = 0;

  /** Says who we are, and hears who it is. Throws SysError, or an Error for a keeper of another build. */
  constructor(fd: number, build: string) {
    this.fd = fd;
    const { packet, fds } = this.#ask(KEEPER.hello, packHello(build), []);
    this.welcome = readWelcome(packet);
    const [table, ...others] = fds;
    for (const other of others) closeSync(other);
    this.#table = table ?? null;
    if (this.welcome.version !== REEVE_KEEPER_VERSION) {
      throw new Error(`the keeper speaks version ${this.welcome.version}, and not ${REEVE_KEEPER_VERSION}`);
    }
    setInstancePid(this.welcome.keeperPid);
  }

  /** The children that live, or whose end nobody has taken, as they are now. */
  children(): readonly LivingChild[] {
    const table = this.#table;
    // An answer: what was told before has been done.
    this.#ask(KEEPER.held, packNumber(0), []);
    return table === null ? [] : readTable((bytes, at) => readSync(table, bytes, 0, bytes.length, at));
  }

  /** A child that a core before this one has started: from now on it is known by its pid. */
  know(pid: number, ref: ChildRef): void {
    this.#children.set(pid, ref);
  }

  refOf(pid: number): ChildRef | null {
    return this.#children.get(pid) ?? null;
  }

  /**
   * `fds`: the request, with `inNamespace` that one, then the child's. Throws SysError: there is no child.
   */
  birth(birth: Birth, fds: readonly number[]): Born {
    const born = readBorn(this.#ask(KEEPER.birth, packBirth(birth), fds).packet);
    if (born.result < 0) throw new SysError("clone3", -born.result, { doing: "start a process" });
    // The number was that of a child whose end has come in before, and is taken before it is another's.
    if (this.#children.has(born.pid)) this.#deliver();
    this.#children.set(born.pid, born);
    return born;
  }

  /** null: there is no such child of the keeper's. */
  adopt(adoption: Adoption): Born | null {
    const born = readBorn(this.#ask(KEEPER.adopt, packAdoption(adoption), []).packet);
    if (born.result < 0) return null;
    this.#children.set(born.pid, born);
    return born;
  }

  /** false: it is gone, or has been let in. */
  letIn(pid: number): boolean {
    const ref = this.#children.get(pid);
    return ref !== undefined && readAnswer(this.#ask(KEEPER.go, packRef(ref), []).packet) === 0;
  }

  /** false: it is gone. null: it is no child of the keeper's. Throws SysError. */
  signal(pid: number, signal: number, options: SignalOptions): boolean | null {
    const ref = this.#children.get(pid);
    if (ref === undefined) return null;
    const result = readAnswer(this.#ask(KEEPER.signal, packSignal(ref, signal, options), []).packet);
    if (result < 0 && result !== -ESRCH) throw new SysError("kill", -result, { doing: `signal pid ${pid}` });
    return result >= 0;
  }

  /** The ends of these have been taken: their slots are free. */
  free(deaths: readonly Death[]): void {
    for (const { pid, id } of deaths) if (this.#children.get(pid)?.id === id) this.#children.delete(pid);
    for (let at = 0; at < deaths.length; at += REFS_AT_ONCE) {
      this.#tell(KEEPER.free, packRefs(deaths.slice(at, at + REFS_AT_ONCE)));
    }
  }

  /** Gives a copy of a descriptor to be held. Throws SysError (ENOSPC, EMFILE). */
  hold(name: string, fd: number): void {
    const result = readAnswer(this.#ask(KEEPER.hold, packName(name), [fd]).packet);
    unwrap("dup", result, { doing: `have a descriptor held as "${name}"` });
  }

  /** A copy of what is held, close-on-exec; null: there is none of that name. */
  take(name: string): number | null {
    const { packet, fds } = this.#ask(KEEPER.take, packName(name), []);
    return readAnswer(packet) < 0 ? null : fds[0] ?? null;
  }

  /** It need not be there. */
  drop(name: string): void {
    this.#ask(KEEPER.drop, packName(name), []);
  }

  /** The instance is up: a core that ends is followed by the next one from now on. */
  up(): void {
    this.#tell(KEEPER.up, null);
  }

  /** The instance ends with this code when this process has ended. */
  leave(code: number): void {
    this.#tell(KEEPER.leave, packNumber(code));
  }

  /** The next core comes when this process has ended. */
  next(reason: number): void {
    this.#tell(KEEPER.next, packNumber(reason));
  }

  /** The keeper's own output, and that of the cores that follow, goes where ours goes. Throws SysError. */
  streams(output: number, errors: number): void {
    unwrap("dup3", readAnswer(this.#ask(KEEPER.streams, null, [output, errors]).packet), {
      doing: "have the keeper write to the log",
    });
  }

  /** To the service manager, which believes the process that it has started. false: it could not be sent. */
  notify(text: string): boolean {
    return readAnswer(this.#ask(KEEPER.notify, new TextEncoder().encode(text), []).packet) >= 0;
  }

  name(name: string): void {
    this.#tell(KEEPER.name, packProcessName(name));
  }

  /** Everything unasked goes there from now on, beginning with what has come already. */
  listen(news: KeeperNews): void {
    this.#news = news;
    queueMicrotask(() => this.#deliver());
  }

  /** Takes what lies there. To be called when the descriptor is readable. */
  receive(): void {
    for (let packet = this.#next(0); packet !== null; packet = this.#next(0)) {
      this.#unasked.push(packet.packet);
    }
    this.#deliver();
  }

  #deliver(): void {
    const news = this.#news;
    if (news === null) return;
    for (let packet = this.#unasked.shift(); packet !== undefined; packet = this.#unasked.shift()) {
      try {
        this.#obey(news, packet);
      } finally {
        this.#tell(KEEPER.ack, null, packet.id);
      }
    }
  }

  #obey(news: KeeperNews, packet: Packet): void {
    if (packet.kind === KEEPER.deaths) news.died(readDeaths(packet));
    else if (packet.kind === KEEPER.orphans) {
      const { count, listed } = readOrphans(packet);
      news.reapedOrphans(count, listed);
    } else if (packet.kind === KEEPER.signals) { for (const one of readSignals(packet)) news.signalled(one); }
  }

  #ask(
    kind: number,
    body: Uint8Array | null,
    fds: readonly number[],
  ): { readonly packet: Packet; readonly fds: readonly number[] } {
    const id = this.#tell(kind, body, ++this.#lastId, fds);
    for (;;) {
      const came = this.#next(PATIENCE_MS);
      if (came === null) throw new Error("the keeper does not answer");
      if (isAnswer(came.packet.kind) && came.packet.id === id) return came;
      this.#unasked.push(came.packet);
    }
  }

  #tell(kind: number, body: Uint8Array | null, id = ++this.#lastId, fds: readonly number[] = []): number {
    const bytes = pack(kind, id, body);
    const list = Int32Array.from([...fds.map((fd) => fileDescriptor(fd)), 0]);
    for (let waited = 0;; waited += 1) {
      const result = Number(native().reeve_send_fds(this.fd, bytes, bytes.length, list, fds.length));
      if (result !== -EAGAIN || waited >= MOST_ROOM_WAIT_MS) {
        unwrap("sendmsg", result, { doing: "tell the keeper" });
        return id;
      }
      // It has not read for hundreds of packets: what it says meanwhile is taken.
      const came = this.#next(1);
      if (came !== null) this.#unasked.push(came.packet);
    }
  }

  /** The next packet; null: none came in that time. Ends this process where the keeper is gone. */
  #next(waitMs: number): { readonly packet: Packet; readonly fds: readonly number[] } | null {
    const result = Number(
      native().reeve_recv_fds(this.fd, this.#buffer, this.#buffer.length, this.#fds, this.#count, waitMs),
    );
    if (result === -ETIMEDOUT || result === -EAGAIN) return null;
    const length = unwrap("recvmsg", result, { doing: "hear the keeper" });
    // Nothing may be decided without a keeper, and its end is ours anyway (PR_SET_PDEATHSIG).
    if (length === 0) process.exit(1);
    return { packet: unpack(this.#buffer.slice(0, length)), fds: [...this.#fds.subarray(0, this.#count[0])] };
  }
}

const ESRCH = 3;

function ownDirectory(): string | null {
  try {
    return process.cwd();
  } catch {
    return null;
  }
}

function isAnswer(kind: number): boolean {
  return kind === KEEPER.answer || kind === KEEPER.born || kind === KEEPER.welcome;
}

let own: Keeper | null = null;

/** The keeper of this core; null: this process has none, and is the parent of what it starts. */
export function keeper(): Keeper | null {
  return own;
}

/** To be called once, before anything is started. */
export function useKeeper(found: Keeper): void {
  own = found;
}
