/** A node whose events a test gives by hand, and whose effects it looks at. */
import { EtcdMachine } from "../../../lib/legion/etcd/machine.ts";
import type {
  Directory,
  EtcdEffect,
  EtcdEvent,
  Lease,
  LordKey,
  Tenure,
} from "../../../lib/legion/etcd/state.ts";
import type { NodeId } from "../../../lib/legion/election/announcement.ts";

export const uuid = (digit: number): string => `${digit}`.repeat(36);

export const SELF: NodeId = { uuid: uuid(5), name: "self", valor: 10 };

export const TTL = 10_000;

export function node(digit: number, valor: number): NodeId {
  return { uuid: uuid(digit), name: `node${digit}`, valor };
}

export class Scene {
  readonly machine: EtcdMachine;
  time = 1000;

  constructor(self: NodeId = SELF, grace = 2000) {
    this.machine = new EtcdMachine({ self, grace });
  }

  get role(): string {
    return this.machine.status.state;
  }

  /** What an event leads to, without the timers. */
  send(event: EtcdEvent): EtcdEffect[] {
    return this.all(event).filter((effect) => !["setTimer", "clearTimer", "log"].includes(effect.do));
  }

  all(event: EtcdEvent): readonly EtcdEffect[] {
    return this.machine.handle(event, this.time);
  }

  lease(id = "7"): Lease {
    return { id, sentAt: this.time, ttl: TTL };
  }

  directory(lord: LordKey | null, ...others: NodeId[]): EtcdEvent {
    return this.stands(lord, null, ...others);
  }

  stands(lord: LordKey | null, tenure: Tenure | null, ...others: NodeId[]): EtcdEvent {
    const directory: Directory = { lord, tenure, candidates: [this.machine.settings.self, ...others] };
    return { type: "directoryRead", directory };
  }

  own(token = "42"): LordKey {
    return { ...this.machine.settings.self, since: 0, lease: "7", token };
  }

  stand(): this {
    this.send({ type: "wanted" });
    this.send({ type: "joined", lease: this.lease() });
    return this;
  }

  /** The lord's key is ours. */
  claim(tenure: Tenure | null = null): this {
    this.stand();
    this.send(this.stands(null, tenure));
    this.time += 300;
    this.send({ type: "claimDue" });
    this.send({ type: "claimed", token: "42" });
    return this;
  }

  rule(): this {
    this.claim();
    this.send(this.directory(this.own()));
    this.renewed(null);
    this.renewed("50");
    this.send({ type: "armed" });
    return this;
  }

  renewed(tenure: string | null = "51", sentAt = this.time): EtcdEffect[] {
    return this.send({ type: "renewed", grant: { sentAt, ttl: TTL }, tenure });
  }

  /** Milliseconds until `timer` by the last effect that set it, of `effects`. */
  static timer(effects: readonly EtcdEffect[], timer: string): number | null {
    const set = effects.findLast((effect) => effect.do === "setTimer" && effect.timer === timer);
    return set?.do === "setTimer" ? set.ms : null;
  }
}

export const OTHER: LordKey = { ...node(9, 20), since: 0, lease: "99", token: "30" };
