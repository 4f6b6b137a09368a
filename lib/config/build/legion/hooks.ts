/** `legion-EVENT = NAME ACTION:ARGUMENTS`: what is done when something happens to a legion. Pure. */
import type { Diagnostics } from "../../diagnostic.ts";
import type { LegionAction, LegionEvent, LegionHook, LegionPlan } from "../../plan/legion_plan.ts";
import { maskHook } from "../../plan/mask.ts";
import type { Field } from "../../values/field.ts";
import type { DaemonPlan } from "../../plan/daemon_plan.ts";
import { nearestName } from "../../nearest.ts";
import { quote } from "../../problem.ts";
import { parseSignal } from "../../../sys/signal_names.ts";

export const LEGION_EVENTS: readonly LegionEvent[] = [
  "setup",
  "join",
  "lord",
  "unlord",
  "death",
  "node-joined",
  "node-left",
];
const ACTIONS = ["cmd", "exec", "log", "signal", "alarm"];

/** `text`: what follows the legion's name. null after an error. */
export function parseLegionHook(event: LegionEvent, field: Field): LegionHook | null {
  const { name, value, origin } = field;
  const parsed = parseAction(value);
  return typeof parsed === "string"
    ? field.error(`cannot use ${name}: ${parsed}`)
    : { event, action: parsed, shown: maskHook(value), origin };
}

/** The action, or what is wrong with it. */
function parseAction(text: string): LegionAction | string {
  const colon = text.indexOf(":");
  const name = colon < 0 ? text.split(" ", 1)[0] ?? "" : text.slice(0, colon);
  const argument = text.slice(colon + 1).trim();
  if (colon < 0) return 'an action is written ACTION:ARGUMENTS, as in "cmd:/usr/local/bin/notify up"';
  switch (name) {
    case "cmd":
    case "exec":
      if (argument === "" || argument.includes("\0")) return `${name} takes a command`;
      return { kind: "cmd", command: argument };
    case "log":
      return { kind: "log", text: text.slice(colon + 1) };
    case "signal":
      return parseSignalAction(argument);
    case "alarm":
      return 'alarms are a part of the application server: use "cmd:COMMAND" or "log:TEXT"';
  }
  const near = nearestName(name, ACTIONS);
  const hint = near === null ? "there are cmd, exec, log and signal" : `did you mean "${near}"?`;
  return `unknown action ${quote(name)}: ${hint}`;
}

/** `DAEMON SIGNAL`. uWSGI 2.0: `signal:N` is a signal of the application server, for its workers. */
function parseSignalAction(argument: string): LegionAction | string {
  if (/^\d+$/.test(argument)) {
    return `signal:${argument} is a signal for workers of the application server: ` +
      'write "signal:DAEMON SIGNAL" for a unix signal to a daemon, as in "signal:memcached HUP"';
  }
  const words = argument.split(/\s+/);
  const [daemon = "", signalText] = words;
  if (words.length !== 2 || signalText === undefined) {
    return 'signal takes "DAEMON SIGNAL", as in "memcached HUP"';
  }
  const signal = parseSignal(signalText);
  if (signal === null) {
    return `unknown signal ${quote(signalText)}: give a name (HUP, SIGUSR1) or a number from 1 to 64`;
  }
  return { kind: "signal", daemon, signal };
}

/** Daemons get their names after the legions: a signal to one that is not there is an error. */
export function checkSignals(
  legions: readonly LegionPlan[],
  daemons: readonly DaemonPlan[],
  diagnostics: Diagnostics,
): void {
  const names = daemons.map(({ name }) => name);
  for (const { action, event, origin } of legions.flatMap(({ hooks }) => hooks)) {
    if (action.kind !== "signal" || names.includes(action.daemon)) continue;
    const near = nearestName(action.daemon, names);
    const hint = near === null ? `there are ${names.join(", ") || "none"}` : `did you mean "${near}"?`;
    diagnostics.error(`legion-${event} signals the unknown daemon ${quote(action.daemon)}: ${hint}`, origin);
  }
}
