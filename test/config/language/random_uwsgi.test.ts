/**
 * Random configurations side by side with uWSGI: where reeve has no error to report, both flatten them to the
 * same. What is known to differ is not generated: a reference at the very start of a value, one inside a sum
 * or a name that comes later, a "%(" that only a value closes, a "%" at the end of a line.
 */
import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCase } from "./corpus.ts";
import { environmentOf, flattenWithUwsgiNow, UWSGI } from "./flatten_with_uwsgi.ts";
import { realWorld } from "./worlds.ts";

const skipped = !existsSync(UWSGI) && Bun.env["MUST_WORK"] !== "1";
const cwd = mkdtempSync(join(tmpdir(), "reeve-config-"));
afterAll(() => rmSync(cwd, { recursive: true }));

const FILES = {
  "one.txt": "ONE\n",
  "lines.txt": "l1\nl2\n\nl3",
  "include.ini":
    "[uwsgi]\nincluded = %s %n\nenv = %(aa)I\nif-env = EE\nenv = %(_)\nendif =\n[two]\ntwo = %x\n",
  "inherit.ini": "[uwsgi]\ninherited = %s %n\nenv = %(aa)I\n",
  "in-block.ini": "[uwsgi]\nblock = %(_)\n",
};
const environment = { EE: "e", FF: "f%(aa)" };

const oneOf = (text: string): fc.Arbitrary<string> => fc.constantFrom(...text.split("|"));
const name = oneOf("aa|bb|cc|dd|env|chdir|foo");
const piece = oneOf(
  "1|x|-3|a b c||x=y|(q)|w) |/tmp|'q'|%%|a%%b|%-|%z|%n|%s|%x|$(EE)|q$(FF)|$(NO)|@(one.txt)|" +
    "%(aa)|%(bb)|%(cc)|z%(dd)|%(zz)|%(_)|%(a%(nn))|%(aa bb)|%(nn + 1)|%(n2 * 2 - nn)|%(nn ++)",
);
const value = fc.tuple(oneOf("1|v|7"), fc.array(piece, { maxLength: 3 }), oneOf("| |-"))
  .map(([first, pieces, joint]) => first + pieces.join(joint));
const blank = oneOf("|  |\t");
const setting = fc.tuple(blank, name, blank, blank, value, blank)
  .map(([before, key, left, right, text, after]) => `${before}${key}${left}=${right}${text}${after}`);
/**
 * What sums are made of, and names inside names: uWSGI uses the text of a reference that comes later as it
 * stands.
 */
const number = fc.tuple(oneOf("nn|n2"), oneOf("1|-3|22|9x|x|")).map(([key, text]) => `${key} = ${text}`);
const other = fc.oneof(
  number,
  fc.tuple(oneOf("set|set-ph"), oneOf("aa|bb|foo"), value).map(([option, key, text]) =>
    `${option} = ${key}=${text}`
  ),
  oneOf("include = include.ini|ini = include.ini:two|inherit = inherit.ini|; %z|# x|[other]||[uwsgi]|foo|nn"),
  oneOf("1|a b||%(aa)").map((words) => `declare-option = own=env=$1-$2;foo=$1\nown = ${words}`),
);
const opening = oneOf(
  "for = a b|for = 1|for =|for-times = 2|for-glob = *.txt|for-glob = no*|for-readline = lines.txt|" +
    "if-env = EE|if-env = NO|if-env = EE=e|if-not-env = EE|if-not-env = NO|if-opt = aa|if-opt = aa=1|if-not-opt = aa|" +
    "if-not-opt = foo|if-exists = one.txt|if-not-exists = one.txt|if-file = one.txt|if-dir = /tmp|if-reload =|" +
    "if-not-reload|if-hostname = %h|if-plugin = foo",
);
const inBlock = fc.oneof(
  fc.tuple(oneOf("env|foo|aa|set = bb|set-ph = dd"), value).map(([key, text]) => `${key}=${text}`),
  fc.constant("include = in-block.ini"),
);
const block = fc.tuple(
  opening,
  fc.array(inBlock, { maxLength: 3 }),
  oneOf("end =|endif|endfor =|end-if =|end-for ="),
)
  .map(([open, lines, end]) => [open, ...lines, end].join("\n"));
const file = fc.array(
  fc.oneof({ weight: 6, arbitrary: setting }, { weight: 2, arbitrary: other }, {
    weight: 2,
    arbitrary: block,
  }),
  { minLength: 1, maxLength: 10 },
).map((lines) => `[uwsgi]\n${lines.join("\n")}\n`);

test.skipIf(skipped)(
  `random configurations become the same as with ${UWSGI}${skipped ? " (not installed)" : ""}`,
  () => {
    for (const [path, text] of Object.entries(FILES)) writeFileSync(join(cwd, path), text);
    const words = ["--ini", "random.ini"];
    fc.assert(
      fc.property(file, (text) => {
        writeFileSync(join(cwd, "random.ini"), text);
        const world = realWorld(cwd, environmentOf(environment));
        const here = runCase({ words: ["--show-config", ...words] }, world);
        if (!here.failed) expect(here.shown).toBe(flattenWithUwsgiNow({ words, cwd, environment }));
      }),
      { numRuns: 200 },
    );
  },
  60_000,
);
