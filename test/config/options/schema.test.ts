/** The JSON schema: what reeve reads without a word it takes, and what reeve refuses it refuses. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { DAEMON_KEYS } from "../../../lib/config/options/daemon_keys.ts";
import { optionRows } from "../../../lib/config/options/option_table.ts";
import { configurationSchema, type Schema } from "../../../lib/config/options/schema.ts";
import { loadConfiguration } from "../../../lib/config/language/load.ts";
import { ConfigError } from "../../../lib/config/diagnostic.ts";
import { CASES } from "../language/corpus.ts";
import { fixedWorld } from "../language/worlds.ts";

const SCHEMA = configurationSchema();
const WORDS = new Set(
  ("$schema $ref title description examples definitions type properties patternProperties additionalProperties items anyOf " +
    "enum pattern minimum minLength").split(" "),
);

/** Paths of what is wrong, by as much of draft 7 as the schema uses. */
function faults(value: unknown, schema: Schema, path = "$"): readonly string[] {
  for (const word of Object.keys(schema)) if (!WORDS.has(word)) throw new Error(`unknown word ${word}`);
  const { $ref, type, anyOf, enum: words, pattern, minimum, minLength, items } = schema;
  if (typeof $ref === "string") {
    const definitions = SCHEMA["definitions"] as Record<string, Schema>;
    return faults(value, definitions[$ref.replace("#/definitions/", "")] as Schema, path);
  }
  const types = type === undefined ? [] : [type].flat() as string[];
  if (types.length > 0 && !types.some((one) => isOf(value, one))) {
    return [`${path}: not ${types.join(" or ")}`];
  }
  if (Array.isArray(anyOf)) {
    const results = anyOf.map((one: Schema) => faults(value, one, path));
    if (!results.some((found) => found.length === 0)) return [`${path}: ${results.flat().join("; ")}`];
  }
  if (Array.isArray(words) && !words.includes(value)) return [`${path}: not in ${words.join(" ")}`];
  if (typeof value === "string") {
    if (typeof pattern === "string" && !new RegExp(pattern, "u").test(value)) {
      return [`${path}: not ${pattern}`];
    }
    if (typeof minLength === "number" && value.length < minLength) return [`${path}: too short`];
  }
  if (typeof value === "number" && typeof minimum === "number" && value < minimum) {
    return [`${path}: too small`];
  }
  if (Array.isArray(value)) {
    return items === undefined
      ? []
      : value.flatMap((one, at) => faults(one, items as Schema, `${path}[${at}]`));
  }
  return isOf(value, "object") ? faultsOfMembers(value as Record<string, unknown>, schema, path) : [];
}

function faultsOfMembers(value: Record<string, unknown>, schema: Schema, path: string): readonly string[] {
  const { properties = {}, patternProperties = {}, additionalProperties = true } = schema;
  return Object.entries(value).flatMap(([name, member]) => {
    const known = (properties as Record<string, Schema>)[name];
    const patterns = Object.entries(patternProperties as Record<string, Schema>).filter(([pattern]) =>
      new RegExp(pattern, "u").test(name)
    ).map(([, one]) => one);
    const schemas = [
      ...Object.hasOwn(properties as object, name) && known !== undefined ? [known] : [],
      ...patterns,
    ];
    const place = `${path}.${name}`;
    if (schemas.length > 0) return schemas.flatMap((one) => faults(member, one, place));
    if (additionalProperties === false) return [`${place}: unknown`];
    return additionalProperties === true ? [] : faults(member, additionalProperties as Schema, place);
  });
}

function isOf(value: unknown, type: string): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  if (type === "string") return typeof value === "string";
  return type === "number" ? typeof value === "number" : typeof value === "boolean";
}

const daemon = (keys: Record<string, unknown>): readonly string[] =>
  faults({ daemons: { web: { command: "sleep 1", ...keys } } }, SCHEMA);
const options = (members: Record<string, unknown>): readonly string[] => faults({ uwsgi: members }, SCHEMA);

