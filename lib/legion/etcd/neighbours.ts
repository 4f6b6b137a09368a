/** The other nodes of an etcd legion: who has come and who has gone since the last look. Pure. */
import type { NodeId } from "../election/announcement.ts";

export class EtcdNeighbours {
  readonly #self: NodeId;
  #known = new Map<string, NodeId>();

  constructor(self: NodeId) {
    this.#self = self;
  }

  compare(candidates: readonly NodeId[]): { readonly id: NodeId; readonly isHere: boolean }[] {
    const others = candidates.filter(({ uuid }) => uuid !== this.#self.uuid);
    const now = new Map(others.map((id) => [id.uuid, id]));
    const before = this.#known;
    this.#known = now;
    return [
      ...others.filter(({ uuid }) => !before.has(uuid)).map((id) => ({ id, isHere: true })),
      ...[...before.values()].filter(({ uuid }) => !now.has(uuid)).map((id) => ({ id, isHere: false })),
    ];
  }
}
