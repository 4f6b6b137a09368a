/**
 * etcd's v3 API as its JSON gateway speaks it (etcd 3.4 and later): requests as objects, answers checked
 * before anything of them is believed. 64-bit numbers are decimal strings there, keys and values base64.
 * Pure.
 */

/** Which cluster an answer comes from, and at which point of its history. */
export interface Header {
  readonly cluster: string;
  readonly revision: bigint;
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  readonly createRevision: string;
  readonly modRevision: string;
  /** "0": none. */
  readonly lease: string;
}

export interface WatchBatch {
  readonly header: Header;
  readonly canceled: string | null;
  readonly hasEvents: boolean;
}

/** The answer is none of etcd's. */
export class NonsenseError extends Error {}

type Json = Readonly<Record<string, unknown>>;

const toBase64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");
const fromBase64 = (text: string): string => Buffer.from(text, "base64").toString("utf8");

/** The key behind the last one that begins with `prefix`: what a range over a prefix ends with. */
function prefixEnd(prefix: string): string {
  const bytes = Buffer.from(prefix, "utf8");
  // UTF-8 has no byte 0xff, so the last one can always be raised.
  bytes[bytes.length - 1]! += 1;
  return bytes.toString("base64");
}

const prefixRange = (prefix: string): { readonly key: string; readonly range_end: string } => ({
  key: toBase64(prefix),
  range_end: prefixEnd(prefix),
});

export const requests = {
  /** `ttl`: whole seconds. */
  grant: (ttl: number) => ({ path: "/v3/lease/grant", body: { TTL: String(ttl), ID: "0" } }),
  keepAlive: (lease: string) => ({ path: "/v3/lease/keepalive", body: { ID: lease } }),
  revoke: (lease: string) => ({ path: "/v3/lease/revoke", body: { ID: lease } }),
  put: (key: string, value: string, lease: string) => ({
    path: "/v3/kv/put",
    body: { key: toBase64(key), value: toBase64(value), lease },
  }),
  /** Linearizable: a majority has confirmed the leader after the request came in. */
  list: (prefix: string) => ({ path: "/v3/kv/range", body: prefixRange(prefix) }),
  /** Puts the key if there is none, else reads it. */
  create: (key: string, value: string, lease: string) => ({
    path: "/v3/kv/txn",
    body: {
      compare: [{ key: toBase64(key), target: "CREATE", result: "EQUAL", create_revision: "0" }],
      success: [{ request_put: { key: toBase64(key), value: toBase64(value), lease } }],
      failure: [{ request_range: { key: toBase64(key) } }],
    },
  }),
  /** Puts `key` if `held` is still the key that was created at this revision; lists the prefix either way. */
  putWhile: (
    held: { readonly key: string; readonly created: string },
    key: string,
    value: string,
    prefix: string,
  ) => ({
    path: "/v3/kv/txn",
    body: {
      compare: [{
        key: toBase64(held.key),
        target: "CREATE",
        result: "EQUAL",
        create_revision: held.created,
      }],
      success: [{ request_put: { key: toBase64(key), value: toBase64(value) } }, {
        request_range: prefixRange(prefix),
      }],
      failure: [{ request_range: prefixRange(prefix) }],
    },
  }),
  /** Puts the key if nobody has since it was put at this revision. */
  replace: (key: string, value: string, revision: string) => ({
    path: "/v3/kv/txn",
    body: {
      compare: [{ key: toBase64(key), target: "MOD", result: "EQUAL", mod_revision: revision }],
      success: [{ request_put: { key: toBase64(key), value: toBase64(value) } }],
    },
  }),
  watch: (prefix: string, from: bigint) => ({
    path: "/v3/watch",
    body: {
      create_request: { key: toBase64(prefix), range_end: prefixEnd(prefix), start_revision: String(from) },
    },
  }),
  authenticate: (name: string, password: string) => ({
    path: "/v3/auth/authenticate",
    body: { name, password },
  }),
} as const;