describe("the schema takes", () => {
  const files = readdirSync(CASES).filter((name) => /\.(ya?ml|js(on)?)$/.test(name));
  test.each(files)("%s, if reeve does without an error or a warning", (name) => {
    const text = readFileSync(join(CASES, name), "utf8");
    let isGood: boolean;
    try {
      const { diagnostics } = loadConfiguration([], [{ name }], fixedWorld(CASES, {}));
      isGood = diagnostics.list.every(({ severity, text }) =>
        severity === "note" || text.startsWith("unknown option")
      );
    } catch (problem) {
      if (!(problem instanceof ConfigError)) throw problem;
      isGood = false;
    }
    if (isGood) expect(faults(parse(text, { uniqueKeys: false }), SCHEMA)).toEqual([]);
  });

  test("every example", () => {
    const examples = new URL("../../../examples/", import.meta.url).pathname;
    const names = readdirSync(examples).filter((name) => /\.(ya?ml|json)$/.test(name));
    expect(names).toContain("sections.yaml");
    for (const name of names) {
      const value = parse(readFileSync(join(examples, name), "utf8")) as { daemons: Record<string, object> };
      expect([name, ...faults(value, SCHEMA)]).toEqual([name]);
      const [first = ""] = Object.keys(value.daemons);
      const wrong = { ...value, daemons: { ...value.daemons, [first]: { comand: "x" } } };
      expect(faults(wrong, SCHEMA)).toEqual([`$.daemons.${first}.comand: unknown`]);
    }
  });

  test("the YAML of docs/daemons.md", () => {
    const page = readFileSync(new URL("../../../docs/daemons.md", import.meta.url), "utf8");
    const block = /\n( {4}daemons:\n(?: {4}.*\n)+)/.exec(page)?.[1] ?? "";
    const value = parse(block.replace(/^ {4}/gm, "")) as { daemons: object };
    expect(Object.keys(value.daemons)).toEqual(["*", "web"]);
    expect(faults(value, SCHEMA)).toEqual([]);
  });

  test.each(DAEMON_KEYS.filter(({ key }) => key !== "name").map((row) => [row.key, row] as const))(
    "the example of %s, in every spelling",
    (key, { aliases = [], example, repeats }) => {
      for (const name of [key, key.replaceAll("_", "-"), ...aliases]) {
        expect(daemon({ [name]: example })).toEqual([]);
        expect(daemon({ [name]: [example] })).toHaveLength(repeats === undefined ? 1 : 0);
      }
    },
  );

  test("references, blocks, placeholders, defaults and other sections", () => {
    expect(
      daemon({
        freq: "%(n)",
        "stop-timeout": "$(T)",
        control: "@(f)",
        startup: "%(s)",
        for: "1 2",
        endfor: "",
      }),
    ).toEqual([]);
    expect(daemon({ "set-ph": "a=b", env: { A: 1, B: null }, "if-env": ["X"], else: null, end: "" })).toEqual(
      [],
    );
    expect(faults({ daemons: { "*": { tag: ["a"] }, "ä-1": { command: "x" }, b: null }, other: [1] }, SCHEMA))
      .toEqual([]);
    expect(
      options({ mine: 1, "attach-daemon": ["a", "b"], "daemon-env": "A=1", master: null, vacuum: "yes" }),
    ).toEqual([]);
  });

  test("every default that is a value of its option", () => {
    for (const { name, default: usual, served } of optionRows()) {
      if (served === "yes" && usual !== null && /^[a-z0-9]+$/.test(usual)) {
        expect([name, ...options({ [name]: usual })]).toEqual([name]);
      }
    }
  });
});

describe("the schema refuses", () => {
  test.each([
    ["an unknown key", { comand: "x" }],
    ["the name", { name: "x" }],
    ["a mapping for a scalar", { chdir: { a: 1 } }],
    ["a list for what does not repeat", { chdir: ["/a", "/b"] }],
    ["a number that is none", { freq: "often" }],
    ["a time that is none", { stop_timeout: "soon" }],
    ["a switch that is none", { control: "perhaps" }],
    ["a word that is none of its words", { startup: "never" }],
    ["a variable without a value", { env: ["A"] }],
    ["an empty command", { command: "" }],
    ["an option of the instance", { include: "x.yaml" }],
  ])("%s of a daemon", (_, keys) => {
    expect(daemon(keys)).toHaveLength(1);
  });

  test.each([
    ["a mapping inside the options", { uwsgi: { env: { A: 1 } } }],
    ["options that are no mapping", { uwsgi: ["env"] }],
    ["a number that is none", { uwsgi: { "reload-mercy": "x" } }],
    ["daemons in a list", { daemons: [{ command: "x" }] }],
    ["a daemon that is a text", { daemons: { web: "sleep 1" } }],
    ["a name that is none", { daemons: { "a b": { command: "x" } } }],
  ])("%s", (_, value) => {
    expect(faults(value, SCHEMA)).toHaveLength(1);
  });
});
