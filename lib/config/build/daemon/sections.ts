/** The sections [daemon:NAME], each taken for its keys, and which of them `only-daemons` chooses. Pure. */
import type { DaemonSection } from "../../daemon_section.ts";
import type { Diagnostics } from "../../diagnostic.ts";
import { nearestName } from "../../nearest.ts";
import { findKey } from "../../options/daemon_keys.ts";
import { quote } from "../../problem.ts";
import { Field } from "../../values/field.ts";
import { itemsOf } from "../../values/keyval.ts";
import type { OptionReader } from "../../values/options.ts";
import { type DaemonSource, NOTHING_FIXED } from "./source.ts";

export function readSection(
  { name, origin, settings }: DaemonSection,
  diagnostics: Diagnostics,
): DaemonSource {
  const keys = new Map<string, Field[]>();
  for (const setting of settings) {
    const field = new Field(setting, diagnostics);
    if (field.name === "daemonize" && field.value.includes("/")) {
      field.refuse(FILE_FOR_DAEMONIZE);
      continue;
    }
    const repeats = findKey(field.name)?.repeats;
    const items = repeats === "items" ? itemsOf(field) : [field];
    const before = repeats === undefined ? undefined : keys.get(field.name);
    if (before === undefined) keys.set(field.name, items);
    else for (const one of items) before.push(one);
  }
  const line = new Field({ name: `[daemon:${name}]`, value: name, origin }, diagnostics);
  return { option: "section", line, name, keys, fixed: NOTHING_FIXED };
}

/** The option of that name takes a file. */
const FILE_FOR_DAEMONIZE =
  "in a section it is a switch (the command stays in the foreground, and reeve writes the pidfile): " +
  "the option daemonize, with its file, belongs into [uwsgi]";

/** A search through ten thousand names for each of thousands of unknown ones would cost minutes. */
const MOST_SUGGESTIONS = 20;

/** Without `only-daemons` all of them. */
export function chooseSections(
  sections: readonly DaemonSection[],
  reader: OptionReader,
): readonly DaemonSection[] {
  const options = reader.all("only-daemons").filter((option) => reader.needText(option));
  if (options.length === 0) return sections;
  const known = new Set(sections.map(({ name }) => name));
  const chosen = new Set<string>();
  let suggestions = 0;
  for (const option of options) {
    for (const name of option.value.split(/\s+/).filter((word) => word !== "")) {
      chosen.add(name);
      if (known.has(name)) continue;
      const near = suggestions++ < MOST_SUGGESTIONS ? nearestName(name, known) : null;
      const remedy = near === null ? `write ${quote(`[daemon:${name}]`)}` : `did you mean ${quote(near)}?`;
      option.error(`only-daemons names ${quote(name)}, and there is no such section: ${remedy}`);
    }
  }
  return sections.filter(({ name }) => chosen.has(name));
}
