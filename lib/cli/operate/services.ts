/** The daemons of an instance as they are, and as they become: told by its events, never asked on a clock. */
import { type Connection, namesField, pathWith, resultOf } from "./connection.ts";
import { ConnectionLost } from "../../control/client.ts";
import type { OperateDeps } from "./deps.ts";
import { type Fields, listOf } from "./show/fields.ts";
import { readService, type Service } from "./show/service.ts";

/** Events that come in this time after one are shown with it. */
const GATHER_MS = 30;
/** Between attempts to reach an instance whose core is being replaced. */
const AGAIN_MS = 50;
const MOST_ATTEMPTS = 100;

/** As the instance has them. Throws CommandFailure. */
export async function askServices(
  connection: Connection,
  names: readonly string[],
): Promise<readonly Fields[]> {
  const answer = await connection.ask("GET", pathWith("/v1/services", { names: namesField(names) }));
  return listOf(resultOf(answer).result);
}

export function readServices(list: readonly Fields[]): readonly Service[] {
  return list.flatMap((fields) => readService(fields) ?? []);
}

/**
 * What `look` finds, now and whenever something has happened to a daemon; ends when the consumer ends it. An
 * instance that reads its configuration anew is waited for.
 */
export async function* watch<T>(
  connection: Connection,
  look: () => Promise<T>,
  { sleep }: Pick<OperateDeps, "sleep">,
): AsyncGenerator<T> {
  for (let attempt = 0;; attempt++) {
    try {
      // The stream first: what happens between the two is not missed.
      const stream = await connection.follow("/v1/events?follow=true");
      const events = stream[Symbol.asyncIterator]();
      try {
        let next = events.next();
        yield await look();
        attempt = 0;
        while ((await next).done !== true) {
          ({ next } = await gathered(events, sleep));
          yield await look();
        }
      } finally {
        await events.return?.();
      }
    } catch (error) {
      if (!(error instanceof ConnectionLost) || attempt >= MOST_ATTEMPTS) throw error;
    }
    await sleep(AGAIN_MS);
  }
}

/** Takes what comes within a moment. -> the first event after that. */
async function gathered(
  events: AsyncIterator<string>,
  sleep: OperateDeps["sleep"],
): Promise<{ readonly next: Promise<IteratorResult<string>> }> {
  const moment = sleep(GATHER_MS).then(() => null);
  for (;;) {
    const next = events.next();
    const first = await Promise.race([next, moment]);
    if (first === null || first.done === true) return { next };
  }
}
