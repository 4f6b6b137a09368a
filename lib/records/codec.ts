/**
 * The one form of what outlives a process: what an image of reeve hands to the next, and what lies in the run
 * directory. Text of ASCII, `NAME/VERSION CHECKSUM JSON`. Every field is checked and unknown ones are
 * refused; an older version is read, a newer one is not. What is torn or changed in any byte is never
 * believed. Nothing here writes or reads a file.
 */

/** How a value is written as JSON, and read again. */
export interface Shape<T> {
  write(value: T): unknown;
  /** Throws Malformed for whatever `write` does not give. */
  read(json: unknown): T;
  readonly isOptional?: true;
}

/** It says what is wrong, and where. */
export class Malformed extends Error {}

export const text: Shape<string> = plain("a text", (json) => typeof json === "string");
export const bool: Shape<boolean> = plain("true or false", (json) => typeof json === "boolean");
/** With a fraction, and of any sign. */
export const number: Shape<number> = plain("a number", (json) => Number.isFinite(json));

export function whole(least = 0, most: number = Number.MAX_SAFE_INTEGER): Shape<number> {
  const isInRange = (json: unknown) =>
    Number.isSafeInteger(json) && Number(json) >= least && Number(json) <= most;
  return plain(`a whole number from ${least} to ${most}`, isInRange);
}

export function oneOf<const T extends string>(words: readonly T[]): Shape<T> {
  return plain(`one of ${words.join(", ")}`, (json) => words.some((word) => word === json));
}

/** A text of this form. */
export function like(form: RegExp): Shape<string> {
  return plain(`a text like ${form.source}`, (json) => typeof json === "string" && form.test(json));
}

/** Unsigned, 64 bits; JSON has no such numbers. */
export const big: Shape<bigint> = {
  write: (value) => String(value),
  read(json) {
    if (typeof json !== "string" || !/^(?:0|[1-9][0-9]{0,18})$/.test(json)) {
      throw wrong("a number as a text", json);
    }
    return BigInt(json);
  },
};

export const bytes: Shape<Uint8Array> = {
  write: (value) => value.toBase64(),
  read(json) {
    if (typeof json !== "string") throw wrong("bytes in base64", json);
    try {
      return Uint8Array.fromBase64(json, { lastChunkHandling: "strict" });
    } catch {
      throw wrong("bytes in base64", json);
    }
  },
};

export function nullable<T>({ write, read }: Shape<T>): Shape<T | null> {
  return {
    write: (value) => value === null ? null : write(value),
    read: (json) => json === null ? null : read(json),
  };
}

/** A field that may be absent. */
export function optional<T>(shape: Shape<T>): Shape<T> {
  return { ...shape, isOptional: true };
}

export function list<T>({ write, read }: Shape<T>): Shape<readonly T[]> {
  return {
    write: (values) => values.map((value) => write(value)),
    read(json) {
      if (!Array.isArray(json)) throw wrong("a list", json);
      return json.map((item: unknown, index) => within(String(index), () => read(item)));
    },
  };
}

/** Some of these names, each with a value of the same shape. */
export function named<T>(names: readonly string[], shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return fieldsShape(Object.fromEntries(names.map((name) => [name, optional(shape)])));
}

type FieldsOf<T> = { readonly [Name in keyof T]-?: Shape<Exclude<T[Name], undefined>> };

/** Every field of the type: the compiler asks for those that are missing. */
export function object<T extends object>(fields: FieldsOf<T>): Shape<T> {
  return fieldsShape(fields as Fields);
}

type Fields = Readonly<Record<string, Shape<unknown>>>;

function fieldsShape<T extends object>(fields: Fields): Shape<T> {
  return {
    write: (value) => writeFields({}, fields, value),
    read(json) {
      const given = recordOf(json);
      const unknown = Object.keys(given).find((name) => !Object.hasOwn(fields, name));
      if (unknown !== undefined) throw new Malformed(`unknown field "${unknown}"`);
      return readFields({}, fields, given) as T;
    },
  };
}

