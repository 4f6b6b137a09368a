/**
 * Random commands in shell syntax side by side with uWSGI: what it leaves for the shell, reeve leaves as
 * well. Only `$(NAME:-default)`, which came after uWSGI 2.0, and a `%(...)` at the very start of a value are
 * not generated. `SHELL_TEXTS=10000` compares more of them; `SHELL_SEED=N` repeats a run.
 */
import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCase } from "./corpus.ts";
import { environmentOf, flattenWithUwsgiNow, REFUSED, UWSGI } from "./flatten_with_uwsgi.ts";
import { realWorld } from "./worlds.ts";

const skipped = !existsSync(UWSGI) && Bun.env["MUST_WORK"] !== "1";
const wanted = Number(Bun.env["SHELL_TEXTS"] ?? 500);
const seed = Number(Bun.env["SHELL_SEED"] ?? Date.now() % 0x7fffffff);
const cwd = mkdtempSync(join(tmpdir(), "reeve-shell-"));
afterAll(() => rmSync(cwd, { recursive: true }));

/** How many texts one run of uWSGI is asked about. */
const AT_ONCE = 100;
const FIRST_LINES = "aa = 1\nbb = 2\n";
const environment = { EE: "e", FF: "f-$(EE)", EMPTY: "", "my-variable": "m", "a b": "blank" };

const program = fc.constantFrom(
  ..."cat|hostname|id|redis-cli|date|kill -HUP|sh -c|env|echo|[|awk|printf|exec|su-exec|a.b|EE|NOPE"
    .split("|"),
);
const word = fc.constantFrom(
  ..."-f|-u|--pid-file=/run/x-y.pid|-|--| :-x|/run/my-shop/worker.pid|$HOME|${HOME}|${EE:-x}|${NO:-a b}|$1|$$|$?|$!"
    .split("|"),
  ..."'a b'|\"a b\"|a:b|a=b|user@host|*.c|{1,2}|~|#x|; #|%%s|%%Y-%%m|%n|%z|100%|@|$|\\$|\\\\|(|)|()|[a]|\"|'|`id`|résumé"
    .split("|"),
  ..."%%(x)|%(aa)|%(nope)|%(aa bb)|%(aa + bb)|%(a%(bb))|@(one.txt)|@(user@host)|@()|$()|$(())|$((1 - 2))"
    .split("|"),
  ..."$(EE)|$(EE-x)|$(NOPE)|$(NOPE-x)|$(EMPTY)|$(EMPTY-x)|$(FF)|$(my-variable)|$(a b)|$( EE)|$(EE )|$(:-x)"
    .split("|"),
  ..."$(hostname -f)|$(id -u)|$(redis-cli)|$(cat /run/my-shop/worker.pid)|$(a:-b|;|&&|&|>|2>&1|<".split("|"),
);
const opening = fc.constantFrom("$(", "$(", "$(", "(", "$((", "%(", "@(", '"', "`");
const closing = fc.constantFrom(")", ")", ")", ")", "))", '"', "`", "");
const joint = fc.constantFrom(" ", " ", " ", "");

const { text } = fc.letrec<{ text: string; part: string }>((tie) => ({
  text: fc.tuple(program, joint, fc.array(tie("part"), { maxLength: 5 }))
    .map(([first, blank, parts]) => [first, ...parts].join(blank)),
  part: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 3, arbitrary: word },
    { weight: 2, arbitrary: fc.tuple(opening, tie("text"), closing).map((parts) => parts.join("")) },
  ),
}));
const command = text.filter((one) => !/\$\([A-Za-z_]\w*:-/.test(one));

interface Answers {
  readonly here: string;
  readonly there: string;
}

function flatten(texts: readonly string[]): Answers {
  writeFileSync(join(cwd, "one.txt"), "ONE\n");
  const lines = texts.map((one, at) => `T${at} = ${one}\n`).join("");
  writeFileSync(join(cwd, "texts.ini"), `[uwsgi]\n${FIRST_LINES}${lines}`);
  const words = ["--ini", "texts.ini"];
  const here = runCase({ words: ["--show-config", ...words] }, realWorld(cwd, environmentOf(environment)));
  return {
    here: here.failed ? REFUSED : here.shown,
    there: flattenWithUwsgiNow({ words, cwd, environment }),
  };
}

/**
 * The texts that come out differently. One that is refused hides the others of its file, which are asked
 * again.
 */
function different(texts: readonly string[]): readonly string[] {
  const { here, there } = flatten(texts);
  if (here === there && (texts.length === 1 || here !== REFUSED)) return [];
  if (texts.length === 1) return [`${texts[0]}\n  reeve: ${here}\n  uWSGI: ${there}`];
  const half = texts.length >> 1;
  return [...different(texts.slice(0, half)), ...different(texts.slice(half))];
}

test.skipIf(skipped)(
  `${wanted} commands (SHELL_SEED=${seed}) are as ${UWSGI} leaves them${skipped ? " (not installed)" : ""}`,
  () => {
    const texts = fc.sample(command, { seed, numRuns: wanted });
    const found: string[] = [];
    for (let at = 0; at < texts.length; at += AT_ONCE) {
      found.push(...different(texts.slice(at, at + AT_ONCE)));
    }
    expect(found).toEqual([]);
  },
  600_000,
);
