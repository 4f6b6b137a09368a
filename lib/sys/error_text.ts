/** The text of anything thrown, for a message. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Where in reeve's code a fault was thrown, as `FILE:LINE:COLUMN` within the executable: enough to find it,
 * where a stack of minified names is noise in a log. null: it does not say, or it is no fault of ours.
 */
export function faultPlace(error: unknown): string | null {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  return /^\s+at .*?([^/\s(]+:\d+:\d+)\)?$/m.exec(stack)?.[1] ?? null;
}
