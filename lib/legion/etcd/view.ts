/**
 * How a node of an etcd legion is shown: in the log, by the statistics server and by `reeve legion`. Pure but
 * for the wall clock.
 */
import type { NodeId } from "../election/announcement.ts";
import type { ElectorState, Member } from "../election/elector.ts";
import type { EtcdStatus } from "./status.ts";

/**
 * etcd's own majority is the quorum: a node that holds a lease has its one vote. `url`: the server that
 * answered last.
 */
export function electorState(
  status: EtcdStatus,
  self: NodeId,
  url: string,
  urls: readonly string[],
): ElectorState {
  const { lord, candidates } = status.directory;
  const now = Math.floor(Date.now() / 1000);
  const others = candidates.filter(({ uuid }) => uuid !== self.uuid);
  return {
    id: self,
    address: url,
    nodes: urls,
    members: others.map((id): Member => ({
      ...id,
      checksum: 0n,
      lordValor: lord?.valor ?? 0,
      lordUuid: lord?.uuid ?? "",
      lord: lord?.uuid === id.uuid ? lord.since : 0,
      lastSeen: now,
      scroll: null,
    })),
    checksum: 0n,
    votes: status.lease === null ? 0 : 1,
    quorum: 1,
    lordValor: lord?.valor ?? 0,
    lordUuid: lord?.uuid ?? "",
    lordScroll: null,
    problem: status.problem,
    refused: {},
  };
}
