/**
 * The JSON schema of a configuration in YAML or JSON, for editors: made of the tables of options and keys
 * alone. It says what a value looks like; what values mean together is for `reeve check`. Pure.
 */
import { DAEMON_KEYS, type DaemonKey, type KeyType } from "./daemon_keys.ts";
import type { OptionRow, ValueType } from "./option_row.ts";
import { optionRows } from "./option_table.ts";

/** One schema, or a part of one. */
export type Schema = Readonly<Record<string, unknown>>;

/** A placeholder, a variable, a file: what it stands for is not known before it is read. */
const REFERENCE = "[%$@]\\(";
/** Any scalar counts as it is written; null is the empty value. */
const SCALAR: Schema = { type: ["string", "number", "boolean", "null"] };
const WORD: Schema = { type: ["string", "integer"] };
const BOOLEAN: Schema = {
  type: ["boolean", "integer", "string", "null"],
  pattern: `^([Tt]rue|[Oo]n|[Yy]es|[Ff]alse|[Oo]ff|[Nn]o|[0-9]*)$|${REFERENCE}`,
};
const WHOLE: Schema = { type: ["integer", "string"], pattern: `^\\s*[+-]?[0-9]+\\s*$|${REFERENCE}` };
const SECONDS: Schema = {
  type: ["number", "string"],
  minimum: 0,
  pattern: `^\\s*[0-9]+(\\.[0-9]+)?\\s*(ms|s|m|h|d)?\\s*$|${REFERENCE}`,
};
const BYTES: Schema = {
  type: ["integer", "string"],
  minimum: 0,
  pattern: `^\\s*[0-9]+\\s*[KMGTkmgt]?([Ii]?[Bb])?\\s*$|${REFERENCE}`,
};
const TEXT: Schema = { type: ["string", "number"], minLength: 1 };

const OPTION_TYPES: Readonly<Record<ValueType, Schema>> = {
  bool: BOOLEAN,
  int: WHOLE,
  string: SCALAR,
  list: SCALAR,
  user: WORD,
  group: WORD,
  path: SCALAR,
  duration: SECONDS,
  size: BYTES,
  keyval: { type: "string", pattern: "=" },
};

const KEY_TYPES: Readonly<Record<KeyType, Schema>> = {
  command: { type: "string", minLength: 1 },
  string: TEXT,
  path: TEXT,
  list: TEXT,
  int: WHOLE,
  duration: SECONDS,
  signal: WORD,
  user: WORD,
  group: WORD,
  switch: BOOLEAN,
  bool: BOOLEAN,
  assignment: { type: "string", pattern: `^[^=]+=|${REFERENCE}` },
  word: TEXT,
};

/** A daemon's name. */
const NAME = "^[A-Za-z0-9_@\u0080-\uffff][A-Za-z0-9_.@\u0080-\uffff-]{0,63}$";
/** Lines of blocks, and placeholders, which a daemon may have as well. */
const LOGIC = "^(for($|[-_])|if[-_]|end($|[-_]?(if|for)$)|endif$|endfor$|else$|set[-_]ph$|set-placeholder$)";

export function configurationSchema(): Schema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A configuration of reeve, in YAML or JSON",
    type: "object",
    properties: {
      uwsgi: { $ref: "#/definitions/options" },
      daemons: {
        description: "The daemons by name, each with its keys.",
        type: ["object", "null"],
        properties: {
          "*": { $ref: "#/definitions/daemon", description: "Defaults of all that follow in this file." },
        },
        patternProperties: { [NAME]: { $ref: "#/definitions/daemon" } },
        additionalProperties: false,
      },
    },
    additionalProperties: { description: "A section that is read as FILE:SECTION." },
    definitions: { options: optionsSchema(), daemon: daemonSchema() },
  };
}

/** A name that is no option is a placeholder, or one of uWSGI's application server. */
function optionsSchema(): Schema {
  const rows = optionRows().flatMap((row) =>
    [row.name, ...row.aliases].map((name) => [name, optionSchema(row)])
  );
  return {
    description: "The options of the instance. A list repeats its option.",
    type: ["object", "null"],
    properties: Object.fromEntries(rows),
    additionalProperties: severalOf(SCALAR),
  };
}

function optionSchema({ help, default: usual, type, argument }: OptionRow): Schema {
  const value = argument === "required" ? OPTION_TYPES[type] : { anyOf: [OPTION_TYPES[type], BOOLEAN] };
  return { description: `${help}${usual === null ? "" : ` (default: ${usual})`}`, ...severalOf(value) };
}

function daemonSchema(): Schema {
  const keys = DAEMON_KEYS.filter(({ key }) => key !== "name").flatMap((row) => {
    const names = [row.key, ...row.aliases ?? []];
    const spelt = new Set([...names, ...names.map((name) => name.replaceAll("_", "-"))]);
    return [...spelt].map((name) => [name, keySchema(row)]);
  });
  return {
    description: "A daemon. See docs/daemons.md for every key.",
    type: ["object", "null"],
    properties: Object.fromEntries(keys),
    patternProperties: { [LOGIC]: severalOf(SCALAR) },
    additionalProperties: false,
  };
}

function keySchema({ help, default: usual, type, words, repeats, example }: DaemonKey): Schema {
  const value = words === undefined
    ? KEY_TYPES[type]
    : { anyOf: [{ enum: words }, { type: "string", pattern: REFERENCE }] };
  const described = { description: `${help} (default: ${usual})`, examples: [example] };
  if (type === "assignment") {
    return {
      ...described,
      anyOf: [...severalOf(value).anyOf, { type: "object", additionalProperties: SCALAR }],
    };
  }
  return { ...described, ...repeats === undefined ? value : severalOf(value) };
}

function severalOf(value: Schema): { readonly anyOf: readonly Schema[] } {
  return { anyOf: [value, { type: "array", items: value }] };
}
