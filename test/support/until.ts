import { PATIENCE } from "./patience.ts";

/** Waits for a condition, looking again every few milliseconds; fails when it has not come true in time. */
export async function until(
  condition: () => boolean,
  what = condition.toString(),
  limit = 5000 * PATIENCE,
): Promise<void> {
  const end = performance.now() + limit;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`this has not come true within ${limit} ms: ${what}`);
    await Bun.sleep(2);
  }
}
