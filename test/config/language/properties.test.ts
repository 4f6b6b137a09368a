import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseCommandLine } from "../../../lib/cli/shared/argv.ts";
import { ConfigError } from "../../../lib/config/diagnostic.ts";
import { type Configuration, loadConfiguration } from "../../../lib/config/language/load.ts";
import { replaceReferences } from "../../../lib/config/language/references.ts";
import { memoryWorld } from "./worlds.ts";

/** null where the load could not go on. Anything thrown but ConfigError fails the property. */
function load(
  words: readonly string[],
  files: Readonly<Record<string, string | Uint8Array>>,
): Configuration | null {
  try {
    const { options, files: named } = parseCommandLine(words);
    return loadConfiguration(
      options,
      named,
      memoryWorld(files, { environment: { HOME: "/root", A: "$(B)", B: "b" } }),
    );
  } catch (problem) {
    if (problem instanceof ConfigError) return null;
    throw problem;
  }
}

/** Pieces that mean something, so that random text meets more than the first branch. */
const piece = fc.constantFrom(
  ..."[uwsgi]|\n|\n|\r\n| = |=|%(|%(a|)|$(|$(A|$(B:-x)|@(|@(b.ini)|%|%%|%n|%(_)|a|b| |;|#|for|for = a b|for-times = 3"
    .split("|"),
  ..."if-env = HOME|if-opt = a|if-not-opt = a|else =|end =|endfor =|include = b.ini|include = a.ini|ini = :x|[x]"
    .split("|"),
  ..."inherit = b.ini|set = a=%(b)|set-ph = c=d|declare-option = o=env=$1;p=$2|o = 1 2|strict|chdir = /|a = %(b + 1)"
    .split("|"),
  "uwsgi:",
  "\n  ",
  "- ",
  "{",
  "}",
  '"',
  ":",
  "<uwsgi>",
  "</uwsgi>",
  "<a>",
  "</a>",
  "&amp;",
  "<!--",
  "\0",
  "\ufeff",
);
const text = fc.array(
  fc.oneof({ weight: 5, arbitrary: piece }, fc.string({ unit: "binary", maxLength: 5 })),
  {
    maxLength: 60,
  },
).map((pieces) => pieces.join(""));
const suffix = fc.constantFrom("ini", "yaml", "json", "xml");

describe("whatever a file holds", () => {
  test("nothing but ConfigError is thrown, for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), suffix, (bytes, kind) => {
        load([`a.${kind}`], { [`/etc/a.${kind}`]: bytes });
      }),
      { numRuns: 500 },
    );
  });

  test("nothing but ConfigError is thrown, for text that means something", () => {
    fc.assert(
      fc.property(text, text, suffix, (one, other, kind) => {
        load([`a.${kind}`], {
          [`/etc/a.${kind}`]: one,
          "/etc/a.ini": `[uwsgi]\n${one}`,
          "/etc/b.ini": `[uwsgi]\n${other}`,
        });
      }),
      { numRuns: 2000 },
    );
  }, 30_000);

  test("every origin is a line that there is, in a file that was read", () => {
    fc.assert(fc.property(text, (one) => {
      const content = `[uwsgi]\n${one}`;
      const found = load(["a.ini"], { "/etc/a.ini": content, "/etc/b.ini": content });
      const lines = content.split("\n").length;
      for (const { origin } of found?.shown ?? []) {
        expect(["a.ini", "b.ini"]).toContain(origin.file);
        expect(origin.line).toBeGreaterThan(1);
        expect(origin.line).toBeLessThanOrEqual(lines);
      }
    }));
  });
});

test("every option has the line on which it stands, whatever stands between", () => {
  const filler = fc.constantFrom("", "; comment", "# comment", "[other]\nx = 1\n[uwsgi]", "  ", "\r");
  const setting = fc.nat(999).map((number) => `env = N=${number}`);
  fc.assert(fc.property(fc.array(fc.oneof(filler, setting), { maxLength: 40 }), (lines) => {
    const content = ["[uwsgi]", ...lines].join("\n").split("\n");
    const found = load(["a.ini"], { "/etc/a.ini": content.join("\n") });
    const expected = content.flatMap((line, index) => line.startsWith("env") ? [`${index + 1} ${line}`] : []);
    const actual = found?.options.map(({ name, value, origin }) => `${origin.line} ${name} = ${value}`);
    expect(actual).toEqual(expected);
  }));
});

test("expansion ends, for any graph of references", () => {
  const names = ["a", "b", "c", "d", "e"];
  const value = fc.array(
    fc.constantFrom("x", ...names.map((name) => `%(${name})`), "%(a + %(b))", "%(c%(d))"),
    {
      maxLength: 4,
    },
  ).map((parts) => parts.join(""));
  fc.assert(fc.property(fc.array(value, { minLength: 5, maxLength: 5 }), (values) => {
    load(["a.ini"], {
      "/etc/a.ini": `[uwsgi]\n${values.map((text, at) => `${names[at]} = ${text}\n`).join("")}`,
    });
  }));
});

test("a text without references that resolve stays as it is", () => {
  fc.assert(fc.property(text, (one) => {
    expect(replaceReferences(one, "%", () => null)).toBe(one);
  }));
});

test("nothing but ConfigError comes from any command line", () => {
  const word = fc.oneof(
    fc.constantFrom(
      "--",
      "-",
      "-M",
      "-S",
      "--set",
      "a=1",
      "--ini",
      "--json",
      "plan",
      "help",
      "--chd",
      "-Mh",
      "--=x",
    ),
    fc.string({ unit: "binary", maxLength: 8 }),
  );
  fc.assert(fc.property(fc.array(word, { maxLength: 8 }), (words) => {
    load(words, { "/etc/a.ini": "[uwsgi]\nchdir = /\n" });
  }));
});
