/**
 * One daemon as JSON. Stable: keys are only added. A key whose feature does not exist is left out rather than
 * faked. Pure.
 */
import { signalName } from "../../sys/signal_names.ts";
import { timeText } from "../changes.ts";
import { currentOf, type ExitFacts, type ServiceFacts, type Usage } from "../service_facts.ts";

export function serviceToJson(facts: ServiceFacts, at: number): Readonly<Record<string, unknown>> {
  const { since, isUp, nextStart, held, stateSince, usage } = facts;
  return {
    name: facts.name,
    startup: facts.startup,
    current: currentOf(facts),
    ...(stateSince === null ? {} : { "current-since": timeText(stateSince) }),
    state: facts.state,
    desired: facts.desired,
    ready: isUp,
    held: held === null ? null : { by: held.by, at: timeText(held.at) },
    closed: facts.closed,
    kind: facts.kind,
    control: facts.isControl,
    pid: facts.pid === 0 ? null : facts.pid,
    "uptime-s": isUp && since !== null ? tenths(at - since) : null,
    starts: facts.starts,
    restarts: facts.respawns,
    "last-exit": facts.exit === null ? null : exitToJson(facts.exit),
    "next-start": nextStart === null ? null : timeText(nextStart),
    streak: facts.streak,
    problem: isUp ? null : facts.problem,
    legion: facts.legion,
    lord: facts.isLord,
    tags: facts.tags,
    command: facts.command,
    outdated: facts.isOlder,
    ...(usage === null ? {} : usageToJson(usage)),
    ...(facts.config === null ? {} : { config: facts.config }),
  };
}

function exitToJson({ cause, at, upMs, wasStopped }: ExitFacts): Readonly<Record<string, unknown>> {
  const isClean = cause.kind === "exited" && cause.code === 0;
  return {
    code: cause.kind === "exited" ? cause.code : null,
    signal: cause.kind === "killed" ? signalName(cause.signal) : null,
    at: at === null ? null : timeText(at),
    "up-s": upMs === null ? null : tenths(upMs),
    reason: wasStopped ? "stopped" : isClean ? "exit" : cause.kind === "unknown" ? "unknown" : "crash",
  };
}

function usageToJson({ memory, cpu, threads, descriptors }: Usage): Readonly<Record<string, unknown>> {
  return {
    memory: { current: memory },
    cpu: { "usage-s": cpu },
    tasks: threads,
    ...(descriptors === null ? {} : { descriptors }),
  };
}

/** Milliseconds as seconds with one decimal. */
function tenths(milliseconds: number): number {
  return Math.round(Math.max(0, milliseconds) / 100) / 10;
}
