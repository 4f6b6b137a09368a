/**
 * The daemons of a configuration, whatever form each has: lines in their order, then sections, then the
 * command behind `--`. Pure.
 */
import type { DaemonSection } from "../../daemon_section.ts";
import type { Origin } from "../../origin.ts";
import type { Command, DaemonPlan } from "../../plan/daemon_plan.ts";
import { Field } from "../../values/field.ts";
import type { KeyFields } from "../../values/keyval.ts";
import type { OptionReader } from "../../values/options.ts";
import { baseDraft, type Context, type Draft } from "./draft.ts";
import { planKeys } from "./keys.ts";
import { LINE_OPTIONS, readLine } from "./lines.ts";
import { nameDaemons, type NameRequest } from "./names.ts";
import { chooseSections, readSection } from "./sections.ts";
import { type DaemonSource, defaultKeys, withDefaults } from "./source.ts";
import { shownCommand } from "../../plan/mask.ts";
import { quote } from "../../problem.ts";
import { isUsualShell, shellTextError } from "../../values/shell_text.ts";

/** Every daemon as it was written, without the instance's defaults, in the order of the Plan. */
export function readSources(
  reader: OptionReader,
  sections: readonly DaemonSection[],
): readonly DaemonSource[] {
  const lines = reader.all(...LINE_OPTIONS).flatMap((option) => readLine(option) ?? []);
  if (sections.length === 0 && reader.last("only-daemons") === null) return lines;
  const chosen = chooseSections(sections, reader);
  return [...lines, ...chosen.map((section) => readSection(section, reader.diagnostics))];
}

/** `entrypoint`: the words after `--`, which become a control daemon that keeps stdin. */
export function planDaemons(
  context: Context,
  sections: readonly DaemonSection[],
  entrypoint: readonly string[] | null,
): readonly DaemonPlan[] {
  const { reader, diagnostics } = context;
  const drafts: Draft[] = [];
  const names: NameRequest[] = [];
  const defaults = defaultKeys(reader);
  for (const source of readSources(reader, sections)) {
    const draft = planKeys(withDefaults(source, defaults), context);
    if (draft === null) continue;
    drafts.push(draft);
    names.push({ command: draft.command, name: source.name, origin: draft.origin });
  }
  if (entrypoint !== null && entrypoint.length > 0) {
    const draft = planEntrypoint(entrypoint, defaults, context);
    drafts.push(draft);
    names.push({ command: draft.command, name: null, origin: draft.origin });
  }
  for (const { command, kind, origin } of drafts) {
    // A smart daemon puts itself into the background, with its pidfile written.
    const isText = command.kind === "shell" && isUsualShell(command.shell);
    const why = isText ? shellTextError(command.text, kind !== "smart") : null;
    if (why !== null) diagnostics.error(`cannot run ${quote(shownCommand(command))}: ${why}`, origin);
  }
  const chosen = nameDaemons(names, diagnostics);
  // A default is read for each daemon; what is wrong with it is said once.
  if (defaults.size > 0 || sections.length > 0) diagnostics.keepFirst();
  return drafts.map((draft, index) => ({ name: chosen[index] ?? `daemon-${index + 1}`, ...draft }));
}

function planEntrypoint(words: readonly string[], defaults: KeyFields, context: Context): Draft {
  const origin: Origin = { file: "command line", line: 0 };
  const command: Command = { kind: "words", text: words.map(quoteWord).join(" "), words };
  const line = new Field({ name: "entrypoint", value: command.text, origin }, context.diagnostics);
  const source = {
    option: "entrypoint",
    line,
    name: null,
    keys: new Map([["command", [line]]]),
    fixed: FIXED,
  } as const;
  const draft = defaults.size === 0 ? null : planKeys(withDefaults(source, defaults), context);
  return { ...draft ?? baseDraft("entrypoint", origin, context), command, control: true, stdin: true };
}

/** Keys that the words behind `--` decide themselves. */
const FIXED: ReadonlySet<string> = new Set(["command", "pidfile", "daemonize", "control", "stdin", "legion"]);

/** A word as a shell would want it, for people to read. */
function quoteWord(word: string): string {
  return /^[A-Za-z0-9_\/.:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
