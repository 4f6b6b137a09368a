/**
 * The attach-daemon options, each turned into a DaemonPlan in the order of the configuration. Pure.
 */
import type { Origin, RawOption } from "../../origin.ts";
import type { Command, DaemonOption, DaemonPlan } from "../../plan/daemon_plan.ts";
import {
  baseDraft,
  commandOf,
  type Context,
  type DaemonDefaults,
  DEFAULT_FREQ,
  type Draft,
  freqOf,
  type Planned,
} from "./draft.ts";
import { planKeyval } from "./keys.ts";
import { nameDaemons, type NameRequest } from "./names.ts";
import { type LegionNames, splitName } from "../legion/draft.ts";
import type { OptionReader } from "../../values/options.ts";
import type { PlanSystem } from "../../system/system.ts";
import { quote } from "../../problem.ts";
import type { RootedUsers } from "../../system/users.ts";

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
export function planDaemons(
  reader: OptionReader,
  defaults: DaemonDefaults,
  entrypoint: readonly string[] | null,
  users: RootedUsers,
  legions: LegionNames,
  system: PlanSystem,
): readonly DaemonPlan[] {
  const drafts: Draft[] = [];
  const names: NameRequest[] = [];
  const context: Context = { reader, defaults, users, legions, system, diagnostics: reader.diagnostics };
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
  const chosen = nameDaemons(names, reader.diagnostics);
  return drafts.map((draft, index) => ({ name: chosen[index] ?? `daemon-${index + 1}`, ...draft }));
}

/** `[LEGION ][PIDFILE[,FREQ] ]COMMAND`, each split off at the first space (uWSGI 2.0). */
function planPlain(option: RawOption, context: Context): Planned | null {
  const name = option.name as PlainOption;
  const form = PLAIN_OPTIONS[name];
  const base = baseDraft(name, option.origin, context);
  let text = option.value;
  let legion: string | null = null;
  if (form.ofLegion) {
    const parts = splitName(text);
    if (parts === null) {
      const wanted = form.kind === "dumb" ? "LEGION COMMAND" : "LEGION PIDFILE COMMAND";
      context.diagnostics.error(
        `cannot use ${name}=${quote(text)}: it takes "${wanted}", and there is no space in it`,
        option.origin,
      );
      return null;
    }
    [legion, text] = parts;
    context.legions.require(legion, name, option.origin, false);
  }
  const draft = form.kind === "dumb"
    ? planDumb(text, option, base, context)
    : planSmart(text, form.kind, option, base, context);
  if (draft === null) return null;
  const origins = legion === null ? draft.origins : { ...draft.origins, legion: option.origin };
  return { draft: { ...draft, legion, origins }, name: null };
}

function planDumb(text: string, option: RawOption, base: Draft, context: Context): Draft | null {
  const command = commandOf(text, option, context);
  return command === null ? null : { ...base, command, control: option.name === "attach-control-daemon" };
}

function planSmart(
  text: string,
  kind: "smart" | "smart2",
  option: RawOption,
  base: Draft,
  context: Context,
): Draft | null {
  const { diagnostics } = context;
  const { name } = option;
  const space = text.indexOf(" ");
  if (space < 0) {
    diagnostics.error(
      `cannot use ${name}=${quote(option.value)}: it takes "PIDFILE COMMAND"${
        base.option.startsWith("legion-") ? " behind the legion" : ""
      }, and there is no space in it`,
      option.origin,
    );
    return null;
  }
  const token = text.slice(0, space);
  const comma = token.indexOf(",");
  const pidfile = comma < 0 ? token : token.slice(0, comma);
  const freq = comma < 0 ? DEFAULT_FREQ : freqOf(token.slice(comma + 1), option.origin, diagnostics);
  const command = commandOf(text.slice(space + 1), option, context);
  if (pidfile === "") {
    diagnostics.error(`cannot use ${name}: the name of the pidfile is empty`, option.origin);
    return null;
  }
  if (!pidfile.includes("/")) {
    diagnostics.warning(
      `"${pidfile}" is taken for the pidfile, for ${name} takes "PIDFILE COMMAND": ` +
        `without a pidfile use attach-daemon, in the current directory write "./${pidfile}"`,
      option.origin,
    );
  }
  if (command === null) return null;
  const origins = { ...base.origins, pidfile: option.origin, ...(comma < 0 ? {} : { freq: option.origin }) };
  return { ...base, kind, command, pidfile, freq, origins };
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
