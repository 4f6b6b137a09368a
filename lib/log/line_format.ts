/**
 * One event of reeve's own log as one line of text or JSON. Pure. Everything that came from outside
 * (commands, names, paths, error texts) is escaped here and nowhere else, so that no daemon and no file name
 * can forge a line.
 */
import { escapeControls, quoteValue, safeJson } from "./escape.ts";
import { strftime } from "./strftime.ts";

export type Level = "error" | "warning" | "info" | "debug";
export type FieldValue = string | number | bigint | boolean | null;
export type Fields = Readonly<Record<string, FieldValue>>;

export interface LogEvent {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: Level;
  readonly daemon: string | null;
  readonly text: string;
  readonly fields: Fields;
}

export interface LineFormat {
  readonly format: "text" | "json";
  /** "true" and its like, or a strftime format, in front of the line instead of RFC 3339; null: RFC 3339. */
  readonly date: string | null;
  /** In front of everything; a strftime format as well, since uWSGI's log-prefix is one. */
  readonly prefix: string | null;
  readonly colour: boolean;
}

/** uWSGI's log-date without a format is ctime(3). */
const DEFAULT_DATE = "%a %b %e %H:%M:%S %Y";
const COLOURS: Readonly<Record<Level, string>> = { error: "31", warning: "33", info: "32", debug: "90" };
/** Keys of a JSON line that are reeve's; a field of the same name gets an underscore in front. */
const RESERVED = new Set(["time", "level", "daemon", "text", "prefix"]);

let shownMillisecond = Number.NaN;
let shownTime = "";

function rfc3339(time: number): string {
  if (time !== shownMillisecond) {
    shownMillisecond = time;
    shownTime = new Date(time).toISOString();
  }
  return shownTime;
}

function dateText(date: string, time: number): string {
  const format = /^(?:true|1|on|yes|)$/i.test(date) ? DEFAULT_DATE : date;
  return `${escapeControls(strftime(format, new Date(time)))} -`;
}

function formatText(event: LogEvent, how: LineFormat): string {
  const level = how.colour ? `\x1b[${COLOURS[event.level]}m${event.level}\x1b[0m` : event.level;
  const daemon = event.daemon === null ? "" : ` ${escapeControls(event.daemon)}:`;
  let line = `${how.date === null ? rfc3339(event.time) : dateText(how.date, event.time)} ${level}${daemon} ${
    escapeControls(event.text)
  }`;
  if (how.prefix !== null) line = `${escapeControls(strftime(how.prefix, new Date(event.time)))} ${line}`;
  for (const key in event.fields) {
    line += ` ${escapeControls(key)}=${quoteValue(String(event.fields[key]))}`;
  }
  return line;
}

function formatJson(event: LogEvent, how: LineFormat): string {
  const object: Record<string, unknown> = { time: rfc3339(event.time), level: event.level };
  if (how.prefix !== null) object["prefix"] = strftime(how.prefix, new Date(event.time));
  if (event.daemon !== null) object["daemon"] = event.daemon;
  object["text"] = event.text;
  for (const key in event.fields) {
    const value = event.fields[key];
    object[RESERVED.has(key) ? `_${key}` : key] = typeof value === "bigint" ? String(value) : value;
  }
  return safeJson(object);
}

/** The line with its newline at the end and none before. */
export function formatLine(event: LogEvent, how: LineFormat): string {
  return `${how.format === "json" ? formatJson(event, how) : formatText(event, how)}\n`;
}
