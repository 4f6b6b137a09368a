/** The corpus side by side: what uWSGI itself flattens a configuration to, and what reeve does. */
import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { type Case, CASES, corpus, runCase } from "./corpus.ts";
import { realWorld } from "./worlds.ts";

const UWSGI = "/usr/bin/uwsgi-core";
const BEGIN = "\n;uWSGI instance configuration\n[uwsgi]\n";
const END = ";end of configuration\n";
const REFUSED = "refused\n";

const installed = await Bun.file(UWSGI).exists();
const mustWork = Bun.env["MUST_WORK"] === "1";

/** The environment of both: theirs alone, so that no variable of the machine is taken for an option. */
function environmentOf(one: Case): Record<string, string> {
  return { PATH: "/usr/bin:/bin", HOME: "/root", ...one.environment };
}

/** Lines of uWSGI's show-config, "refused" where it printed none. It is ended as soon as it has printed them. */
async function flattenWithUwsgi(one: Case): Promise<string> {
  const stdin = one.stdin === null ? "ignore" : openSync(join(CASES, one.stdin), "r");
  // no-server: it would end by itself even if nobody killed it.
  const child = spawn(UWSGI, ["--show-config", "--no-server", ...one.words], {
    cwd: CASES,
    env: environmentOf(one),
    stdio: [stdin, "pipe", "pipe"],
  });
  if (typeof stdin === "number") closeSync(stdin);
  const impatient = setTimeout(() => child.kill("SIGKILL"), 10_000);
  let text = "";
  const take = (chunk: Uint8Array): void => {
    text += new TextDecoder("utf-8").decode(chunk, { stream: true });
    if (text.includes(END)) child.kill("SIGKILL");
  };
  child.stderr?.on("data", take);
  child.stdout?.on("data", take);
  await new Promise((resolve) => child.on("close", resolve));
  clearTimeout(impatient);
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  return from < 0 || to < 0 ? REFUSED : text.slice(from + BEGIN.length, to);
}

function flattenHere(one: Case): string {
  const stdin = one.stdin;
  const world = realWorld(CASES, environmentOf(one));
  const readFile = (path: string): Uint8Array =>
    world.readFile(path === "-" && stdin !== null ? join(CASES, stdin) : path);
  const words = ["--show-config", "--no-server", ...one.words];
  const { shown, failed } = runCase({ ...one, words }, { ...world, readFile });
  return failed ? REFUSED : shown;
}

describe.skipIf(!installed && !mustWork)(
  `the corpus, flattened by ${UWSGI}${installed ? "" : " (not installed)"}`,
  () => {
    for (const one of corpus()) {
      if (one.skip !== null) continue;
      if (one.differs === null) {
        test(`${one.file}: both give the same`, async () => {
          expect(flattenHere(one)).toBe(await flattenWithUwsgi(one));
        });
      } else {
        test(`${one.file}: the results differ, since ${one.differs}`, async () => {
          expect(flattenHere(one)).not.toBe(await flattenWithUwsgi(one));
        }, 15_000);
      }
    }
  },
);
