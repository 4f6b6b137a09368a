/**
 * The change that an announcement makes in what is known of the others. Must never trust more in it than it
 * says: a node speaks for itself alone.
 */
import type { Announcement, NodeId } from "./announcement.ts";
import { ELECTION_LINES } from "./lines.ts";
import type { ElectionRound } from "./round.ts";
import { FAR_FUTURE_S, MOST_MEMBERS, WARNING_INTERVAL_MS } from "./timing.ts";
import type { Member } from "./types.ts";
import { isSameNode, memberIndex, withMember, withoutMember } from "./members.ts";

export function hear(round: ElectionRound, announcement: Announcement): void {
  const { draft } = round;
  const { id, lord } = announcement;
  // Our own, come back by multicast; or somebody who took our uuid.
  if (id.uuid === draft.settings.self.uuid || id.uuid === "" || id.name === "") return;
  if (lord > draft.greatestTerm && lord <= round.unix + FAR_FUTURE_S) draft.greatestTerm = lord;
  if (announcement.dead) hearDead(round, announcement);
  else hearAlive(round, announcement);
}

function hearDead(round: ElectionRound, { id, unix, holding = false }: Announcement): void {
  const { draft, clock } = round;
  // Should it come back, it stands anew.
  if (draft.lock?.uuid === id.uuid) draft.lock = null;
  const known = draft.members[memberIndex(draft.members, id.uuid)];
  const before = draft.departed.find(({ uuid }) => uuid === id.uuid);
  if (known === undefined && before === undefined && !holding) return;
  if (known !== undefined) {
    round.log("info", ELECTION_LINES.died(known.id, draft.settings.legion));
    draft.members = withoutMember(draft.members, id.uuid);
    round.recount = true;
  }
  // A packet that came late does not take back the last word.
  const holds = holding && (before === undefined || before.holding);
  const others = draft.departed.filter(({ uuid }) => uuid !== id.uuid);
  const departed = { uuid: id.uuid, unix: Math.max(unix, before?.unix ?? 0), seenAt: clock, holding: holds };
  draft.departed = [...others, departed].slice(-MOST_MEMBERS);
}

function hearAlive(round: ElectionRound, announcement: Announcement): void {
  const { draft, clock } = round;
  const { id, unix, lordUuid } = announcement;
  const departed = draft.departed.find(({ uuid }) => uuid === id.uuid);
  if (departed !== undefined) {
    if (unix <= departed.unix) return;
    draft.departed = draft.departed.filter(({ uuid }) => uuid !== id.uuid);
  }
  const known = knownAs(round, id);
  if (known === undefined && !admit(round, id)) return;
  const deaf = clock < draft.deafUntil;
  const votes = lordUuid === draft.settings.self.uuid && counts(round, announcement.votedCandidacy ?? 0);
  const candidacy = Math.max(announcement.candidacy ?? 0, known?.candidacy ?? 0);
  const member: Member = {
    id,
    seenAt: clock,
    heardAt: deaf ? known?.heardAt ?? -Infinity : clock,
    votedAt: votes ? (deaf ? known?.votedAt ?? -Infinity : clock) : -Infinity,
    checksum: announcement.checksum,
    lord: announcement.lord,
    lordValor: announcement.lordValor,
    lordUuid,
    holding: announcement.holding === true,
    candidacy,
    scroll: announcement.scroll,
  };
  draft.members = withMember(draft.members, member);
  if (known === undefined) {
    round.recount = true;
    round.effect({ do: "runHooks", event: "node-joined", node: id });
  }
  // It stands anew: what we said for it does not count any more.
  if (draft.lock?.uuid === id.uuid && candidacy > draft.lock.candidacy) draft.lock = null;
}

/**
 * Whether a vote with this candidacy is one for us as we stand now. uWSGI's name none, nor do those who know
 * of none.
 */
function counts({ draft, clock }: ElectionRound, candidacy: number): boolean {
  return candidacy === draft.candidacy || (candidacy === 0 && clock >= draft.anewUntil);
}

/** The member of this uuid; one that has changed its name or valor is another, and the old one is gone. */
function knownAs(round: ElectionRound, id: NodeId): Member | undefined {
  const { draft } = round;
  const known = draft.members[memberIndex(draft.members, id.uuid)];
  if (known === undefined || isSameNode(known.id, id)) return known;
  round.log("info", ELECTION_LINES.left(known.id, draft.settings.legion));
  round.effect({ do: "runHooks", event: "node-left", node: known.id });
  draft.members = withoutMember(draft.members, id.uuid);
  return undefined;
}

function admit(round: ElectionRound, id: NodeId): boolean {
  const { draft, clock } = round;
  const { legion } = draft.settings;
  if (draft.members.length < MOST_MEMBERS) {
    round.log("info", ELECTION_LINES.joined(id, legion));
    return true;
  }
  if (clock >= draft.crowdedAt + WARNING_INTERVAL_MS) {
    draft.crowdedAt = clock;
    round.log("warning", ELECTION_LINES.crowded(legion, MOST_MEMBERS));
  }
  return false;
}
