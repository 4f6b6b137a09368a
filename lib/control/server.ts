/**
 * Serves the control socket over a descriptor that listens: takes connections natively, learns who they are
 * from the kernel, and gives each to the runtime. The listening descriptor never goes to the runtime, which
 * would open a TCP port in its place. Must never wait for a client, nor let one keep others out.
 */
import { errorText } from "../sys/error_text.ts";
import { closeFd, peerCredentials, peerGroups } from "../sys/file/descriptor.ts";
import type { Watch, Watcher } from "../sys/file/watcher.ts";
import { acceptNext } from "../sys/socket/scm.ts";
import { takeOver } from "../sys/socket/take_over.ts";
import type { Timers } from "../sys/timers.ts";
import { type AccessRules, levelOf } from "./access.ts";
import { Connection } from "./connection.ts";
import { Turns } from "./turns.ts";
import type { Handle, Peer } from "./request.ts";

export interface ControlServerDeps {
  readonly handle: Handle;
  readonly watcher: Pick<Watcher, "add">;
  readonly timers: Timers;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** For a line of which each connection could be one. */
  readonly complain: (text: string) => void;
}

export interface ControlServerOptions {
  /** A listening unix socket that does not block; it stays the caller's. */
  readonly fd: number;
  readonly rules: AccessRules;
  /** As many descriptors this process can have open. */
  readonly mostFds: number;
}

/** Connections at the same time; of one user; of all who are not root or reeve's own user. */
const MOST = 64;
const MOST_OF_ONE = 8;
const MOST_OF_STRANGERS = 48;
/** Beyond these nobody is told why. */
const MOST_TURNED_AWAY = 64;
/** Descriptors that are left for the daemons' sake, by strangers and by root and reeve's own user. */
const RESERVE_OF_STRANGERS = 32;
const RESERVE = 12;
/** Bytes of answers that nobody takes. */
const MOST_UNSENT = 64 << 20;
/** A client that was not heard yet has not kept anybody waiting. */
const MAY_WAIT_MS = 1000;
/** Others come after these: a flood of connections must not keep the daemons waiting. */
const AT_ONCE = 16;
/** Without a descriptor for the next connection, it is looked again after so long. */
const RESUME_MS = 1000;

type Socket = Bun.Socket<Connection>;

export class ControlServer {
  readonly #deps: ControlServerDeps;
  readonly #rules: AccessRules;
  readonly #fd: number;
  readonly #mostFds: number;
  readonly #turns: Turns;
  readonly #connections = new Set<Connection>();
  /** Those who are told to try again. */
  readonly #turnedAway = new Set<Connection>();
  #watch: Watch | null = null;
  #resume: { cancel(): void } | null = null;
  #isClosed = false;

  constructor({ fd, rules, mostFds }: ControlServerOptions, deps: ControlServerDeps) {
    this.#deps = deps;
    this.#turns = new Turns(deps.timers);
    this.#rules = rules;
    this.#fd = fd;
    this.#mostFds = mostFds;
    this.#listen();
  }

  /** How many are connected. */
  get size(): number {
    return this.#connections.size;
  }

