/**
 * The name of a piece of configuration: `file.ini:section`, `:section`, `-`, `scheme://rest`. Splits such a
 * name and tells the format from the suffix; opens nothing.
 */

export type Format = "ini" | "yaml" | "json" | "xml";

export interface SourceName {
  /** Without the section; "" for the file being read, "-" for stdin. */
  readonly path: string;
  /** null: none asked for, "uwsgi" is meant. */
  readonly section: string | null;
}

/**
 * The schemes of uWSGI. Those that reeve does not serve are known by name, so that they are not taken for
 * files.
 */
const SCHEME = /^(file|fd|exec|data|http|https|sym|section|call|callint|emperor):\/\/(.*)$/s;

export interface SchemeName {
  readonly scheme: string;
  readonly rest: string;
}

export function splitScheme(path: string): SchemeName | null {
  const match = path.includes("://") ? SCHEME.exec(path) : null;
  return match === null ? null : { scheme: match[1] ?? "", rest: match[2] ?? "" };
}

/**
 * uWSGI: the section is the text after the last ":"; after a scheme, after the last ":" behind the last "/".
 * An empty section is no section. uWSGI takes the colon only with ini= and the like; here it counts
 * everywhere.
 */
export function splitSourceName(name: string): SourceName {
  const from = splitScheme(name) === null ? 0 : name.lastIndexOf("/");
  const colon = name.lastIndexOf(":");
  if (colon < from) return { path: name, section: null };
  const section = name.slice(colon + 1);
  return { path: name.slice(0, colon), section: section === "" ? null : section };
}

/** The format that a file's suffix stands for; anything else is INI. */
export function formatOf(path: string): Format {
  if (path.endsWith(".yaml") || path.endsWith(".yml")) return "yaml";
  if (path.endsWith(".json") || path.endsWith(".js")) return "json";
  return path.endsWith(".xml") ? "xml" : "ini";
}
