/** The one sentence on a daemon that says why it is as it is. Pure; what it quotes is made printable. */
import { printable } from "../../shared/output.ts";
import { momentText, shortDuration } from "./quantity.ts";
import type { LastExit, Service } from "./service.ts";

/** "" where the state says all. `now`: milliseconds since 1970. */
export function reasonOf(service: Service, now: number): string {
  const { state, held, statusText, isReady, health, problem } = service;
  if (state === "running") {
    if (held !== null) return `runs on, stopped by ${printable(held.by)}`;
    if (health === "down") return "unhealthy";
    if (!isReady) return "not ready yet";
    return statusText === null ? "" : printable(statusText);
  }
  if (state === "waiting" || state === "broken") return restartText(service, now);
  if (state !== "down") return printable(statusText ?? problem ?? "");
  if (held !== null) return `stopped by ${printable(held.by)}`;
  return downReason(service);
}

function restartText({ lastExit, nextStart, streak, problem }: Service, now: number): string {
  const parts = [
    ...(problem === null || lastExit !== null ? [] : [printable(problem)]),
    ...(lastExit === null ? [] : [exitText(lastExit)]),
    ...(streak > 1 ? [`${streak} times in a row`] : []),
    ...(nextStart === null ? [] : [`next start in ${shortDuration(Math.ceil((nextStart - now) / 1000))}`]),
  ];
  return parts.join(", ");
}

const CLOSED: Readonly<Record<string, string>> = {
  jail: "waits for its jail",
  requirement: "waits for what it requires",
  shutdown: "the instance stops",
};

function downReason({ legion, isLord, closed, problem, startup, lastExit }: Service): string {
  if (legion !== null && !isLord) return `another node is the lord of legion ${printable(legion)}`;
  const waits = closed.map((gate) => CLOSED[gate]).find((text) => text !== undefined);
  if (waits !== undefined) return waits;
  if (problem !== null) return printable(problem);
  if (lastExit !== null && lastExit.reason !== "stopped") return exitText(lastExit);
  return startup === "disabled" ? "not started with the instance" : "";
}

/** `exit code 1 after 2s`, `killed by SIGKILL: out of memory`. */
function exitText({ code, signal, upSeconds, isOutOfMemory, reason }: LastExit): string {
  const how = signal !== null
    ? `killed by ${signalText(signal)}${isOutOfMemory ? ": out of memory" : ""}`
    : code !== null
    ? `exit code ${code}`
    : printable(reason ?? "ended");
  return upSeconds === null ? how : `${how} after ${shortDuration(upSeconds)}`;
}

function signalText(signal: string): string {
  return printable(/^(?:SIG|\d)/.test(signal) ? signal : `SIG${signal}`);
}

export function exitMoment(exit: LastExit, now: number): string {
  return exit.at === null ? exitText(exit) : `${exitText(exit)}, at ${momentText(exit.at, now)}`;
}
