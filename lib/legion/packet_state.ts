/** What is shown of an election by packets. Pure. */
import type { ElectionState, Member } from "./election_types.ts";
import type { ElectorState } from "./elector.ts";
import type { PacketElectorParts } from "./packet_elector.ts";

/** `state`: null before the first round. `clock`: now, as the election counts. */
export function electorState(
  state: ElectionState | null,
  parts: Pick<PacketElectorParts, "plan" | "self" | "transport" | "refusals" | "wall">,
  clock: number,
): ElectorState {
  const { plan, self, transport, refusals } = parts;
  const seen = ({ seenAt }: Member): number => Math.floor((parts.wall() - (clock - seenAt)) / 1000);
  const lordUuid = state?.candidateUuid ?? "";
  return {
    id: { uuid: self.uuid, name: self.name, valor: plan.valor },
    address: transport.address,
    nodes: transport.nodes,
    members: (state?.members ?? []).map((member) => ({
      ...member.id,
      checksum: member.checksum,
      lordValor: member.lordValor,
      lordUuid: member.lordUuid,
      lord: member.lord,
      lastSeen: seen(member),
      scroll: member.scroll,
    })),
    checksum: state?.checksum ?? 0n,
    votes: state?.votes ?? 0,
    quorum: plan.quorum,
    lordValor: state?.candidateValor ?? 0,
    lordUuid,
    lordScroll: lordUuid === self.uuid
      ? plan.scroll
      : state?.members.find(({ id }) => id.uuid === lordUuid)?.scroll ?? null,
    problem: transport.problem ?? (state?.life === "suspended" ? "suspended after a failed lord hook" : null),
    refused: refusals.counts,
  };
}
