/** An event as JSON: a line of ndjson, or a server-sent event. Pure. */
import { timeText } from "../changes.ts";
import type { InstanceEvent } from "../events.ts";

function eventToJson(event: InstanceEvent): Readonly<Record<string, unknown>> {
  const { seq, at, kind, daemon, from, to, by, change, text } = event;
  return {
    id: seq,
    time: timeText(at),
    kind,
    ...(daemon === null ? {} : { service: daemon }),
    ...(from === null ? {} : { from }),
    ...(to === null ? {} : { to }),
    ...(by === null ? {} : { by }),
    ...(change === null ? {} : { change }),
    ...(text === null ? {} : { text }),
  };
}

export function eventLine(event: InstanceEvent): string {
  return `${JSON.stringify(eventToJson(event))}\n`;
}

/** As EventSource reads it. */
export function sentEvent(event: InstanceEvent): string {
  return `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(eventToJson(event))}\n\n`;
}

/** So many that were not sent, since the reader was slower than the events. */
export function lostLine(lost: number, isSent: boolean): string {
  const json = JSON.stringify({ lost });
  return isSent ? `event: lost\ndata: ${json}\n\n` : `${json}\n`;
}
