/** The corpus side by side: what uWSGI itself flattens a configuration to, and what reeve does. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Case, CASES, corpus, runCase } from "./corpus.ts";
import { environmentOf, flattenWithUwsgi, REFUSED, UWSGI } from "./flatten_with_uwsgi.ts";
import { realWorld } from "./worlds.ts";

const skipped = !existsSync(UWSGI) && Bun.env["MUST_WORK"] !== "1";

function flattenHere(one: Case): string {
  const { stdin } = one;
  const world = realWorld(CASES, environmentOf(one.environment));
  const readFile = (path: string): Uint8Array =>
    world.readFile(path === "-" && stdin !== null ? join(CASES, stdin) : path);
  const { shown, failed } = runCase({ ...one, words: ["--show-config", ...one.words] }, {
    ...world,
    readFile,
  });
  return failed ? REFUSED : shown;
}

function flattenThere(one: Case): Promise<string> {
  return flattenWithUwsgi({ ...one, cwd: CASES, stdin: one.stdin === null ? null : join(CASES, one.stdin) });
}

describe.skipIf(skipped)(`the corpus, flattened by ${UWSGI}${skipped ? " (not installed)" : ""}`, () => {
  for (const one of corpus()) {
    if (one.skip !== null) continue;
    if (one.differs === null) {
      test(`${one.file}: both give the same`, async () => {
        expect(flattenHere(one)).toBe(await flattenThere(one));
      });
    } else {
      test(`${one.file}: the results differ, since ${one.differs}`, async () => {
        expect(flattenHere(one)).not.toBe(await flattenThere(one));
      });
    }
  }
});
