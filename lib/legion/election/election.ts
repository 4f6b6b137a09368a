/**
 * The election of a legion's lord: a function of what was, what happened and when, to what is and what is to
 * be done. No clock, no socket, no process: a test can run a cluster's day in a second.
 *
 * The rules are uWSGI 2.0's (valor, greater uuid, unanimity, quorum, tolerance), so that nodes of both elect
 * the same lord. What is added holds with a quorum of two or more: votes are leases and names are promises,
 * see election/ballot.ts.
 */
import type { LegionPlan } from "../../config/plan/legion_plan.ts";
import { ElectionRound } from "./round.ts";
import { timingOf } from "./timing.ts";
import type { ElectionSettings, ElectionState, Input, Moment, Step } from "./types.ts";

/** `self`: the uuid is new with each process, the name is the host's. */
export function settingsOf(
  plan: LegionPlan,
  self: { readonly uuid: string; readonly name: string; readonly pid: number },
): ElectionSettings {
  return {
    legion: plan.name,
    self: { uuid: self.uuid, name: self.name, valor: plan.valor },
    pid: self.pid,
    quorum: Math.max(1, plan.quorum),
    freq: plan.freq * 1000,
    tolerance: plan.tolerance * 1000,
    suspension: plan.deathOnLordError === null ? null : plan.deathOnLordError * 1000,
    scroll: plan.scroll,
    scrollMaxSize: plan.scrollMaxSize,
  };
}

/** The state of a node that has heard nothing yet; the setup hooks are its first effect. */
export function startElection(settings: ElectionSettings, now: Moment): Step {
  const { clock } = now;
  const { strict, lock } = timingOf(settings);
  // The names given before a restart are not known any more: nothing is named until nobody can count on it.
  const quiet = strict ? lock : 0;
  const round = new ElectionRound({
    settings,
    life: "running",
    startedAt: clock,
    members: [],
    departed: [],
    checksum: 0n,
    namedUuid: "",
    namedValor: 0,
    candidateUuid: "",
    candidateValor: 0,
    votes: 0,
    term: 0,
    leaseEndsAt: Infinity,
    agreedAt: clock,
    holding: false,
    lock: null,
    quietUntil: clock + quiet,
    // uWSGI skips its first round, so that the others are heard: a node alone is lord after two times freq.
    electableAt: clock + Math.max(2 * settings.freq, quiet),
    deafUntil: -Infinity,
    patientUntil: -Infinity,
    candidacy: 0,
    anewUntil: -Infinity,
    suspendedUntil: -Infinity,
    readySince: null,
    joined: false,
    changed: true,
    warnedAt: -Infinity,
    crowdedAt: -Infinity,
    greatestTerm: 0,
    announceAt: clock + quiet,
    newsAt: null,
    newsTokens: 0,
    newsFilledAt: clock,
    said: null,
    wakeAt: clock,
  }, now);
  round.begin();
  return round.finish();
}

/**
 * `now.clock` never goes back. Every effect is to be carried out, in its order, before the next input is
 * given.
 */
export function step(state: ElectionState, input: Input, now: Moment): Step {
  const round = new ElectionRound(state, now);
  round.take(input);
  return round.finish();
}
