/**
 * What stands in etcd for one legion: PREFIX/LEGION/lord, and PREFIX/LEGION/candidates/UUID for each node, all with their
 * owner's lease. Values are JSON, and hostile: what cannot be read is no candidate, and a lord nobody knows. Pure.
 */
import type { NodeId } from "./announcement.ts";
import type { Directory, LordKey } from "./etcd_state.ts";
import type { KeyValue } from "./etcd_protocol.ts";

export interface DirectoryKeys {
  /** All keys of the legion begin with it. */
  readonly prefix: string;
  readonly lord: string;
  readonly candidates: string;
}

export function directoryKeys(prefix: string, legion: string): DirectoryKeys {
  const base = `${prefix.replace(/\/+$/, "")}/${legion}/`;
  return { prefix: base, lord: `${base}lord`, candidates: `${base}candidates/` };
}

export function candidateValue(id: NodeId): string {
  return JSON.stringify({ uuid: id.uuid, name: id.name, valor: id.valor });
}

/** `since`: seconds since 1970. */
export function lordValue(id: NodeId, since: number): string {
  return JSON.stringify({ uuid: id.uuid, name: id.name, valor: id.valor, since });
}

export function readDirectory(keys: DirectoryKeys, found: readonly KeyValue[]): Directory {
  const candidates: NodeId[] = [];
  let lord: LordKey | null = null;
  for (const kv of found) {
    if (kv.key === keys.lord) lord = readLord(kv);
    else if (kv.key.startsWith(keys.candidates)) {
      const id = readId(kv.value);
      if (id !== null && kv.key === `${keys.candidates}${id.uuid}`) candidates.push(id);
    }
  }
  return { lord, candidates };
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
