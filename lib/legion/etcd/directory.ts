/**
 * The keys of one legion in etcd: PREFIX/LEGION/lord, and PREFIX/LEGION/candidates/UUID for each node, with
 * their owner's lease; and PREFIX/LEGION/tenure, which outlives every lease. Values are JSON, and hostile:
 * what cannot be read is no candidate, a lord nobody knows, a tenure of the longest kind. Pure.
 */
import type { NodeId } from "../election/announcement.ts";
import type { Directory, LordKey, Tenure } from "./state.ts";
import type { KeyValue } from "./protocol.ts";

export interface DirectoryKeys {
  /** All keys of the legion begin with it. */
  readonly prefix: string;
  readonly lord: string;
  readonly candidates: string;
  readonly tenure: string;
}

export function directoryKeys(prefix: string, legion: string): DirectoryKeys {
  const base = `${prefix.replace(/\/+$/, "")}/${legion}/`;
  return { prefix: base, lord: `${base}lord`, candidates: `${base}candidates/`, tenure: `${base}tenure` };
}

export function candidateValue(id: NodeId): string {
  return JSON.stringify({ uuid: id.uuid, name: id.name, valor: id.valor });
}

/** `since`: seconds since 1970. */
export function lordValue(id: NodeId, since: number): string {
  return JSON.stringify({ uuid: id.uuid, name: id.name, valor: id.valor, since });
}

/** `ttl`: milliseconds after this is written in which what its writer runs may still run. */
export function tenureValue(id: NodeId, token: string, ttl: number, released: boolean): string {
  return JSON.stringify({ uuid: id.uuid, name: id.name, token, ttl, released });
}

export function readDirectory(keys: DirectoryKeys, found: readonly KeyValue[]): Directory {
  const candidates: NodeId[] = [];
  let lord: LordKey | null = null;
  let tenure: Tenure | null = null;
  for (const kv of found) {
    if (kv.key === keys.lord) lord = readLord(kv);
    else if (kv.key === keys.tenure) tenure = readTenure(kv);
    else if (kv.key.startsWith(keys.candidates)) {
      const id = readId(kv.value);
      if (id !== null && kv.key === `${keys.candidates}${id.uuid}`) candidates.push(id);
    }
  }
  return { lord, tenure, candidates };
}

/** A key that is there is a lord, whatever its value says. */
function readLord(kv: KeyValue): LordKey {
  const id = readId(kv.value) ?? { uuid: "", name: "", valor: 0 };
  const since = Number((parse(kv.value) ?? {})["since"]);
  return {
    ...id,
    since: Number.isSafeInteger(since) && since >= 0 ? since : 0,
    lease: kv.lease,
    token: kv.createRevision,
  };
}

/** As long as the longest lease that can be configured: who cannot read it waits for that. */
const LONGEST_TTL_MS = 3_600_000;

function readTenure(kv: KeyValue): Tenure {
  const value = parse(kv.value) ?? {};
  const ttl = value["ttl"];
  const isSound = typeof ttl === "number" && ttl >= 0 && ttl <= LONGEST_TTL_MS;
  return {
    revision: kv.modRevision,
    ttl: isSound ? ttl : LONGEST_TTL_MS,
    released: value["released"] === true,
  };
}

const LONGEST_NAME = 256;

function readId(text: string): NodeId | null {
  const value = parse(text);
  if (value === null) return null;
  const { uuid, name, valor } = value;
  if (typeof uuid !== "string" || !/^[0-9a-fA-F-]{36}$/.test(uuid)) return null;
  if (typeof name !== "string" || name.length > LONGEST_NAME) return null;
  if (typeof valor !== "number" || !Number.isSafeInteger(valor) || valor < 0) return null;
  return { uuid, name, valor };
}

function parse(
  text: string,
): { readonly [key: string]: unknown; uuid?: unknown; name?: unknown; valor?: unknown } | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value as never : null;
  } catch {
    return null;
  }
}