export interface ApiRequest {
  readonly path: string;
  readonly body: object;
}

export function parseJson(text: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new NonsenseError("it is not JSON");
  }
  return object(value, "answer");
}

/** etcd's own error text in an answer, and its gRPC code; null: there is none. */
export function errorOf(answer: Json): { readonly text: string; readonly code: number } | null {
  const error = answer["error"];
  if (error === undefined) return null;
  if (typeof error === "string") return { text: error, code: Number(answer["code"] ?? 2) };
  const inner = object(error, "error");
  return {
    text: String(inner["message"] ?? "unknown"),
    code: Number(inner["grpc_code"] ?? inner["code"] ?? 2),
  };
}

export function headerOf(answer: Json): Header {
  const header = object(answer["header"], "header");
  return {
    cluster: number(header["cluster_id"], "cluster_id").toString(),
    revision: number(header["revision"] ?? "0", "revision"),
  };
}

/** Reads the answer to a grant: the lease and its seconds. */
export function grantOf(answer: Json): { readonly lease: string; readonly ttl: number } {
  return { lease: number(answer["ID"], "ID").toString(), ttl: seconds(answer["TTL"]) };
}

/** Reads the answer to a renewal: the seconds; 0: there is no such lease. */
export function keepAliveOf(answer: Json): number {
  const result = object(answer["result"], "result");
  return result["TTL"] === undefined ? 0 : seconds(result["TTL"]);
}

export function keysOf(answer: Json): readonly KeyValue[] {
  const list = answer["kvs"] ?? [];
  if (!Array.isArray(list)) throw new NonsenseError("kvs is no list");
  return list.map(keyValue);
}

/** Reads the answer to a transaction: whether its condition held, and what it has read; null: nothing. */
export function transactionOf(
  answer: Json,
): { readonly succeeded: boolean; readonly found: readonly KeyValue[] | null } {
  const responses = answer["responses"] ?? [];
  if (!Array.isArray(responses)) throw new NonsenseError("responses is no list");
  const range = responses.map((one) => object(one, "response")["response_range"]).find((one) =>
    one !== undefined
  );
  return {
    succeeded: answer["succeeded"] === true,
    found: range === undefined ? null : keysOf(object(range, "response_range")),
  };
}

export function watchBatchOf(answer: Json): WatchBatch {
  const result = object(answer["result"], "result");
  const events = result["events"] ?? [];
  return {
    header: headerOf(result),
    canceled: result["canceled"] === true ? String(result["cancel_reason"] ?? "canceled") : null,
    hasEvents: Array.isArray(events) && events.length > 0,
  };
}

export function tokenOf(answer: Json): string {
  const token = answer["token"];
  if (typeof token !== "string" || token === "" || /[^\x21-\x7e]/.test(token)) {
    throw new NonsenseError("it holds no token");
  }
  return token;
}

function keyValue(value: unknown): KeyValue {
  const kv = object(value, "key");
  return {
    key: fromBase64(string(kv["key"], "key")),
    value: fromBase64(string(kv["value"] ?? "", "value")),
    createRevision: number(kv["create_revision"], "create_revision").toString(),
    modRevision: number(kv["mod_revision"], "mod_revision").toString(),
    lease: number(kv["lease"] ?? "0", "lease").toString(),
  };
}

function object(value: unknown, what: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new NonsenseError(`${what} is no object`);
  }
  return value as Json;
}

function string(value: unknown, what: string): string {
  if (typeof value !== "string") throw new NonsenseError(`${what} is no string`);
  return value;
}

function number(value: unknown, what: string): bigint {
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value !== "string" || !/^-?\d{1,20}$/.test(value)) {
    throw new NonsenseError(`${what} is no number`);
  }
  return BigInt(value);
}

const LONGEST_TTL = 9_000_000_000n;

function seconds(value: unknown): number {
  const found = number(value, "TTL");
  if (found < 0n || found > LONGEST_TTL) throw new NonsenseError(`TTL is ${found}`);
  return Number(found);
}
