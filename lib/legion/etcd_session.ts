/**
 * What a node asks of etcd for one legion: a lease and a key to stand with, renewals, the lord's key. Each is one conversation
 * with one server. Must never call a lease renewed that a leader who is none any more has renewed.
 */
import type { NodeId } from "./announcement.ts";
import { type EtcdClient, EtcdRefusal, FinalError, NOT_FOUND, type Server } from "./etcd_client.ts";
import { candidateValue, type DirectoryKeys, lordValue, readDirectory } from "./etcd_directory.ts";
import {
  createdOf,
  grantOf,
  headerOf,
  keepAliveOf,
  keysOf,
  requests,
  watchBatchOf,
} from "./etcd_protocol.ts";
import type { Directory, Lease } from "./etcd_state.ts";
import type { LeaseGrant } from "./etcd_times.ts";

export interface Reading {
  readonly directory: Directory;
  /** Of the whole store, when it was read. */
  readonly revision: bigint;
}

/** There is no such lease (any more). */
export class LeaseGone extends FinalError {}

export class EtcdSession {
  readonly #client: EtcdClient;
  readonly #keys: DirectoryKeys;
  readonly #self: NodeId;
  /** Seconds. */
  readonly #ttl: number;

  constructor(client: EtcdClient, keys: DirectoryKeys, self: NodeId, ttl: number) {
    this.#client = client;
    this.#keys = keys;
    this.#self = self;
    this.#ttl = ttl;
  }

  /** Begins anew, with whatever cluster answers: nothing of ours stands in any. */
  async join(signal: AbortSignal): Promise<{ readonly lease: Lease; readonly reading: Reading }> {
    this.#client.forget();
    return await this.#client.atOne(async (server) => {
      const { json, sentAt } = await server.call(requests.grant(Math.ceil(this.#ttl)));
      const { lease, ttl } = grantOf(json);
      const key = `${this.#keys.candidates}${this.#self.uuid}`;
      await server.call(requests.put(key, candidateValue(this.#self), lease));
      const { reading } = await this.#read(server);
      return { lease: { id: lease, sentAt, ttl: ttl * 1000 }, reading };
    }, signal);
  }

  /**
   * Renews, and reads what stands there. A server passes a renewal to whom it believes to lead, and a leader that was cut off
   * believes so for a second longer than the others; what it renews, its successor does not know of. So the renewal counts
   * only if the server's term of Raft was the same before and after, and a majority confirms that term afterwards: that is
   * what the linearizable read is for. Rejects with LeaseGone.
   */
  async renew(
    lease: string,
    signal: AbortSignal,
  ): Promise<{ readonly grant: LeaseGrant; readonly reading: Reading }> {
    return await this.#client.atOne(async (server) => {
      for (let round = 0; round < ROUNDS; round++) {
        const before = this.#client.terms();
        const { json, sentAt } = await server.call(requests.keepAlive(lease));
        const { header, ttl } = keepAliveOf(json);
        this.#client.note(header);
        if (ttl <= 0) throw new LeaseGone("it has expired, or somebody has revoked it");
        const { reading, term } = await this.#read(server);
        if (before.get(header.member) === header.term && term === header.term) {
          return { grant: { sentAt, ttl: ttl * 1000 }, reading };
        }
      }
      throw new Error("its leader changes again and again");
    }, signal);
  }

  async read(signal: AbortSignal): Promise<Reading> {
    return await this.#client.atOne(async (server) => (await this.#read(server)).reading, signal);
  }

  /** The fencing token; null: somebody else is lord. Rejects with LeaseGone. */
  async claim(lease: string, since: number, signal: AbortSignal): Promise<string | null> {
    try {
      return await this.#client.atOne(async (server) => {
        const { json } = await server.call(
          requests.create(this.#keys.lord, lordValue(this.#self, since), lease),
        );
        const { created, existing } = createdOf(json);
        if (created) return headerOf(json).revision.toString();
        return existing?.lease === lease ? existing.createRevision : null;
      }, signal);
    } catch (error) {
      if (error instanceof EtcdRefusal && error.code === NOT_FOUND) throw new LeaseGone(error.message);
      throw error;
    }
  }

  /** Everything that hangs on the lease is gone with it. */
  async leave(lease: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.atOne((server) => server.call(requests.revoke(lease)), signal);
    } catch (error) {
      if (!(error instanceof EtcdRefusal) || error.code !== NOT_FOUND) throw error;
    }
  }

  /** Yields each time that something below the prefix has changed after `revision`. Throws, or ends, with the connection. */
  async *changes(revision: bigint, signal: AbortSignal): AsyncIterable<void> {
    for await (const json of this.#client.stream(requests.watch(this.#keys.prefix, revision + 1n), signal)) {
      const { canceled, hasEvents } = watchBatchOf(json);
      // Compacted: what happened since is to be read anew, and so is where to go on from.
      if (canceled !== null) throw new Error(canceled);
      if (hasEvents) yield;
    }
  }

  async #read(server: Server): Promise<{ readonly reading: Reading; readonly term: bigint }> {
    const { json } = await server.call(requests.list(this.#keys.prefix));
    const { revision, term } = headerOf(json);
    return { reading: { directory: readDirectory(this.#keys, keysOf(json)), revision }, term };
  }
}

const ROUNDS = 3;
