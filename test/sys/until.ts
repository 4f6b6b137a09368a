/**
 * Waits for a condition: looks again until it holds. Fails with what it waited for, never by the length of a
 * sleep.
 */
import { PATIENCE } from "../support/patience.ts";

const LIMIT = 10_000 * PATIENCE;

export async function until<Value>(
  what: string,
  look: () => Value | null | undefined | false,
): Promise<Value> {
  const started = performance.now();
  for (;;) {
    const value = look();
    if (value !== null && value !== undefined && value !== false) return value;
    if (performance.now() - started > LIMIT) throw new Error(`waited ${LIMIT} ms and yet not: ${what}`);
    await Bun.sleep(2);
  }
}
