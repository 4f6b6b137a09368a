/** Lengths of time, amounts of memory and moments, as short as a column of a table wants them. Pure. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `12s`, `3m12s`, `3h12m`, `5d3h`: two units at most. */
export function shortDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < MINUTE) return `${whole}s`;
  if (whole < HOUR) return pair(whole, MINUTE, "m", 1, "s");
  if (whole < DAY) return pair(whole, HOUR, "h", MINUTE, "m");
  return pair(whole, DAY, "d", HOUR, "h");
}

function pair(whole: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((whole % large) / small);
  return `${Math.floor(whole / large)}${largeName}${rest === 0 ? "" : `${rest}${smallName}`}`;
}

/** Time of the processor: `0.4s`, `12.7s`, then as shortDuration. */
export function processorTime(seconds: number): string {
  return seconds < MINUTE ? `${Math.floor(seconds * 10) / 10}s` : shortDuration(seconds);
}

/** `900B`, `4.2M`, `70M`, `1.5G`: powers of 1,024. */
export function memorySize(bytes: number): string {
  let value = Math.max(0, bytes);
  for (const unit of ["B", "K", "M", "G"]) {
    if (value < 1023.5) return `${rounded(value, unit)}${unit}`;
    value /= 1024;
  }
  return `${rounded(value, "T")}T`;
}

function rounded(value: number, unit: string): string {
  return value < 9.95 && unit !== "B" ? String(Math.round(value * 10) / 10) : String(Math.round(value));
}

/** Local: the time of day where it is of the same day as `now`, else the date before it. */
export function momentText(at: number, now: number): string {
  const [moment, today] = [new Date(at), new Date(now)];
  const time = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(twoDigits).join(":");
  const date = (of: Date): string =>
    `${of.getFullYear()}-${twoDigits(of.getMonth() + 1)}-${twoDigits(of.getDate())}`;
  return date(moment) === date(today) ? time : `${date(moment)} ${time}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}

/** `90s`, `2m`, `1h30m`, `500ms`, `2.5`: seconds where no unit is said; null: it is no length of time. */
export function readDuration(text: string): number | null {
  const units: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: MINUTE, h: HOUR, d: DAY };
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)) return null;
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g);
  return [...parts].reduce((sum, [, number, unit = "s"]) => sum + Number(number) * (units[unit] ?? 1), 0);
}
