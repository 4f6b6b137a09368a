/** A configuration with every daemon as a section [daemon:NAME]. Pure. */
import { DAEMON_KEYS } from "../options/daemon_keys.ts";
import type { KeyFields } from "../values/keyval.ts";
import { escapeQuoted } from "../values/keyval.ts";
import type { Document, Line } from "./document.ts";
import type { Sources } from "./sources.ts";

export function asSections({ options, daemons }: Sources): Document {
  return { options, daemons: daemons.map(({ name, source }) => ({ name, lines: linesOf(source.keys) })) };
}

/** In the order of the table; what is empty says nothing. */
function linesOf(keys: KeyFields): readonly Line[] {
  return DAEMON_KEYS.flatMap(({ key, type, repeats }) => {
    if (key === "name") return [];
    const isSwitch = type === "switch" || type === "bool";
    return (keys.get(key) ?? []).filter(({ value }) => value !== "" || isSwitch).map(({ value }) => ({
      name: key,
      value: type === "command" ? value.trim() : repeats === "items" ? escapeQuoted(value) : value,
    }));
  });
}
