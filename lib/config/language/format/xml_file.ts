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
import {
  type ParsedText,
  prepareText,
  type SectionText,
  type Setting,
  type TextPart,
} from "./source_text.ts";

interface Open {
  readonly name: string;
  readonly value: string[];
  readonly origin: Origin;
}

/** Where an element that is open adds what it holds. */
interface Inside {
  readonly depth: number;
  readonly settings: Setting[];
  /** The line of a daemon's opening tag; null: `<uwsgi>` is open. */
  readonly daemonLine: number | null;
}

/**
 * uWSGI: `<uwsgi>` is the root or a child of the root, chosen by its attribute `id` where a section is asked
 * for; an element inside is an option, its text the value, "1" where it is empty; one with another `id` does
 * not count. Ours: `<daemon name="NAME">` beside it is a section [daemon:NAME], and an element inside a key.
 */
export function parseXml(
  parts: readonly TextPart[],
  section: string | null,
  magic: MagicTable,
  diagnostics: Diagnostics,
): ParsedText {
  const { SaxesParser }: typeof Saxes = require("saxes");
  const prepared = prepareText(parts, magic);
  const parser = new SaxesParser({ xmlns: false, position: true });
  const settings: Setting[] = [];
  const daemons: SectionText[] = [];
  /** First and last line of each daemon. */
  const ranges: (readonly [from: number, to: number])[] = [];
  const ids: string[] = [];
  let depth = 0;
  let inside: Inside | null = null;
  let done = false;
  let open: Open | null = null;
  let failed = false;

  const openDaemon = (name: string | null): void => {
    const origin = prepared.originOf(parser.line);
    const own: Setting[] = [];
    if (name === null) diagnostics.error('a <daemon> needs a name: write <daemon name="NAME">', origin);
    else daemons.push({ name, origin, settings: own });
    inside = { depth, settings: own, daemonLine: parser.line };
  };
  const complain = (what: string, origin: Origin): void => {
    if (inside?.daemonLine === null) diagnostics.warning(`${what} is ignored`, origin);
    else diagnostics.error(`${what}: an element of a daemon holds its value alone`, origin);
  };

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
      if (name === "daemon" && depth === 2) return openDaemon(attributes["name"] ?? null);
      if (name !== "uwsgi" || depth > 2 || done) return;
      if (id !== null) ids.push(id);
      if (section === null || id === section || (depth === 1 && id === null)) {
        inside = { depth, settings, daemonLine: null };
      }
    } else if (depth === inside.depth + 1) {
      const isUsed = inside.daemonLine !== null || section === null || id === null || id === section;
      if (!isUsed) return;
      open = { name, value: [], origin: prepared.originOf(parser.line) };
      if (name === "daemon" && inside.daemonLine === null && attributes["name"] !== undefined) {
        diagnostics.error(
          "a <daemon> stands beside <uwsgi>, and not in it: put both into one root",
          open.origin,
        );
      }
    } else if (open !== null) complain(`element ${quote(name)} inside ${quote(open.name)}`, open.origin);
  });
  const take = (text: string): void => {
    if (inside === null) return;
    if (open !== null && depth === inside.depth + 1) open.value.push(text);
    else if (depth === inside.depth && inside.daemonLine !== null && text.trim() !== "") {
      diagnostics.error(
        `cannot use the text ${quote(text.trim())}: it is in no element`,
        prepared.originOf(parser.line),
      );
    }
  };
  parser.on("text", take);
  parser.on("cdata", take);
  parser.on("closetag", () => {
    if (inside !== null && depth === inside.depth + 1 && open !== null) {
      const value = open.value.join("");
      inside.settings.push({ name: open.name, value: value === "" ? "1" : value, origin: open.origin });
      open = null;
    } else if (inside?.depth === depth) {
      if (inside.daemonLine === null) done = true;
      else ranges.push([inside.daemonLine, parser.line]);
      inside = null;
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
  prepared.reportMagic((line) => ranges.some(([from, to]) => line >= from && line <= to), diagnostics);
  if (!failed && !done && (section !== null || daemons.length === 0)) {
    const wanted = section === null ? "<uwsgi>" : `<uwsgi id=${quote(section)}>`;
    const found = ids.length === 0 ? "" : `: the ids there are ${ids.map(quote).join(", ")}`;
    diagnostics.error(`cannot find an element ${wanted}${found}`, { file: parts.at(0)?.file ?? "", line: 0 });
  }
  return { settings, daemons };
}
