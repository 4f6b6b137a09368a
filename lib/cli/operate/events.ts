/** `reeve events`: what has happened to the daemons of an instance, and with -f what happens. */
import { EXIT } from "../shared/exit_code.ts";
import { printable } from "../shared/output.ts";
import { type Connection, namesField, pathWith } from "./connection.ts";
import { ConnectionLost } from "../../control/client.ts";
import type { OperateDeps } from "./deps.ts";
import { type Fields, fieldsOf, numberOf, textOf, timeOf } from "./show/fields.ts";
import { readDuration } from "./show/quantity.ts";
import { type OperateWords, wrong } from "./words.ts";

/** Between attempts to reach an instance whose core is being replaced. */
const AGAIN_MS = 50;
const MOST_ATTEMPTS = 100;

/** The number of an event, or a time before now. */
export type Since = { readonly number: number } | { readonly seconds: number } | null;

export async function events(
  words: OperateWords,
  connection: Connection,
  deps: OperateDeps,
): Promise<number> {
  const since = sinceOf(words.value("since"));
  const follows = words.has("follow");
  const { out, err } = deps.outputs;
  const from = since !== null && "seconds" in since ? deps.now() - since.seconds * 1000 : null;
  // Without a number what is kept is shown, or with --follow only what comes.
  let last = since === null ? null : "number" in since ? since.number : 0;
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const path = pathWith("/v1/events", {
      names: namesField(words.names),
      follow: follows ? "true" : null,
      after: last === null ? null : String(last),
    });
    try {
      for await (const line of await connection.follow(path)) {
        attempt = 0;
        const event = parse(line);
        const lost = numberOf(event["lost"]);
        if (lost !== null && lost > 0) err.line(`${lost} events are gone: only the last 1,000 are kept`);
        last = numberOf(event["id"]) ?? last;
        if (event["id"] === undefined || from !== null && (timeOf(event["time"]) ?? 0) < from) continue;
        out.line(words.isJson ? line : eventText(event));
        if (out.isClosed) return EXIT.ok;
      }
      if (!follows) return EXIT.ok;
    } catch (error) {
      if (!(error instanceof ConnectionLost) || !follows) throw error;
    }
    await deps.sleep(AGAIN_MS);
  }
  throw new ConnectionLost("the instance does not come back");
}

function parse(line: string): Fields {
  try {
    return fieldsOf(JSON.parse(line));
  } catch {
    return {};
  }
}

/** Throws CommandFailure. Pure. */
export function sinceOf(text: string | null): Since {
  if (text === null) return null;
  if (/^\d{1,15}$/.test(text)) return { number: Number(text) };
  const seconds = readDuration(text);
  if (seconds === null) {
    throw wrong(
      `cannot use --since="${printable(text)}": wanted the number of an event, or a time such as 10m`,
    );
  }
  return { seconds };
}

/** `21:12:00.120 web running > stopping (by root: restart)`, in local time. Pure. */
function eventText(event: Fields): string {
  const at = timeOf(event["time"]);
  const [daemon, from, to] = [textOf(event["service"]), textOf(event["from"]), textOf(event["to"])];
  const [by, text] = [textOf(event["by"]), textOf(event["text"])];
  const what = from !== null && to !== null ? `${from} > ${to}` : to ?? textOf(event["kind"]) ?? "";
  const reasons = [...(by === null ? [] : [`by ${by}`]), ...(text === null ? [] : [text])];
  return [
    at === null ? "-" : clockText(at),
    ...(daemon === null ? [] : [printable(daemon)]),
    printable(what),
    ...(reasons.length === 0 ? [] : [printable(`(${reasons.join("; ")})`)]),
  ].join(" ");
}

function clockText(at: number): string {
  const time = new Date(at);
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()].map((one) =>
    String(one).padStart(2, "0")
  );
  return `${parts.join(":")}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
