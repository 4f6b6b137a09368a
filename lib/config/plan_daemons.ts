/**
 * The attach-daemon options, each turned into a DaemonPlan in the order of the configuration. Pure.
 */
import type { Origin, RawOption } from "./origin.ts";
import type { Command, DaemonPlan } from "./plan.ts";
import {
  baseDraft,
  commandOf,
  type Context,
  type DaemonDefaults,
  DEFAULT_FREQ,
  type Draft,
  freqOf,
  type Planned,
} from "./plan_daemon_draft.ts";
import { planKeyval } from "./plan_daemon_keys.ts";
import { nameDaemons, type NameRequest } from "./plan_daemon_names.ts";
import type { OptionReader } from "./plan_options.ts";
import type { PlanSystem } from "./plan_system.ts";
import { quote } from "./problem.ts";
import type { RootedUsers } from "./plan_users.ts";

const PLAIN_OPTIONS = [
  "attach-daemon",
  "attach-control-daemon",
  "smart-attach-daemon",
  "smart-attach-daemon2",
] as const;

/** `entrypoint`: the words after `--`, which become a control daemon that keeps stdin. */
export function planDaemons(
  reader: OptionReader,
  defaults: DaemonDefaults,
  entrypoint: readonly string[] | null,
  users: RootedUsers,
  system: PlanSystem,
): readonly DaemonPlan[] {
  const drafts: Draft[] = [];
  const names: NameRequest[] = [];
  const context: Context = { reader, defaults, users, system, diagnostics: reader.diagnostics };
  for (const option of reader.all(...PLAIN_OPTIONS, "attach-daemon2")) {
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

/** `[PIDFILE[,FREQ] ]COMMAND`, split at the first space (uWSGI 2.0). */
function planPlain(option: RawOption, context: Context): Planned | null {
  const { diagnostics } = context;
  const name = option.name as (typeof PLAIN_OPTIONS)[number];
  const base = baseDraft(name, option.origin, context);
  if (name === "attach-daemon" || name === "attach-control-daemon") {
    const command = commandOf(option.value, option, context);
    if (command === null) return null;
    return { draft: { ...base, command, control: name === "attach-control-daemon" }, name: null };
  }
  const space = option.value.indexOf(" ");
  if (space < 0) {
    diagnostics.error(
      `cannot use ${name}=${quote(option.value)}: it takes "PIDFILE COMMAND", and there is no space in it`,
      option.origin,
    );
    return null;
  }
  const token = option.value.slice(0, space);
  const comma = token.indexOf(",");
  const pidfile = comma < 0 ? token : token.slice(0, comma);
  const freq = comma < 0 ? DEFAULT_FREQ : freqOf(token.slice(comma + 1), option.origin, diagnostics);
  const command = commandOf(option.value.slice(space + 1), option, context);
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
  const kind = name === "smart-attach-daemon" ? "smart" : "smart2";
  const origins = { ...base.origins, pidfile: option.origin, ...(comma < 0 ? {} : { freq: option.origin }) };
  return { draft: { ...base, kind, command, pidfile, freq, origins }, name: null };
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