  /** Bytes of answers that nobody has taken yet. */
  get unsent(): number {
    let unsent = 0;
    for (const connection of this.#connections) unsent += connection.unsent;
    return unsent;
  }

  /** Cuts everybody off; the listening descriptor stays open. */
  close(): void {
    this.#isClosed = true;
    this.#watch?.remove();
    this.#watch = null;
    this.#resume?.cancel();
    for (const connection of [...this.#connections, ...this.#turnedAway]) connection.close();
  }

  #listen(): void {
    this.#watch = this.#deps.watcher.add(this.#fd, () => this.#accept());
  }

  #accept(): void {
    try {
      for (let count = 0; !this.#isClosed && count < AT_ONCE; count++) {
        const fd = acceptNext(this.#fd);
        if (fd === null) return;
        this.#admit(fd);
      }
    } catch (error) {
      // The connection waits on, and would be told of again at once.
      this.#deps.complain(`cannot take a connection to the control socket: ${errorText(error)}`);
      this.#watch?.remove();
      this.#watch = null;
      longestWaiting([...this.#connections])?.close();
      this.#resume = this.#deps.timers.after(RESUME_MS, () => this.#listen());
    }
  }

  #admit(fd: number): void {
    try {
      const found = { ...peerCredentials(fd), groups: peerGroups(fd) };
      const peer: Peer = { ...found, level: levelOf(found, this.#rules) };
      // The lowest number that was free: it tells how many are left.
      const isShort = fd >= this.#mostFds - (this.#isStranger(peer) ? RESERVE_OF_STRANGERS : RESERVE);
      if (this.#makeRoom(peer, isShort)) this.#take(fd, peer, this.#connections);
      else if (isShort || this.#turnedAway.size >= MOST_TURNED_AWAY) closeFd(fd);
      else this.#take(fd, peer, this.#turnedAway);
    } catch (error) {
      closeFd(fd);
      this.#deps.complain(`cannot serve a connection to the control socket: ${errorText(error)}`);
    }
  }

  /** The descriptor is the runtime's from then on. */
  #take(fd: number, peer: Peer, among: Set<Connection>): void {
    const { handle, timers, now, complain } = this.#deps;
    const open = (socket: Socket): void => {
      const connection: Connection = new Connection(socket, peer, {
        handle,
        timers,
        turns: this.#turns,
        now,
        failed: (error) => complain(`cannot carry out a request: ${errorText(error)}`),
        isBehind: () => this.#cutBacklog(),
      });
      socket.data = connection;
      among.add(connection);
      if (among === this.#turnedAway) connection.turnAway();
    };
    const socket: Bun.SocketHandler<Connection> = {
      open,
      data: (one, bytes) => one.data.received(bytes),
      drain: (one) => one.data?.drained(),
      end: (one) => one.data.ended(),
      close: (one) => {
        one.data.close();
        among.delete(one.data);
      },
      error: (one) => one.data.close(),
    };
    takeOver(fd, socket).catch((error: unknown) => {
      complain(`cannot serve a connection to the control socket: ${errorText(error)}`);
    });
  }

  /** Whether one more may come: the one that has kept reeve waiting longest has to go for it. */
  #makeRoom(peer: Peer, isShort: boolean): boolean {
    const all = [...this.#connections];
    if (!this.#isStranger(peer)) return (!isShort && all.length < MOST) || this.#evict(all);
    const strangers = all.filter((one) => this.#isStranger(one.peer));
    const own = strangers.filter((one) => one.peer.uid === peer.uid);
    if (own.length >= MOST_OF_ONE) return this.#evict(own);
    const hasRoom = !isShort && all.length < MOST && strangers.length < MOST_OF_STRANGERS;
    return hasRoom || this.#evict(strangers);
  }

  #isStranger({ uid }: Peer): boolean {
    return (uid !== 0 && uid !== this.#rules.uid) || uid === this.#rules.overflowUid;
  }

  /** False: reeve has all of them to answer, or they have only just come. The client tries again. */
  #evict(candidates: readonly Connection[]): boolean {
    const oldest = longestWaiting(candidates);
    if (oldest?.waitsSince == null || this.#deps.now() - oldest.waitsSince < MAY_WAIT_MS) return false;
    oldest.close();
    this.#connections.delete(oldest);
    return true;
  }

  #cutBacklog(): void {
    if (this.unsent <= MOST_UNSENT) return;
    const behind = [...this.#connections].filter((one) => one.unsent > 0);
    longestWaiting(behind)?.close();
  }
}

function longestWaiting(connections: readonly Connection[]): Connection | null {
  let found: Connection | null = null;
  for (const one of connections) {
    if (one.waitsSince !== null && one.waitsSince < (found?.waitsSince ?? Infinity)) found = one;
  }
  return found;
}
