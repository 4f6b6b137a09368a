/**
 * The environment and the arguments that reeve was started with, as bytes: the runtime puts U+FFFD for what
 * is not UTF-8, and a daemon would get that instead of its variable. Costs nothing where no U+FFFD is seen.
 * Must never fail the start: where /proc says nothing, things stay as the runtime has them.
 */
import { decodeBytes } from "../byte_text.ts";
import { readVirtual } from "../file/virtual_files.ts";

const REPLACEMENT = "\ufffd";

/**
 * Puts back, as byte text, the values of `environment` that the runtime could not read. Call before any of it
 * is changed.
 */
export function recoverEnvironment(environment: Record<string, string | undefined>): void {
  const damaged = Object.entries(environment).some(([name, value]) =>
    name.includes(REPLACEMENT) || value?.includes(REPLACEMENT)
  );
  if (!damaged) return;
  for (const entry of readStrings("/proc/self/environ")) {
    const equals = entry.indexOf("=", 1);
    if (equals < 0 || entry.isWellFormed()) continue;
    const name = entry.slice(0, equals);
    if (!name.isWellFormed()) delete environment[name.replaceAll(/[\udc80-\udcff]/gu, REPLACEMENT)];
    environment[name] = entry.slice(equals + 1);
  }
}

/**
 * The environment with which this process was started, whatever has been done to the runtime's; byte text.
 * The first of a name counts.
 */
export function ownEnvironment(): Readonly<Record<string, string>> {
  const own: Record<string, string> = {};
  for (const entry of readStrings("/proc/self/environ")) {
    const equals = entry.indexOf("=", 1);
    if (equals > 0) own[entry.slice(0, equals)] ??= entry.slice(equals + 1);
  }
  return own;
}

/**
 * The last arguments of `args`, as many as this process was started with, with those put back that the
 * runtime could not read.
 */
export function recoverArguments(args: readonly string[]): string[] {
  if (!args.some((arg) => arg.includes(REPLACEMENT))) return [...args];
  const own = readStrings("/proc/self/cmdline");
  if (own.length <= args.length) return [...args];
  return own.slice(own.length - args.length);
}

function readStrings(path: string): string[] {
  const bytes = readVirtual(path);
  if (bytes === null || bytes.length === 0) return [];
  const strings: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const found = bytes.indexOf(0, at);
    const end = found < 0 ? bytes.length : found;
    strings.push(decodeBytes(bytes.subarray(at, end)));
    at = end + 1;
  }
  return strings;
}
