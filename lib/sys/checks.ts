/**
 * The checks that every number and string passes before it crosses into C. bun:ffi turns undefined, null, NaN
 * and {} into 0 for integer parameters and cuts strings at an inner NUL: setuid(undefined) would be root,
 * kill(undefined) our own group. Must never supply a default.
 */

import { encodeText, isByteText } from "./byte_text.ts";

/** The value, when it is an integer of minimum..maximum. Throws RangeError that names it otherwise. */
export function integer(value: unknown, what: string, minimum: number, maximum: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < minimum || value > maximum) {
    throw new RangeError(`${what} is ${shown(value)}, wanted an integer of ${minimum} to ${maximum}`);
  }
  return value;
}

/** The value, when it is true or false. Throws TypeError that names it otherwise. */
export function boolean(value: unknown, what: string): boolean {
  if (typeof value !== "boolean") throw new TypeError(`${what} is ${String(value)}, wanted a boolean`);
  return value;
}

/** The value, when it is a bigint that fits u64. */
export function unsigned64(value: unknown, what: string): bigint {
  if (typeof value !== "bigint" || value < 0n || value > 0xffff_ffff_ffff_ffffn) {
    throw new RangeError(`${what} is ${shown(value)}, wanted a bigint of 0 to 2^64-1`);
  }
  return value;
}

/** An open file descriptor's number; says nothing about whether it is open. */
export function fileDescriptor(value: unknown, what = "file descriptor"): number {
  return integer(value, what, 0, 0x7fff_ffff);
}

/** A user or group id; 2^32-1 means "unchanged" to the kernel and is refused. */
export function userId(value: unknown, what: string): number {
  return integer(value, what, 0, 0xffff_fffe);
}

/** The pid of one process: never 0 or below, which kill(2) takes for groups. */
export function processId(value: unknown, what = "pid"): number {
  return integer(value, what, 1, 0x7fff_ffff);
}

/** A signal that can be sent; 0 only asks whether the process exists. */
export function signalNumber(value: unknown, what = "signal"): number {
  return integer(value, what, 0, 64);
}

/**
 * The value, when it is a string that C can hold: no NUL, no lone surrogate but those that stand for bytes
 * (byte_text.ts).
 */
export function text(value: unknown, what: string): string {
  if (typeof value !== "string") throw new TypeError(`${what} is ${shown(value)}, wanted a string`);
  if (value.includes("\0")) throw new RangeError(`${what} ${shown(value)} holds a NUL character`);
  if (!isByteText(value)) throw new RangeError(`${what} ${shown(value)} is not well-formed Unicode`);
  return value;
}

/** A string as bytes with the closing NUL that C wants. */
export function cString(value: unknown, what: string): Uint8Array<ArrayBuffer> {
  return encodeText(`${text(value, what)}\0`);
}

function shown(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}...` : value);
  }
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
