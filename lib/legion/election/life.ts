/**
 * A node takes leave of its legion, for a while after a failed lord hook or for good, and what it ran is
 * gone.
 */
import { ELECTION_LINES } from "./lines.ts";
import { cease, standAnew } from "./lordship.ts";
import type { ElectionRound } from "./round.ts";
import { announceDeath } from "./voice.ts";

/**
 * uWSGI 2.0: legion-death-on-lord-error. Other than there the unlord hooks follow, and it comes back as one
 * that lives.
 */
export function suspend(round: ElectionRound): void {
  const { draft, clock } = round;
  const { settings } = draft;
  if (draft.term === 0 || draft.life !== "running") return;
  if (settings.suspension === null) return round.log("error", ELECTION_LINES.hookFailed(settings.legion));
  draft.life = "suspended";
  draft.suspendedUntil = clock + settings.suspension;
  cease(round, "hookFailed");
  round.log("warning", ELECTION_LINES.suspended(settings.legion, settings.suspension));
  announceDeath(round);
}

export function resume(round: ElectionRound): void {
  const { draft, clock } = round;
  draft.life = "running";
  standAnew(round);
  draft.announceAt = clock;
  round.recount = true;
  round.log("info", ELECTION_LINES.resumed(draft.settings.legion));
}

/** The others know it before the daemons are stopped; that these have ended is told by the last packet. */
export function leave(round: ElectionRound): void {
  const { draft } = round;
  if (draft.life === "leaving") return;
  draft.life = "leaving";
  const wasLord = draft.term !== 0;
  draft.holding ||= wasLord;
  draft.term = 0;
  announceDeath(round);
  if (wasLord) cease(round, "stopAsked");
  round.effect({ do: "runHooks", event: "death", node: null });
}

export function release(round: ElectionRound): void {
  const { draft } = round;
  if (!draft.holding) return;
  draft.holding = false;
  if (draft.life !== "running") announceDeath(round);
}
