/**
 * What an apply did, or would do, as lines: a daemon each, then the rest. Pure. Fields come from an instance
 * that may be another version of reeve; what is not understood is shown as it is.
 */
import { printable } from "../../shared/output.ts";
import { type Fields, fieldsOf, listOf, numberOf, textOf, textsOf } from "./fields.ts";

interface Row {
  readonly sign: string;
  readonly name: string;
  readonly text: string;
  readonly place: string;
  readonly values: string;
}

/** Values up to this many characters stand beside their key. */
const SHORT = 20;

export function appliedLines(report: unknown): string[] {
  const fields = fieldsOf(report);
  const rows = listOf(fields["daemons"]).map(rowOf);
  const [names, texts, places] = [widest(rows, "name"), widest(rows, "text"), widest(rows, "place")];
  const lines = rows.map(({ sign, name, text, place, values }) =>
    `${sign} ${name.padEnd(names)}  ${text.padEnd(texts)}  ${place.padEnd(places)}  ${values}`.trimEnd()
  );
  const needing = (list: unknown, what: string): string[] =>
    textsOf(list).map((name) => `! ${printable(name)} has changed, which ${what}: left as it was`);
  return [
    ...lines,
    `= ${numberOf(fields["unchanged"]) ?? 0} unchanged`,
    ...needing(fields["reload"], 'needs "reeve reload"'),
    ...needing(fields["stop"], "needs a stop and start"),
    ...textsOf(fields["warnings"]).map((warning) => `warning: ${printable(warning)}`),
    ...(fields["dry-run"] === true ? ["nothing was done (--dry-run)"] : []),
  ];
}

/** Whether there was anything to be done. */
export function hasDifferences(report: unknown): boolean {
  const fields = fieldsOf(report);
  return ["daemons", "reload", "stop"].some((name) => {
    const list = fields[name];
    return Array.isArray(list) && list.length > 0;
  });
}

const SIGNS: Readonly<Record<string, string>> = { start: "+", stop: "-", leave: "-" };

function rowOf(daemon: Fields): Row {
  const work = textOf(daemon["work"]) ?? "";
  const file = textOf(daemon["file"]);
  const line = numberOf(daemon["line"]);
  const settings = listOf(daemon["settings"]).filter((setting) => textOf(setting["change"]) !== "name")
    .map(settingOf);
  return {
    sign: SIGNS[work] ?? "~",
    name: printable(textOf(daemon["name"]) ?? ""),
    text: workText(work, settings.map(({ text }) => text).join(", "), textOf(daemon["was"])),
    place: file === null ? "" : printable(line === null ? file : `${file}:${line}`),
    values: settings.flatMap(({ values }) => values === null ? [] : [values]).join("; "),
  };
}

function workText(work: string, settings: string, was: string | null): string {
  const renamed = was === null ? "" : `was called ${printable(was)}`;
  const text = work === "rename" ? "" : WORDS[work]?.(settings) ?? `${printable(work)}: ${settings}`;
  return [text, renamed].filter((part) => part !== "").join("; ");
}

const WORDS: Readonly<Record<string, (settings: string) => string>> = {
  start: () => "new",
  stop: () => "stop",
  leave: () => "left running, unsupervised (--keep-removed)",
  restart: (settings) => `restart: ${settings}`,
  older: (settings) => `runs as it was started, until it is restarted (--restart-smart): ${settings}`,
  later: (settings) => `from its next start on: ${settings}`,
  live: (settings) => `live: ${settings}`,
};

function settingOf(setting: Fields): { readonly text: string; readonly values: string | null } {
  const name = printable(textOf(setting["name"]) ?? "");
  const [from, to] = [textOf(setting["from"]) ?? "", textOf(setting["to"]) ?? ""].map(printable);
  if (from === undefined || to === undefined || from === to) return { text: name, values: null };
  const isShort = [from, to].every((value) => value.length <= SHORT && /^[^ ]+$/.test(value));
  if (isShort) return { text: `${name} ${from} > ${to}`, values: null };
  const [before, after] = apart(from, to);
  return { text: name, values: `"${before}" > "${after}"` };
}

/** Without the words that both begin with. */
function apart(from: string, to: string): readonly [string, string] {
  const [was, is] = [from.split(" "), to.split(" ")];
  let same = 0;
  while (same < was.length - 1 && same < is.length - 1 && was[same] === is[same]) same++;
  return [was.slice(same).join(" "), is.slice(same).join(" ")];
}

function widest(rows: readonly Row[], field: "name" | "text" | "place"): number {
  return Math.max(0, ...rows.map((row) => row[field].length));
}
