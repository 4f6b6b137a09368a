/**
 * Sections of daemons among everything else that a file may hold: whatever they say, [uwsgi] is read as
 * without them, nothing but ConfigError is thrown, and every origin is a line that there is.
 */
import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, Diagnostics } from "../../../lib/config/diagnostic.ts";
import { buildPlan } from "../../../lib/config/build/build_plan.ts";
import { type Configuration, loadConfiguration } from "../../../lib/config/language/load.ts";
import { showConfiguration } from "../../../lib/config/language/show.ts";
import { DAEMON_KEYS } from "../../../lib/config/options/daemon_keys.ts";
import { fakeSystem } from "../build/fake_system.ts";
import { flattenWithUwsgiNow, UWSGI } from "./flatten_with_uwsgi.ts";
import { memoryWorld } from "./worlds.ts";

function load(
  files: Readonly<Record<string, string>>,
  name = Object.keys(files)[0] ?? "",
): Configuration | null {
  try {
    const world = memoryWorld(
      Object.fromEntries(Object.entries(files).map(([file, text]) => [`/etc/${file}`, text])),
      { environment: { HOME: "/root", EE: "e" } },
    );
    return loadConfiguration([], [{ name }], world);
  } catch (problem) {
    if (problem instanceof ConfigError) return null;
    throw problem;
  }
}

const KEYS = DAEMON_KEYS.flatMap(({ key, aliases = [] }) => [key, key.replaceAll("_", "-"), ...aliases]);
const piece = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ..."1|x|a b|%(name)|%(command)|%(aa)|%(env|$(EE)|$(|@(b.ini)|%n|%%|%q|%|;|=|,|A=1|/tmp|%(_)|%(i + 1)|\\|'\"|ä|\r|\t"
        .split("|"),
    ),
  },
  fc.string({ unit: "binary", maxLength: 3 }),
);
const value = fc.array(piece, { maxLength: 4 }).map((parts) => parts.join("").replaceAll("\n", ""));
const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...KEYS) },
  fc.constantFrom(
    ..."for|for-times|if-env|if-opt|if-not-opt|else|end|set-ph|set|include|strict|declare-option|exit|foo|attach-daemon"
      .split("|"),
  ),
);
const setting = fc.oneof(
  fc.tuple(name, value).map(([key, text]) => `${key} = ${text}`),
  fc.constantFrom("; note", "", "  ", "endif", "control", "command sleep 1"),
);
const header = fc.oneof(
  fc.constantFrom("[daemon:a]", "[daemon:b]", "[daemon:*]", "[daemon:a-1]"),
  fc.constantFrom(
    "[daemon:]",
    "[daemon:a b]",
    "[daemon: a]",
    "[daemon:%n]",
    "[daemon:a",
    "[daemon:%(x)]",
    "[daemon:[a]]",
  ),
);
const section = fc.tuple(header, fc.array(setting, { maxLength: 6 })).map((parts) => parts.flat().join("\n"));
const option = fc.tuple(
  fc.constantFrom(
    "env",
    "aa",
    "chdir",
    "set-ph",
    "daemon-env",
    "only-daemons",
    "attach-daemon",
    "for",
    "end",
    "if-opt",
    "instance-name",
  ),
  value,
).map(([key, text]) => `${key} = ${key === "set-ph" ? `aa=${text}` : text}`);
const options = fc.array(option, { maxLength: 4 }).map((lines) => lines.join("\n"));

/** Everything that [uwsgi] comes to. */
function meaningOf(found: Configuration | null): unknown {
  if (found === null) return null;
  const at = ({ name, value }: { name: string; value: string }): string => `${name} = ${value}`;
  const { options, shown, unknown, get, printed, exitCode } = found;
  return {
    options: options.map(at),
    shown: showConfiguration(shown),
    unknown: unknown.map(at),
    get,
    printed,
    exitCode,
  };
}

