/** An election by packets as it is shown to people. Pure. */
import type { ElectionState, Member } from "../election/types.ts";
import type { ElectorState } from "../election/elector.ts";
import type { PacketElectorDeps } from "./elector.ts";

/** `state`: null before the first round. `clock`: now, as the election counts. */
export function electorState(
  state: ElectionState | null,
  deps: Pick<PacketElectorDeps, "plan" | "self" | "transport" | "refusals" | "wall">,
  clock: number,
): ElectorState {
  const { plan, self, transport, refusals } = deps;
  const seen = ({ seenAt }: Member): number => Math.floor((deps.wall() - (clock - seenAt)) / 1000);
  const lordUuid = state?.candidateUuid ?? "";
  const members = state?.members ?? [];
  const shown = scrollsWithin(plan.scrollListMaxSize, members);
  return {
    id: { uuid: self.uuid, name: self.name, valor: plan.valor },
    address: transport.address,
    nodes: transport.nodes,
    members: members.map((member, index) => ({
      ...member.id,
      checksum: member.checksum,
      lordValor: member.lordValor,
      lordUuid: member.lordUuid,
      lord: member.lord,
      lastSeen: seen(member),
      scroll: index < shown ? member.scroll : null,
    })),
    checksum: state?.checksum ?? 0n,
    votes: state?.votes ?? 0,
    quorum: plan.quorum,
    lordValor: state?.candidateValor ?? 0,
    lordUuid,
    lordScroll: lordUuid === self.uuid
      ? plan.scroll
      : members.find(({ id }) => id.uuid === lordUuid)?.scroll ?? null,
    problem: transport.problem ?? (state?.life === "suspended" ? "suspended after a failed lord hook" : null),
    refused: refusals.counts,
  };
}

/**
 * How many members have scrolls that together take no more than `size` bytes. uWSGI 2.0:
 * legion-scroll-list-max-size.
 */
function scrollsWithin(size: number, members: readonly Member[]): number {
  let sum = 0;
  for (const [index, { scroll }] of members.entries()) {
    sum += Buffer.byteLength(scroll ?? "");
    if (sum > size) return index;
  }
  return members.length;
}
