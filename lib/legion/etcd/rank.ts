/**
 * Which of two candidates is the better lord: higher valor first, then the greater uuid, byte by byte, as in
 * uWSGI's elections.
 */
import type { NodeId } from "../election/announcement.ts";

export function outranks(other: NodeId, self: NodeId): boolean {
  if (other.valor <= 0) return false;
  if (other.valor !== self.valor) return other.valor > self.valor;
  return other.uuid > self.uuid;
}
