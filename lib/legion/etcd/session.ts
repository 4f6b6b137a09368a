/**
 * The requests of a node to etcd for one legion: a lease and a key to stand with, renewals, the lord's key, a
 * tenure. Each is one conversation with one server. Must never report a tenure as written that a majority has
 * not agreed to.
 */
import type { NodeId } from "../election/announcement.ts";
import { type EtcdClient, EtcdRefusal, FinalError, NOT_FOUND, type Server } from "./client.ts";
import { candidateValue, type DirectoryKeys, lordValue, readDirectory, tenureValue } from "./directory.ts";
import {
  grantOf,
  headerOf,
  keepAliveOf,
  keysOf,
  type KeyValue,
  requests,
  transactionOf,
  watchBatchOf,
} from "./protocol.ts";
import type { Directory, Lease } from "./state.ts";
import type { LeaseGrant } from "./times.ts";

export interface Reading {
  readonly directory: Directory;
  /** The revision of the whole store when it was read. */
  readonly revision: bigint;
}

export interface Renewal {
  readonly grant: LeaseGrant;
  readonly reading: Reading;
  /**
   * Revision at which our tenure was written; null: it was not asked for, or the lord's key is not ours any
   * more.
   */
  readonly tenure: string | null;
}

/** There is no such lease (any more). */
export class LeaseGone extends FinalError {}

/** Nothing is lost while a node waits to join. */
const JOIN_MS = 2000;
/** A reader of a tenure believes no more than that. */
const LONGEST_TTL_MS = 3_600_000;

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
      const { json, sentAt } = await server.call(requests.grant(Math.ceil(this.#ttl)), JOIN_MS);
      const { lease, ttl } = grantOf(json);
      const key = `${this.#keys.candidates}${this.#self.uuid}`;
      await server.call(requests.put(key, candidateValue(this.#self), lease), JOIN_MS);
      return { lease: { id: lease, sentAt, ttl: milliseconds(ttl) }, reading: await this.#read(server) };
    }, signal);
  }

  /**
   * Renews the lease, and reads what stands there. With the `token` of our lord's key it writes our tenure in
   * the same breath: by a transaction, to which a majority has to agree and which fails once the key is
   * another's. The time of the grant is that of the tenure then. Rejects with LeaseGone.
   */
  async renew(lease: string, token: string | null, signal: AbortSignal): Promise<Renewal> {
    return await this.#client.atOne(async (server) => {
      const alive = await server.call(requests.keepAlive(lease));
      const seconds = keepAliveOf(alive.json);
      if (seconds <= 0) throw new LeaseGone("it has expired, or somebody has revoked it");
      const ttl = milliseconds(seconds);
      if (token === null) {
        return { grant: { sentAt: alive.sentAt, ttl }, reading: await this.#read(server), tenure: null };
      }
      const { lord, tenure, prefix } = this.#keys;
      const value = tenureValue(this.#self, token, ttl, false);
      const { json, sentAt } = await server.call(
        requests.putWhile({ key: lord, created: token }, tenure, value, prefix),
      );
      const { succeeded, found } = transactionOf(json);
      return {
        grant: { sentAt, ttl },
        reading: this.#reading(json, found ?? []),
        tenure: succeeded ? headerOf(json).revision.toString() : null,
      };
    }, signal);
  }

  async read(signal: AbortSignal): Promise<Reading> {
    return await this.#client.atOne((server) => this.#read(server), signal);
  }

  /** The fencing token; null: somebody else is lord. Rejects with LeaseGone. */
  async claim(lease: string, since: number, signal: AbortSignal): Promise<string | null> {
    try {
      return await this.#client.atOne(async (server) => {
        const { json } = await server.call(
          requests.create(this.#keys.lord, lordValue(this.#self, since), lease),
        );
        const { succeeded, found } = transactionOf(json);
        if (succeeded) return headerOf(json).revision.toString();
        const existing = found?.[0];
        return existing?.lease === lease ? existing.createRevision : null;
      }, signal);
    } catch (error) {
      if (error instanceof EtcdRefusal && error.code === NOT_FOUND) throw new LeaseGone(error.message);
      throw error;
    }
  }

  /** Writes down that nothing of the tenure, which is ours as of `revision`, runs any more. */
  async release(revision: string, signal: AbortSignal): Promise<void> {
    const value = tenureValue(this.#self, "", 0, true);
    await this.#client.atOne(
      (server) => server.call(requests.replace(this.#keys.tenure, value, revision)),
      signal,
    );
  }

  /** Everything that hangs on the lease is gone with it. */
  async leave(lease: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.atOne((server) => server.call(requests.revoke(lease)), signal);
    } catch (error) {
      if (!(error instanceof EtcdRefusal) || error.code !== NOT_FOUND) throw error;
    }
  }

  /**
   * Yields each time that something below the prefix has changed after `revision`. Throws, or ends, with the
   * connection.
   */
  async *changes(revision: bigint, signal: AbortSignal): AsyncIterable<void> {
    for await (
      const json of this.#client.stream(requests.watch(this.#keys.prefix, revision + 1n), signal)
    ) {
      const { canceled, hasEvents } = watchBatchOf(json);
      // Compacted: what happened since is to be read anew, and so is where to go on from.
      if (canceled !== null) throw new Error(canceled);
      if (hasEvents) yield;
    }
  }

  async #read(server: Server): Promise<Reading> {
    const { json } = await server.call(requests.list(this.#keys.prefix));
    return this.#reading(json, keysOf(json));
  }

  #reading(json: Readonly<Record<string, unknown>>, found: readonly KeyValue[]): Reading {
    return { directory: readDirectory(this.#keys, found), revision: headerOf(json).revision };
  }
}

function milliseconds(seconds: number): number {
  return Math.min(seconds * 1000, LONGEST_TTL_MS);
}
