/**
 * When a node speaks, and what it says: at every freq, and at once when it has news, though never in a storm.
 */
import type { Announcement } from "./announcement.ts";
import type { ElectionRound } from "./round.ts";
import { NEWS_BURST, NEWS_SHARE } from "./timing.ts";
import type { ElectionState } from "./types.ts";
import { memberIndex } from "./members.ts";

export function speak(round: ElectionRound): void {
  const { draft, clock } = round;
  if (clock < draft.quietUntil) return;
  if (clock >= draft.announceAt) return announce(round);
  if (!hasNews(draft)) {
    draft.newsAt = null;
    return;
  }
  const pause = NEWS_SHARE * draft.settings.freq;
  const tokens = Math.min(NEWS_BURST, draft.newsTokens + (clock - draft.newsFilledAt) / pause);
  draft.newsTokens = tokens;
  draft.newsFilledAt = clock;
  if (tokens < 1) {
    draft.newsAt = clock + (1 - tokens) * pause;
    return;
  }
  draft.newsTokens = tokens - 1;
  announce(round);
}

/** Out of turn too: what becomes or ceases to be lord does not wait. */
export function announce(round: ElectionRound): void {
  const { draft, clock } = round;
  const announcement = announcementOf(draft, round.unix);
  const { lordUuid } = announcement;
  if (lordUuid !== "" && lordUuid !== draft.settings.self.uuid) {
    draft.lock = { uuid: lordUuid, candidacy: announcement.votedCandidacy ?? 0, at: clock };
  }
  draft.announceAt = clock + draft.settings.freq;
  draft.newsAt = null;
  draft.said = announcement;
  round.effect({ do: "announce", announcement });
}

export function announceDeath(round: ElectionRound): void {
  const { draft } = round;
  // One that never said that it lives has no death to announce.
  if (draft.said === null) return;
  announce(round);
  // Nobody repeats the last word: twice, since a packet may be lost.
  if (!draft.holding) announce(round);
}

/** While what it ran as lord is still there, a dead node says so. */
export function repeatDeath(round: ElectionRound): void {
  const { draft, clock } = round;
  if (!draft.holding) draft.announceAt = Infinity;
  else if (clock >= draft.announceAt) announceDeath(round);
}

function announcementOf(state: ElectionState, unix: number): Announcement {
  const { settings } = state;
  const dead = state.life !== "running";
  const named = dead ? undefined : state.members[memberIndex(state.members, state.namedUuid)];
  const votedCandidacy = named?.candidacy ?? 0;
  return {
    legion: settings.legion,
    id: settings.self,
    pid: settings.pid,
    unix,
    lord: state.term,
    checksum: state.checksum,
    lordValor: dead ? 0 : state.namedValor,
    lordUuid: dead ? "" : state.namedUuid,
    scroll: settings.scroll,
    dead,
    ...(state.holding ? { holding: true } : {}),
    ...(state.candidacy > 0 ? { candidacy: state.candidacy } : {}),
    ...(votedCandidacy > 0 ? { votedCandidacy } : {}),
  };
}

/** Something else than what was said last. Of a node that lives: death is announced when it comes. */
function hasNews({ said, checksum, namedUuid, term, holding }: ElectionState): boolean {
  return said === null || said.dead || said.lordUuid !== namedUuid || said.lord !== term ||
    said.checksum !== checksum || (said.holding === true) !== holding;
}
