/**
 * The other nodes of a legion: who is there, who is the best of them, and the sum that tells whether two
 * nodes know the same ones. Pure; lists are never changed, only replaced.
 */
import type { NodeId } from "./announcement.ts";
import type { Member } from "./types.ts";

/** The higher valor, then the greater uuid, byte by byte (uuids are ASCII). Positive: `a` goes before `b`. */
function compareStanding(a: NodeId, b: NodeId): number {
  if (a.valor !== b.valor) return a.valor - b.valor;
  if (a.uuid === b.uuid) return 0;
  return a.uuid > b.uuid ? 1 : -1;
}

/** uWSGI 2.0 tells members apart by all three. */
export function isSameNode(a: NodeId, b: NodeId): boolean {
  return a.uuid === b.uuid && a.valor === b.valor && a.name === b.name;
}

export function memberIndex(members: readonly Member[], uuid: string): number {
  for (let index = 0; index < members.length; index++) {
    if (members[index]!.id.uuid === uuid) return index;
  }
  return -1;
}

export function withMember(members: readonly Member[], member: Member): readonly Member[] {
  const index = memberIndex(members, member.id.uuid);
  if (index < 0) return [...members, member];
  const next = members.slice();
  next[index] = member;
  return next;
}

export function withoutMember(members: readonly Member[], uuid: string): readonly Member[] {
  return members.filter((member) => member.id.uuid !== uuid);
}

/**
 * The node that should be lord: the best that is no arbiter (valor 0); `self` is null when it does not stand.
 */
export function bestCandidate(self: NodeId | null, members: readonly Member[]): NodeId | null {
  let best = self !== null && self.valor > 0 ? self : null;
  for (const { id } of members) {
    if (id.valor > 0 && (best === null || compareStanding(id, best) > 0)) best = id;
  }
  return best;
}

/** uWSGI 2.0: the sum of all valors and of all bytes of all uuids, our own included, in 64 bits. */
export function checksumOf(self: NodeId, members: readonly Member[]): bigint {
  let sum = shareOf(self);
  for (const { id } of members) sum += shareOf(id);
  return BigInt.asUintN(64, sum);
}

function shareOf({ valor, uuid }: NodeId): bigint {
  let bytes = 0;
  for (let index = 0; index < uuid.length; index++) bytes += uuid.charCodeAt(index);
  return BigInt(valor) + BigInt(bytes);
}

export function kindOf({ valor }: NodeId): "node" | "arbiter" {
  return valor > 0 ? "node" : "arbiter";
}
