/**
 * Values of options: booleans, numbers, durations, sizes. Pure. As in uWSGI the leading number counts,
 * with a warning that says so ("10x" is 10); a value without one is an error.
 */
import type { Diagnostics } from "../diagnostic.ts";
import type { RawOption } from "../origin.ts";
import { quote } from "../problem.ts";
import { beforeComment, NO_COMMENTS } from "./comment.ts";

/** uWSGI: `false`, `off`, `no` in any case, and `0`, are off; everything else, the empty value too, is on. */
export function parseBoolean(value: string): boolean {
  return !/^(false|off|no|0)$/i.test(value);
}

/**
 * Whether it is plainly one or the other: an option without a value is "true", a number counts as in uWSGI.
 */
export function isBoolean(value: string): boolean {
  return /^(?:true|on|yes|false|off|no|[0-9]*)$/i.test(value);
}

export interface Range {
  readonly least?: number;
  readonly most?: number;
}

/**
 * A whole number in base 10, by default 0 or more; null after an error. uWSGI: blanks in front are skipped,
 * an empty value is 0, an option without a value is 1.
 */
export function parseInteger(option: RawOption, diagnostics: Diagnostics, range: Range = {}): number | null {
  const text = option.value.trim();
  if (text === "true") return within(1, option, diagnostics, range);
  if (text === "") return within(0, option, diagnostics, range);
  const value = readNumber(option, /^[+-]?[0-9]+/, wholeNumber, diagnostics);
  if (value === null) return refuse(option, "a whole number", diagnostics);
  return within(value, option, diagnostics, range);
}

const SECONDS: Readonly<Record<string, number>> = { "": 1, ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds: a number, also with a fraction, and one of the units ms s m h d; null after an error. */
export function parseDuration(option: RawOption, diagnostics: Diagnostics): number | null {
  const seconds = readNumber(option, /^[0-9]+(?![0-9.])/, secondsOf, diagnostics);
  if (seconds === null) {
    return refuse(option, 'a time in seconds, or with a unit ("500ms", "10m")', diagnostics);
  }
  return within(seconds, option, diagnostics, {});
}

const BYTES: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Bytes: a whole number, also with one of the units K M G T (of 1024); null after an error. */
export function parseSize(option: RawOption, diagnostics: Diagnostics): number | null {
  const bytes = readNumber(option, /^[0-9]+(?![0-9.])/, bytesOf, diagnostics);
  if (bytes === null) return refuse(option, 'a number of bytes, or with a unit ("10M")', diagnostics);
  return within(bytes, option, diagnostics, { most: Number.MAX_SAFE_INTEGER });
}

/** A mode or umask in octal, at most 7777; null after an error. */
export function parseMode(option: RawOption, diagnostics: Diagnostics): number | null {
  return readNumber(option, /^[0-7]{1,4}(?![0-9])/, modeOf, diagnostics) ??
    refuse(option, 'an octal number such as "022"', diagnostics);
}

/**
 * The result of `read` for the value; where it is too long for that, of what stands before a comment in it,
 * and else of the number at its beginning, with a warning. null, and no word, where there is none.
 */
export function readNumber(
  option: RawOption,
  leading: RegExp,
  read: (text: string) => number | null,
  diagnostics: Diagnostics,
): number | null {
  const text = option.value.trim();
  const whole = read(text);
  if (whole !== null) return whole;
  const front = beforeComment(text);
  for (const part of [front, leading.exec(text)?.[0] ?? null]) {
    const value = part === null ? null : read(part);
    if (value === null) continue;
    const why = front === null ? "write nothing behind it" : NO_COMMENTS;
    diagnostics.warning(
      `of ${quote(option.name)} only ${quote(part ?? "")} counts, not all of ${quote(text)}: ${why}`,
      option.origin,
    );
    return value;
  }
  return null;
}

/** Digits with or without a sign; null for anything else. */
export function wholeNumber(text: string): number | null {
  return /^[+-]?[0-9]+$/.test(text) ? Number(text) : null;
}

function secondsOf(text: string): number | null {
  const parts = /^([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)?$/.exec(text);
  return parts === null ? null : Number(parts[1]) * (SECONDS[parts[2] ?? ""] ?? 1);
}

function bytesOf(text: string): number | null {
  const parts = /^([0-9]+)\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  return parts === null ? null : Number(parts[1]) * (BYTES[(parts[2] ?? "").toLowerCase()] ?? 1);
}

function modeOf(text: string): number | null {
  return /^(0o?)?[0-7]{1,4}$/.test(text) ? parseInt(text.replace(/^0o/, ""), 8) : null;
}

function within(
  value: number,
  option: RawOption,
  diagnostics: Diagnostics,
  { least = 0, most = 0x7fffffff }: Range,
): number | null {
  if (value >= least && value <= most) return value;
  diagnostics.error(
    `value ${quote(option.value)} of ${quote(option.name)} is out of range: ${least} to ${most} is allowed`,
    option.origin,
  );
  return null;
}

function refuse(option: RawOption, wanted: string, diagnostics: Diagnostics): null {
  diagnostics.error(`${quote(option.name)} takes ${wanted}, not ${quote(option.value)}`, option.origin);
  return null;
}
