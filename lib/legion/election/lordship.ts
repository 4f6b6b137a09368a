/** How a node becomes lord, for how long it is, and how it ceases to be. */
import { ELECTION_LINES } from "./lines.ts";
import type { ElectionRound } from "./round.ts";
import type { CeaseReason } from "./types.ts";
import { announce } from "./voice.ts";
import { freshVotes, leaseEnd } from "./votes.ts";
import { memberIndex } from "./members.ts";

/** A lord without its quorum steps down in the same round, always. */
export function keepLease(round: ElectionRound): void {
  const { draft, timing, clock } = round;
  if (draft.term === 0) return;
  const { settings } = draft;
  draft.leaseEndsAt = leaseEnd(draft.members, settings.quorum, timing.lease);
  if (clock < draft.leaseEndsAt) return;
  if (draft.candidateUuid !== settings.self.uuid) return cease(round, "superseded");
  const votes = freshVotes(draft.members, timing.lease, clock);
  draft.warnedAt = clock;
  round.log("warning", ELECTION_LINES.noQuorum(votes, settings.legion, settings.quorum));
  cease(round, "quorum");
}

/** All agree on us. Whoever still runs something as lord is waited for. */
export function stand(round: ElectionRound): void {
  const { draft, timing, clock } = round;
  const { settings } = draft;
  const able = clock >= draft.electableAt &&
    (!timing.strict || freshVotes(draft.members, timing.lease, clock) >= settings.quorum);
  if (!able) {
    draft.readySince = null;
    return;
  }
  const holder = draft.departed.find(({ holding }) => holding)?.uuid ??
    draft.members.find(({ holding }) => holding)?.id.name;
  const who = holder ?? draft.members.find(({ lord }) => lord !== 0)?.id.name;
  if (who !== undefined) {
    if (draft.readySince === null) {
      draft.readySince = clock;
      round.log("info", ELECTION_LINES.waiting(settings.legion, who));
    }
    // One that holds says so until it has let go; a mere claim may be a mistake that nothing corrects.
    if (holder !== undefined || clock < draft.readySince + settings.tolerance) return;
    round.log("warning", ELECTION_LINES.overruled(settings.legion, who, clock - draft.readySince));
  }
  rise(round);
}

function rise(round: ElectionRound): void {
  const { draft, timing, clock } = round;
  const { legion, quorum } = draft.settings;
  draft.readySince = null;
  draft.term = Math.max(round.unix, draft.greatestTerm + 1);
  draft.greatestTerm = draft.term;
  draft.agreedAt = clock;
  draft.holding = false;
  draft.leaseEndsAt = leaseEnd(draft.members, quorum, timing.lease);
  round.log("info", ELECTION_LINES.attempting(legion));
  round.effect({ do: "runHooks", event: "lord", node: null });
  round.effect({ do: "becomeLord", term: draft.term });
  round.log("info", ELECTION_LINES.lord(legion));
  announce(round);
}

export function cease(round: ElectionRound, reason: CeaseReason): void {
  const { draft } = round;
  logEnd(round, reason);
  draft.term = 0;
  draft.leaseEndsAt = Infinity;
  draft.holding = true;
  round.effect({ do: "ceaseLord", reason });
  if (reason === "stopAsked") return;
  round.effect({ do: "runHooks", event: "unlord", node: null });
  if (draft.life !== "running") return;
  round.name();
  announce(round);
}

/**
 * Those who named us are free at once for the one that we name now: what they said for us until now never
 * counts again.
 */
export function standAnew(round: ElectionRound): void {
  const { draft, timing, clock } = round;
  draft.candidacy += 1;
  draft.anewUntil = clock + timing.outlast;
  draft.members = draft.members.map((member) => ({ ...member, votedAt: -Infinity }));
}

function logEnd(round: ElectionRound, reason: CeaseReason): void {
  const { draft } = round;
  const { legion, tolerance, scrollMaxSize } = draft.settings;
  if (reason === "quorum") round.log("warning", ELECTION_LINES.noLordWithoutQuorum(legion));
  if (reason === "disagreement") round.log("warning", ELECTION_LINES.disagreement(legion, tolerance));
  if (reason !== "superseded") return;
  const id = { valor: draft.candidateValor, uuid: draft.candidateUuid };
  round.log("info", ELECTION_LINES.superseded(id, legion));
  const scroll = draft.members[memberIndex(draft.members, id.uuid)]?.scroll ?? null;
  if (scroll === null || Buffer.byteLength(scroll) > scrollMaxSize) return;
  for (const line of ELECTION_LINES.scroll(scroll)) round.log("info", line);
}
