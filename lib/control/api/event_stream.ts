/**
 * The events as a stream of text that goes on as they come. A reader that is slower than they are is told how
 * many it has lost; it never makes anything wait, and what is kept for it is the ring alone.
 */
import type { InstanceEvent } from "../events.ts";
import type { Reply } from "../request.ts";
import { eventLine, lostLine, sentEvent } from "../views/event.ts";
import type { ControlDeps } from "./deps.ts";
import { bad, isAsked, listOf, named } from "./request_values.ts";
import type { Call } from "./route.ts";
import { until } from "./until.ts";

export function eventsReply(call: Call, deps: ControlDeps): Reply {
  const isSent = call.headers.get("accept")?.includes("text/event-stream") === true;
  const words = listOf(call, "names");
  const names = words.length === 0 ? null : new Set(named(words, deps.daemons()));
  const isFollowed = isAsked(call, "follow") || isSent;
  const after = numberOf(call.query.get("after") ?? call.headers.get("last-event-id"));
  return {
    status: 200,
    type: isSent ? "text/event-stream" : "application/x-ndjson",
    stream: follow({ after, names, isFollowed, isSent, signal: call.signal }, deps),
  };
}

interface Followed {
  /** null: all that are kept; with follow: only what comes. */
  readonly after: number | null;
  /** null: of all. */
  readonly names: ReadonlySet<string> | null;
  readonly isFollowed: boolean;
  readonly isSent: boolean;
  readonly signal: AbortSignal;
}

async function* follow(
  { after, names, isFollowed, isSent, signal }: Followed,
  { events, timers }: ControlDeps,
): AsyncGenerator<string> {
  const textOf = isSent ? sentEvent : eventLine;
  const isMeant = ({ daemon }: InstanceEvent): boolean =>
    names === null || daemon === null || names.has(daemon);
  let seq = after ?? (isFollowed ? events.next - 1 : 0);
  // A number that is known to the client alone is of an earlier reeve.
  if (seq >= events.next) seq = 0;
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const found = events.after(seq);
    const text = found.events.filter(isMeant).map(textOf).join("");
    seq = events.next - 1;
    const lost = found.lost > 0 && !(isFirst && after === null) ? lostLine(found.lost, isSent) : "";
    if (lost + text !== "") yield lost + text;
    if (!isFollowed) return;
    const came = () => events.next - 1 > seq;
    await until(came, { listen: (call) => events.listen(call), timeoutMs: null, signal, timers });
  }
}

function numberOf(written: string | null | undefined): number | null {
  if (written === null || written === undefined || written === "") return null;
  if (!/^\d{1,15}$/.test(written)) throw bad('"after" must be the number of an event');
  return Number(written);
}
