/**
 * XML text to keys and values: the children of `<uwsgi>`. The library is loaded at the first such file: who
 * writes INI does not pay for it. It expands no entity but XML's own five, so a document cannot grow while it
 * is read.
 */
import type * as Saxes from "saxes";
import type { Diagnostics } from "../../diagnostic.ts";
import type { MagicTable } from "./magic.ts";
import type { Origin } from "../../origin.ts";
import { describeProblem, quote } from "../../problem.ts";
import { prepareText, type Setting, type TextPart } from "./source_text.ts";

interface Open {
  readonly name: string;
  readonly value: string[];
  readonly origin: Origin;
}

/**
 * uWSGI: `<uwsgi>` is the root or a child of the root, chosen by its attribute `id` where a section is asked
 * for; an element inside is an option, its text the value, "1" where it is empty; one with another `id` does
 * not count.
 */
export function parseXml(
  parts: readonly TextPart[],
  section: string | null,
  magic: MagicTable,
  diagnostics: Diagnostics,
): Setting[] {
  const { SaxesParser }: typeof Saxes = require("saxes");
  const prepared = prepareText(parts, magic, diagnostics);
  const parser = new SaxesParser({ xmlns: false, position: true });
  const settings: Setting[] = [];
  const ids: string[] = [];
  let depth = 0;
  let inside: number | null = null;
  let done = false;
  let open: Open | null = null;
  let failed = false;

  parser.on("error", (problem) => {
    if (failed) return;
    failed = true;
    const text = problem.message.replace(/^\d+:\d+: /, "").replace(/\.$/, "");
    diagnostics.error(`cannot read this as XML: ${text}`, prepared.originOf(parser.line));
  });
  parser.on("opentag", ({ name, attributes }) => {
    depth++;
    const id = attributes["id"] ?? null;
    if (inside === null) {
      if (name !== "uwsgi" || depth > 2 || done) return;
      if (id !== null) ids.push(id);
      if (section === null || id === section || (depth === 1 && id === null)) inside = depth;
    } else if (depth === inside + 1 && (section === null || id === null || id === section)) {
      open = { name, value: [], origin: prepared.originOf(parser.line) };
    } else if (open !== null) {
      diagnostics.warning(`element ${quote(name)} inside ${quote(open.name)} is ignored`, open.origin);
    }
  });
  parser.on("text", (text) => {
    if (open !== null && inside !== null && depth === inside + 1) open.value.push(text);
  });
  parser.on("cdata", (text) => {
    if (open !== null && inside !== null && depth === inside + 1) open.value.push(text);
  });
  parser.on("closetag", () => {
    if (inside !== null && depth === inside + 1 && open !== null) {
      const value = open.value.join("");
      settings.push({ name: open.name, value: value === "" ? "1" : value, origin: open.origin });
      open = null;
    } else if (inside === depth) {
      inside = null;
      done = true;
    }
    depth--;
  });
  try {
    parser.write(prepared.text).close();
  } catch (problem) {
    if (!failed) {
      diagnostics.error(`cannot read this as XML: ${describeProblem(problem)}`, prepared.originOf(1));
    }
    failed = true;
  }
  if (!failed && !done) {
    const wanted = section === null ? "<uwsgi>" : `<uwsgi id=${quote(section)}>`;
    const found = ids.length === 0 ? "" : `: the ids there are ${ids.map(quote).join(", ")}`;
    diagnostics.error(`cannot find an element ${wanted}${found}`, { file: parts.at(0)?.file ?? "", line: 0 });
  }
  return settings;
}