/** Into `json`, and that is returned: a record is written at every start of a daemon. */
function writeFields(json: Record<string, unknown>, fields: Fields, value: object): Record<string, unknown> {
  for (const name of Object.keys(fields)) {
    const part: unknown = Reflect.get(value, name);
    if (part !== undefined) json[name] = fields[name]!.write(part);
  }
  return json;
}

function readFields(
  value: Record<string, unknown>,
  fields: Fields,
  given: Readonly<Record<string, unknown>>,
) {
  for (const [name, shape] of Object.entries(fields)) {
    if (Object.hasOwn(given, name)) value[name] = within(name, () => shape.read(given[name]));
    else if (shape.isOptional !== true) throw new Malformed(`field "${name}" is missing`);
  }
  return value;
}

/** One of several types, told apart by their field `kind`. */
export function tagged<T extends { readonly kind: string }>(
  variants: { readonly [Kind in T["kind"]]: FieldsOf<Omit<Extract<T, { readonly kind: Kind }>, "kind">> },
): Shape<T> {
  const fieldsOf = (kind: unknown): Fields => {
    if (typeof kind === "string" && Object.hasOwn(variants, kind)) {
      return variants[kind as T["kind"]] as Fields;
    }
    throw wrong(`a kind of ${Object.keys(variants).join(", ")}`, kind);
  };
  return {
    write: (value) => writeFields({ kind: value.kind }, fieldsOf(value.kind), value),
    read(json) {
      const { kind, ...rest } = recordOf(json);
      return { kind, ...fieldsShape(fieldsOf(kind)).read(rest) } as T;
    },
  };
}

export interface Format<T> {
  readonly name: string;
  readonly shape: Shape<T>;
  /**
   * From the JSON of each older version to that of the next one; as many as there are older versions. The
   * first is of what was written before there were versions: JSON alone.
   */
  readonly older: readonly [(json: unknown) => unknown, ...((json: unknown) => unknown)[]];
}

/** One line. */
export function encode<T>({ name, shape, older }: Format<T>, value: T): string {
  const json = JSON.stringify(shape.write(value)).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const head = `${name}/${older.length}`;
  return `${head} ${checksum(`${head} ${json}`)} ${json}`;
}

/** Throws Malformed. A blank or a line's end behind it does no harm. */
export function decode<T>(format: Format<T>, written: string): T {
  const line = written.trimEnd();
  const [version, json] = line.startsWith("{") || line.startsWith("[") ? [0, line] : opened(format, line);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new Malformed("it is no JSON");
  }
  return format.shape.read(format.older.slice(version).reduce((older, next) => next(older), value));
}

/** null for what is malformed. */
export function decodeOrNull<T>(format: Format<T>, written: string): T | null {
  try {
    return decode(format, written);
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

function opened({ name, older }: Format<unknown>, line: string): readonly [version: number, json: string] {
  const parts = /^([a-z-]+)\/([1-9][0-9]{0,5}) ([0-9a-f]{8}) (.*)$/.exec(line);
  if (parts === null) throw new Malformed("it is no record");
  const [, found, version, sum, json = ""] = parts;
  if (sum !== checksum(`${found}/${version} ${json}`)) throw new Malformed("its checksum is wrong");
  if (found !== name) throw new Malformed(`it is "${found}", and "${name}" was wanted`);
  if (Number(version) > older.length) {
    throw new Malformed(`its version is ${version}, and this reeve reads up to ${older.length}`);
  }
  return [Number(version), json];
}

function checksum(written: string): string {
  return Bun.hash.crc32(written).toString(16).padStart(8, "0");
}

function plain<T>(wanted: string, is: (json: unknown) => boolean): Shape<T> {
  return {
    write: (value) => value,
    read(json) {
      if (!is(json)) throw wrong(wanted, json);
      return json as T;
    },
  };
}

function recordOf(json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw wrong("fields", json);
  return { ...json };
}

function within<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof Malformed ? new Malformed(`${name}: ${error.message}`) : error;
  }
}

function wrong(wanted: string, json: unknown): Malformed {
  const shown = JSON.stringify(json) ?? "nothing";
  return new Malformed(`${shown.slice(0, 60)} is not ${wanted}`);
}