describe("whatever sections hold", () => {
  test("nothing but ConfigError is thrown, and every origin is a line of the file", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(section, options), { maxLength: 6 }), (parts) => {
        const text = `[uwsgi]\n${parts.join("\n[uwsgi]\n")}\n`;
        const found = load({ "a.ini": text, "b.ini": "b\n" });
        if (found === null) return;
        const lines = text.split("\n").length;
        const diagnostics = new Diagnostics();
        const plan = buildPlan(found.options, found.files, fakeSystem(), diagnostics, {
          entrypoint: null,
          asked: "a.ini",
          sections: found.daemons,
        });
        const origins = [
          ...found.daemons.flatMap(({ origin, settings }) => [origin, ...settings.map((one) => one.origin)]),
          ...plan.daemons.flatMap(({ origin, origins }) => [origin, ...Object.values(origins)]),
        ];
        for (const { file, line } of origins) {
          expect(file).toBe("a.ini");
          expect(line > 0 && line <= lines).toBe(true);
        }
        for (const { origin } of [...found.diagnostics.list, ...diagnostics.list]) {
          expect((origin?.line ?? 0) <= lines).toBe(true);
        }
        const names = plan.daemons.map((daemon) => daemon.name);
        if (!diagnostics.hasErrors) expect(names.length).toBe(new Set(names).size);
      }),
      { numRuns: 1000 },
    );
  }, 60_000);

  test("[uwsgi] is read as without them, but for placeholders that they alone refer to", () => {
    fc.assert(
      fc.property(options, fc.array(section, { maxLength: 4 }), options, (before, sections, after) => {
        const alone = load({ "a.ini": `[uwsgi]\n${before}\n[uwsgi]\n${after}\n`, "b.ini": "b\n" });
        const beside = load({
          "a.ini": `[uwsgi]\n${before}\n${sections.join("\n")}\n[uwsgi]\n${after}\n`,
          "b.ini": "b\n",
        });
        // A limit may stop the one or the other; a section can only say more.
        if (alone === null || beside === null) return;
        const [left, right] = [meaningOf(alone), meaningOf(beside)] as { unknown: readonly string[] }[];
        if (left === undefined || right === undefined) throw new Error("unreachable");
        expect({ ...right, unknown: [] }).toEqual({ ...left, unknown: [] });
        for (const line of right.unknown) expect(left.unknown).toContain(line);
      }),
      { numRuns: 1000 },
    );
  }, 60_000);

  test("two sections know nothing of each other", () => {
    const lines = fc.array(setting, { maxLength: 5 }).map((list) => list.join("\n"));
    fc.assert(
      fc.property(lines, lines, (one, other) => {
        const settings = (text: string): readonly string[] =>
          load({ "a.ini": text, "b.ini": "b\n" })?.daemons.find((daemon) => daemon.name === "a")?.settings
            .map((found) => `${found.name} = ${found.value}`) ?? [];
        expect(settings(`[daemon:a]\n${one}\n[daemon:b]\n${other}\n`)).toEqual(
          settings(`[daemon:a]\n${one}\n`),
        );
      }),
      { numRuns: 1000 },
    );
  }, 60_000);

  test("no YAML, JSON or XML of them throws either", () => {
    const token = fc.constantFrom(
      ..."daemons:|\n|  |\n  web:|\n    command: x|\n    env: [A=1]|{|}|[|]|\"|'|*|&a |*a|%q|%(name)|null|: |- |uwsgi:"
        .split("|"),
      ...'<daemon name="a">|</daemon>|<daemon>|<uwsgi>|</uwsgi>|<command>|</command>|text|<env/>|<r>|</r>'
        .split("|"),
    );
    fc.assert(
      fc.property(
        fc.array(token, { maxLength: 25 }),
        fc.constantFrom("yaml", "json", "xml"),
        (tokens, suffix) => {
          load({ [`a.${suffix}`]: tokens.join("") });
          load({
            [`a.${suffix}`]: suffix === "xml"
              ? `<r>${tokens.join("")}</r>`
              : `daemons:\n  web:\n${tokens.join("")}`,
          });
        },
      ),
      { numRuns: 1000 },
    );
  }, 60_000);
});

describe("side by side with uWSGI", () => {
  const skipped = !existsSync(UWSGI) && Bun.env["MUST_WORK"] !== "1";
  const cwd = mkdtempSync(join(tmpdir(), "reeve-sections-"));
  afterAll(() => rmSync(cwd, { recursive: true }));

  test.skipIf(skipped)(
    `a file with sections is to ${UWSGI} what it is without${skipped ? " (not installed)" : ""}`,
    () => {
      const plain = fc.array(
        fc.constantFrom(
          "env = A=1",
          "aa = %(bb)",
          "bb = 2",
          "chdir = /tmp",
          "for = 1 2\nenv = N=%(_)\nend =",
          "set-ph = cc=%n",
          "if-opt = aa\nenv = Q=1\nendif =",
        ),
        { maxLength: 5 },
      ).map((lines) => lines.join("\n"));
      // A line that ends with "%" glues the next one on: uWSGI's own fault, which reeve refuses.
      const quiet = section.filter((text) => !/%\s*$/m.test(text) && !/[\r\0\ud800-\udfff]/.test(text));
      const environment = { EE: "e" };
      const flatten = (text: string, words: readonly string[]): string => {
        writeFileSync(join(cwd, "a.ini"), text);
        return flattenWithUwsgiNow({ words: [...words, "--ini", "a.ini"], cwd, environment });
      };
      fc.assert(
        fc.property(
          plain,
          fc.array(quiet, { maxLength: 3 }),
          plain,
          fc.boolean(),
          (before, sections, after, isStrict) => {
            const words = isStrict ? ["--strict"] : [];
            const alone = flatten(`[uwsgi]\n${before}\n[uwsgi]\n${after}\n`, words);
            expect(flatten(`[uwsgi]\n${before}\n${sections.join("\n")}\n[uwsgi]\n${after}\n`, words)).toBe(
              alone,
            );
          },
        ),
        { numRuns: 60 },
      );
    },
    60_000,
  );
});
