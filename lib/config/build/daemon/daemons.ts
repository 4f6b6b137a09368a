/**
 * The attach-daemon options, each turned into a DaemonPlan in the order of the configuration. Pure.
 */
import type { Origin } from "../../origin.ts";
import type { Command, DaemonOption, DaemonPlan } from "../../plan/daemon_plan.ts";
import { baseDraft, commandOf, type Context, type Draft, type Planned } from "./draft.ts";
import { planKeyval } from "./keys.ts";
import { readFreq } from "../../options/daemon_keys.ts";
import type { Field } from "../../values/field.ts";
import { nameDaemons, type NameRequest } from "./names.ts";
import { splitName } from "../legion/draft.ts";
import { shownCommand } from "../../plan/mask.ts";
import { quote } from "../../problem.ts";
import { isUsualShell, shellTextError } from "../../values/shell_text.ts";

/** The forms of one line, and what each makes. */
const PLAIN_OPTIONS = {
  "attach-daemon": { kind: "dumb", control: false, ofLegion: false },
  "attach-control-daemon": { kind: "dumb", control: true, ofLegion: false },
  "smart-attach-daemon": { kind: "smart", control: false, ofLegion: false },
  "smart-attach-daemon2": { kind: "smart2", control: false, ofLegion: false },
  "legion-attach-daemon": { kind: "dumb", control: false, ofLegion: true },
  "legion-smart-attach-daemon": { kind: "smart", control: false, ofLegion: true },
  "legion-smart-attach-daemon2": { kind: "smart2", control: false, ofLegion: true },
} as const satisfies Partial<Record<DaemonOption, unknown>>;
type PlainOption = keyof typeof PLAIN_OPTIONS;

/** `entrypoint`: the words after `--`, which become a control daemon that keeps stdin. */
export function planDaemons(context: Context, entrypoint: readonly string[] | null): readonly DaemonPlan[] {
  const { reader, diagnostics } = context;
  const drafts: Draft[] = [];
  const names: NameRequest[] = [];
  for (const option of reader.all(...Object.keys(PLAIN_OPTIONS), "attach-daemon2")) {
    const planned = option.name === "attach-daemon2"
      ? planKeyval(option, context)
      : planPlain(option, context);
    if (planned === null) continue;
    drafts.push(planned.draft);
    names.push({ command: planned.draft.command, name: planned.name, origin: option.origin });
  }
  if (entrypoint !== null && entrypoint.length > 0) {
    const draft = planEntrypoint(entrypoint, context);
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
  return drafts.map((draft, index) => ({ name: chosen[index] ?? `daemon-${index + 1}`, ...draft }));
}

/** `[LEGION ][PIDFILE[,FREQ] ]COMMAND`, each split off at the first space (uWSGI 2.0). */
function planPlain(option: Field, context: Context): Planned | null {
  const name = option.name as PlainOption;
  const { kind, control, ofLegion } = PLAIN_OPTIONS[name];
  let text = option.value;
  let legion: string | null = null;
  if (ofLegion) {
    const parts = splitName(text);
    if (parts === null) {
      const wanted = kind === "dumb" ? "LEGION COMMAND" : "LEGION PIDFILE COMMAND";
      return option.error(
        `cannot use ${name}=${quote(text)}: it takes "${wanted}", and there is no space in it`,
      );
    }
    [legion, text] = parts;
    context.legions.require(legion, name, option.origin, false);
  }
  const base: Draft = { ...baseDraft(name, option.origin, context), kind, control };
  const draft = kind === "dumb"
    ? planDumb(option.with({ value: text }), base, context)
    : planSmart(option, text, base, context);
  if (draft === null) return null;
  const origins = legion === null ? draft.origins : { ...draft.origins, legion: option.origin };
  return { draft: { ...draft, legion, origins }, name: null };
}

function planDumb(field: Field, base: Draft, context: Context): Draft | null {
  const command = commandOf(field, context);
  return command === null ? null : { ...base, command };
}

/** `text`: the value without the legion. */
function planSmart(option: Field, text: string, base: Draft, context: Context): Draft | null {
  const { name, origin } = option;
  const space = text.indexOf(" ");
  if (space < 0) {
    return option.error(
      `cannot use ${name}=${quote(option.value)}: it takes "PIDFILE COMMAND"${
        base.option.startsWith("legion-") ? " behind the legion" : ""
      }, and there is no space in it`,
    );
  }
  const token = text.slice(0, space);
  const comma = token.indexOf(",");
  const pidfile = comma < 0 ? token : token.slice(0, comma);
  const freq = comma < 0 ? null : readFreq(option.with({ name: "freq", value: token.slice(comma + 1) }));
  const command = commandOf(option.with({ value: text.slice(space + 1) }), context);
  if (pidfile === "") return option.error(`cannot use ${name}: the name of the pidfile is empty`);
  if (!pidfile.includes("/")) {
    option.warning(
      `"${pidfile}" is taken for the pidfile, for ${name} takes "PIDFILE COMMAND": ` +
        `without a pidfile use attach-daemon, in the current directory write "./${pidfile}"`,
    );
  }
  if (command === null) return null;
  const origins = { ...base.origins, pidfile: origin, ...(comma < 0 ? {} : { freq: origin }) };
  return { ...base, command, pidfile, freq: freq ?? base.freq, origins };
}

function planEntrypoint(words: readonly string[], context: Context): Draft {
  const origin: Origin = { file: "command line", line: 0 };
  const command: Command = { kind: "words", text: words.map(quoteWord).join(" "), words };
  return { ...baseDraft("entrypoint", origin, context), command, control: true, stdin: true };
}

/** A word as a shell would want it, for people to read. */
function quoteWord(word: string): string {
  return /^[A-Za-z0-9_\/.:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
