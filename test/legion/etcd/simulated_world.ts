/** etcd as one server that revokes leases whenever it likes, and the network to it, in simulated time. */
import type { Directory, LordKey, Tenure } from "../../../lib/legion/etcd/state.ts";
import type { NodeId } from "../../../lib/legion/election/announcement.ts";

import { generator } from "../../support/random.ts";

export const TTL_MS = 2000;
export const PATIENCE_MS = 200;
export const GRACE_MS = 60_000;

export interface ServerLease {
  readonly id: string;
  readonly node: NodeId;
  expires: number;
}

export class World {
  time = 0;
  readonly random: () => number;
  readonly #events: { at: number; serial: number; run: () => void }[] = [];
  #serial = 0;
  #nextLease = 1;
  #revision = 1;
  readonly leases = new Map<string, ServerLease>();
  lord: LordKey | null = null;
  tenure: Tenure | null = null;
  /** The node whose daemon runs. */
  running: { readonly id: NodeId } | null = null;
  starts = 0;
  isLossy = true;

  constructor(seed: number) {
    this.random = generator(seed);
  }

  at(time: number, run: () => void): void {
    this.#events.push({ at: Math.max(time, this.time), serial: this.#serial++, run });
  }

  runUntil(end: number): void {
    for (;;) {
      let best = -1;
      for (let i = 0; i < this.#events.length; i++) {
        const one = this.#events[i]!;
        const other = this.#events[best];
        if (other === undefined || one.at < other.at || (one.at === other.at && one.serial < other.serial)) {
          best = i;
        }
      }
      const next = this.#events[best];
      if (next === undefined || next.at > end) break;
      this.#events.splice(best, 1);
      this.time = next.at;
      this.#expire();
      next.run();
    }
    this.time = end;
    this.#expire();
  }

  #expire(): void {
    for (const lease of this.leases.values()) if (lease.expires <= this.time) this.revoke(lease.id);
  }

  grant(node: NodeId): string {
    const id = String(this.#nextLease++);
    this.leases.set(id, { id, node, expires: this.time + TTL_MS });
    return id;
  }

  revoke(id: string): void {
    this.leases.delete(id);
    if (this.lord?.lease === id) this.lord = null;
  }

  claim(id: string): string | null {
    const lease = this.leases.get(id);
    if (lease === undefined) return null;
    if (this.lord !== null) return this.lord.lease === id ? this.lord.token : null;
    this.lord = { ...lease.node, since: 0, lease: id, token: String(++this.#revision) };
    return this.lord.token;
  }

  /** The revision; null: the lord's key is another's. */
  occupy(token: string): string | null {
    if (this.lord?.token !== token) return null;
    this.tenure = { revision: String(++this.#revision), ttl: TTL_MS, released: false };
    return this.tenure.revision;
  }

  release(revision: string): void {
    if (this.tenure?.revision !== revision) return;
    this.tenure = { revision: String(++this.#revision), ttl: 0, released: true };
  }

  directory(): Directory {
    return {
      lord: this.lord,
      tenure: this.tenure,
      candidates: [...this.leases.values()].map(({ node }) => node),
    };
  }
}
