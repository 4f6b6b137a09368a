/** A configuration with every daemon in one line, by attach-daemon2 where it is in a section. Pure. */
import { readLine } from "../build/daemon/lines.ts";
import { Diagnostics } from "../diagnostic.ts";
import { DAEMON_KEYS } from "../options/daemon_keys.ts";
import { quote } from "../problem.ts";
import { Field } from "../values/field.ts";
import { bool } from "../values/key_values.ts";
import { escapeItem, escapeQuoted, type KeyFields } from "../values/keyval.ts";
import type { Document, Line } from "./document.ts";
import type { Sources, WritableDaemon } from "./sources.ts";

/** `problems`: keys that a line has no words for. */
export function asLines({ options, daemons }: Sources): { document: Document; problems: readonly string[] } {
  const problems: string[] = [];
  const keepsStdin = options.some(({ name }) => name === "daemons-honour-stdin");
  const lines = daemons.map((daemon): Line => {
    if (daemon.line !== null) return daemon.line;
    const line = { name: "attach-daemon2", value: valueOf(daemon) };
    const key = lostKey(line, daemon) ?? (keepsStdin && isOff(daemon, "stdin") ? "stdin" : null);
    if (key !== null) {
      problems.push(
        `cannot write daemon ${quote(daemon.name)} in a line: the value of ${quote(key)} has no form there`,
      );
    }
    return line;
  });
  return { document: { options: [...options, ...lines], daemons: [] }, problems };
}

/** A line can only leave a switch out, and then the instance may turn it on. */
function isOff({ source }: WritableDaemon, key: string): boolean {
  return source.keys.has(key) && said(source.keys, key).length === 0;
}

function valueOf({ name, source }: WritableDaemon): string {
  const items = DAEMON_KEYS.flatMap(({ key, repeats }) => {
    const texts = said(source.keys, key);
    if (key === "name") return [`name=${name}`];
    if (texts.length === 0) return [];
    return [
      `${key}=${escapeItem(repeats === undefined ? texts.join("") : texts.map(escapeQuoted).join(";"))}`,
    ];
  });
  return items.join(",");
}

/** The texts of a key as a line has them: one that switches nothing on is left out. */
function said(keys: KeyFields, key: string): readonly string[] {
  const row = DAEMON_KEYS.find((one) => one.key === key);
  const fields = (keys.get(key) ?? []).filter(({ value }) => value !== "" || row?.type === "bool");
  if (row?.type === "switch") return (keys.get(key) ?? []).some((field) => bool(field)) ? ["1"] : [];
  return fields.map(({ value }) => row?.type === "command" ? value.trim() : value);
}

/** The first key that is another one when the line is read; null: all are the same. */
function lostKey(line: Line, { name, source }: WritableDaemon): string | null {
  const diagnostics = new Diagnostics();
  const option = { ...line, origin: source.line.origin };
  const read = readLine(new Field(option, diagnostics));
  const keys = read?.keys ?? new Map<string, readonly Field[]>();
  const lost = DAEMON_KEYS.find(({ key }) =>
    key !== "name" && JSON.stringify(said(keys, key)) !== JSON.stringify(said(source.keys, key))
  );
  if (lost !== undefined) return lost.key;
  return read?.name !== name ? "name" : diagnostics.hasErrors ? "command" : null;
}
