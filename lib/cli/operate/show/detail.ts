/** All that is known of one daemon, for people: what it does, why, and its last words. Pure. */
import { printable } from "../../shared/output.ts";
import { memorySize, momentText, processorTime, shortDuration } from "./quantity.ts";
import { exitMoment, reasonOf } from "./reason.ts";
import type { Service } from "./service.ts";
import type { TableOptions } from "./table.ts";

/** The lines have no line ends. */
export function detailLines(service: Service, { now, paint }: Pick<TableOptions, "now" | "paint">): string[] {
  const why = reasonOf(service, now);
  const state = printable(service.state);
  const facts: readonly (readonly [string, string | null])[] = [
    ["state", why === "" ? state : `${state}: ${why}`],
    ["since", sinceText(service.since, now)],
    ["pid", service.pid === null ? null : String(service.pid)],
    ["restarts", String(service.restarts)],
    ["last exit", service.lastExit === null ? null : exitMoment(service.lastExit, now)],
    ["next start", service.nextStart === null ? null : momentText(service.nextStart, now)],
    ["held", heldText(service, now)],
    ["startup", service.startup === "disabled" ? "disabled" : null],
    ["command", service.command],
    ["kind", service.kind],
    ["tags", listText(service.tags)],
    ["legion", service.legion],
    ["requires", listText(service.requires)],
    ["wanted by", listText(service.wantedBy)],
    ["uses", usesText(service)],
    ["cgroup", service.cgroup],
    ["config", service.config],
  ];
  const shown = facts.flatMap(([title, text]) =>
    text === null ? [] : [`  ${`${title}:`.padEnd(12)}${printable(text)}`]
  );
  const lines = service.lastLines.length === 0
    ? []
    : ["  last lines:", ...service.lastLines.map((line) => `    ${printable(line)}`)];
  return [paint(printable(service.name), "bold"), ...shown, ...lines];
}

function sinceText(since: number | null, now: number): string | null {
  return since === null ? null : `${momentText(since, now)} (${shortDuration((now - since) / 1000)})`;
}

function heldText({ held, name }: Service, now: number): string | null {
  if (held === null) return null;
  const when = held.at === null ? "" : ` at ${momentText(held.at, now)}`;
  return `stopped by ${held.by}${when}, until "reeve start ${name}"`;
}

function listText(names: readonly string[]): string | null {
  return names.length === 0 ? null : names.join(", ");
}

function usesText({ memory, memoryMax, cpuSeconds, tasks, descriptors }: Service): string | null {
  const parts = [
    ...(memory === null ? [] : [`memory ${memorySize(memory)}${limitText(memoryMax)}`]),
    ...(cpuSeconds === null ? [] : [`CPU ${processorTime(cpuSeconds)}`]),
    ...(tasks === null ? [] : [`${tasks} ${tasks === 1 ? "task" : "tasks"}`]),
    ...(descriptors === null ? [] : [`${descriptors} open files`]),
  ];
  return parts.length === 0 ? null : parts.join(", ");
}

function limitText(most: number | null): string {
  return most === null ? "" : ` of ${memorySize(most)}`;
}
