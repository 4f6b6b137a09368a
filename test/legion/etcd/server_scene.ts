/** A node of a legion on a real etcd, with a guard that is not there, for the tests with servers. */
import { LOOP_TIMERS } from "../../../lib/sys/timers.ts";
import type { NodeId } from "../../../lib/legion/election/announcement.ts";
import type { ElectorEvents, Term } from "../../../lib/legion/election/elector.ts";
import { EtcdCandidate } from "../../../lib/legion/etcd/candidate.ts";
import { EtcdClient } from "../../../lib/legion/etcd/client.ts";
import { directoryKeys } from "../../../lib/legion/etcd/directory.ts";
import { openHttp, type TlsFiles } from "../../../lib/legion/etcd/http.ts";
import { EtcdSession } from "../../../lib/legion/etcd/session.ts";
import { attemptPatience } from "../../../lib/legion/etcd/times.ts";
import type { GuardEvents, LordGuard } from "../../../lib/legion/guard/port.ts";
import { bootTime } from "../../../lib/sys/process/identity.ts";
import { until } from "../../e2e/wait.ts";
import { ETCD_MISSING, EtcdServers, etcdTest } from "./servers.ts";

export const NO_TLS: TlsFiles = { ca: null, cert: null, key: null };

export const TTL = 2;

export interface NodeOptions {
  readonly valor?: number;
  readonly tls?: TlsFiles;
  readonly user?: { readonly name: string; readonly password: () => string };
  readonly legion?: string;
}

/** Killed at its deadline, as the real one; until then it answers. */
export class StandIn implements LordGuard {
  readonly place = { initPid: 1, pidNamespaceFd: 0 };
  deadline: number;
  readonly #events: GuardEvents;
  #timer: { cancel(): void };

  constructor(deadline: number, events: GuardEvents) {
    this.deadline = deadline;
    this.#events = events;
    this.#timer = this.#arm();
    queueMicrotask(() => events.ready());
  }

  push(deadline: number): boolean {
    this.deadline = deadline;
    this.#timer.cancel();
    this.#timer = this.#arm();
    return true;
  }

  watch(): boolean {
    return true;
  }

  hush(): void {}

  kill(): void {
    this.#timer.cancel();
    queueMicrotask(() => this.#events.ended(null));
  }

  #arm(): { cancel(): void } {
    return LOOP_TIMERS.after(this.deadline - bootTime(), () => this.#events.ended(null));
  }
}

/** A node whose legion says yes to everything at once. */
export class TestNode implements ElectorEvents, AsyncDisposable {
  readonly id: NodeId;
  readonly candidate: EtcdCandidate;
  readonly lines: string[] = [];
  readonly events: string[] = [];
  term: Term | null = null;

  constructor(urls: readonly string[], name: string, options: NodeOptions = {}) {
    this.id = { uuid: crypto.randomUUID(), name, valor: options.valor ?? 1 };
    const client = new EtcdClient({
      urls,
      user: options.user ?? null,
      http: openHttp(options.tls ?? NO_TLS),
      now: bootTime,
      patience: () => attemptPatience(TTL * 1000),
    });
    this.candidate = new EtcdCandidate({
      self: this.id,
      session: new EtcdSession(client, directoryKeys("/reeve/", options.legion ?? "test"), this.id, TTL),
      url: () => client.url,
      urls,
      grace: 100,
      startGuard: (deadline, events) => new StandIn(deadline, events),
      timers: LOOP_TIMERS,
      now: bootTime,
      log: (level, text) => this.lines.push(`${level} ${text}`),
    });
    void this.candidate.start(this);
  }

  get isLord(): boolean {
    return this.term !== null;
  }

  log(): string {
    return this.lines.join("\n");
  }

  chosen(term: Term): void {
    this.term = term;
    this.chosenAt = bootTime();
    this.events.push("chosen");
    this.candidate.confirm();
  }

  /** Its daemons do not end when they are asked to. */
  isDeaf = false;
  /** Boot-time milliseconds. */
  chosenAt = 0;

  deposed(why: string): void {
    this.term = null;
    this.events.push(`deposed: ${why}`);
    if (!this.isDeaf) this.candidate.vacated();
  }

  joined(): void {
    this.events.push("joined");
  }

  nodeJoined(id: NodeId): void {
    this.events.push(`+${id.name}`);
  }

  nodeLeft(id: NodeId): void {
    this.events.push(`-${id.name}`);
  }

  async untilLord(): Promise<Term> {
    return await until(`${this.id.name} is lord`, () => this.term, { explain: () => this.log() });
  }

  async untilLine(pattern: RegExp): Promise<void> {
    await until(`a line like ${pattern}`, () => pattern.test(this.log()), { explain: () => this.log() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.candidate.close();
  }
}

let shared: EtcdServers | null = null;

/** For tests that leave it as it is; each has a legion of its own. */
export async function undisturbed(): Promise<EtcdServers> {
  if (shared === null) {
    shared = new EtcdServers(1);
    await shared.ready();
  }
  return shared;
}

/** For the end of each file of tests; the next one gets a server of its own. */
export async function endShared(): Promise<void> {
  const ended = shared;
  shared = null;
  await ended?.[Symbol.asyncDispose]();
}

export const check = (name: string, body: () => Promise<void>): void => etcdTest(name, ETCD_MISSING, body);
