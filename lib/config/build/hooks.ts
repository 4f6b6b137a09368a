/**
 * The hook-*, mount-*, umount-* and exec-* options of every phase, in the order in which they run. Pure.
 * Commands run once each: uWSGI runs those of exec-as-root three times when no uid is set.
 */
import { HIDDEN, maskHook, maskLine } from "../plan/mask.ts";
import type { RawOption } from "../origin.ts";
import type { Field } from "../values/field.ts";
import type { Hook, HookPhase } from "../plan/hook_plan.ts";
import type { TouchExec } from "../plan/instance_plan.ts";
import { type ParsedAction, parseHookAction, parseMount, parseUmount } from "./hook_actions.ts";
import type { OptionReader } from "../values/options.ts";
import { isUsualShell, shellTextError } from "../values/shell_text.ts";
import { quote } from "../problem.ts";

/** Phases in their order. */
const PHASES: readonly HookPhase[] = [
  "asap",
  "pre-jail",
  "post-jail",
  "in-jail",
  "as-root",
  "as-user",
  "pre-app",
  "post-app",
  "master-start",
  // Without workers there is one moment when an instance begins to serve: once its daemons were started.
  "accepting",
  "as-user-atexit",
];

/** The steps of a phase besides its hooks, in this order. */
const LISTS: readonly (readonly [kind: string, parse: (text: string) => ParsedAction])[] = [
  ["mount", parseMount],
  ["umount", parseUmount],
  ["exec", parseCommand],
];

/**
 * The phases of a jail are left out without one; with `jailed` post-jail is not. In a phase: hook-P, mount-P,
 * umount-P, exec-P, each list in the order of the configuration (uWSGI 2.0).
 */
export function planHooks(reader: OptionReader, hasJail: boolean): readonly Hook[] {
  const hooks: Hook[] = [];
  // Half a hundred names to ask for, and most configurations have none of them.
  if (!reader.hasAny(["hook-", "mount-", "umount-", "exec-"])) return hooks;
  for (const phase of PHASES) {
    if (!hasJail && isOfJail(phase) && !(phase === "post-jail" && reader.flag("jailed"))) {
      warnOfPhase(phase, reader);
      continue;
    }
    for (const option of reader.all(`hook-${phase}`)) addHook(hooks, phase, option);
    for (const [kind, parse] of LISTS) {
      for (const option of reader.all(`${kind}-${phase}`)) {
        if (!reader.needText(option)) continue;
        add(hooks, option, { phase, parsed: parse(option.value), shown: maskLine(option.value) });
      }
    }
  }
  for (const { action, phase, shown, origin } of hooks) {
    if (action.kind !== "exec" || shown === HIDDEN) continue;
    checkText(action.command, action.mayFail, { name: `the phase ${phase}`, origin }, reader);
  }
  return hooks;
}

function isOfJail(phase: HookPhase): boolean {
  return phase === "post-jail" || phase === "in-jail";
}

/** uWSGI 2.0 leaves them out as well, without a word. */
function warnOfPhase(phase: HookPhase, reader: OptionReader): void {
  const option = reader.last(...["hook", "mount", "umount", "exec"].map((kind) => `${kind}-${phase}`));
  if (option === null) return;
  reader.diagnostics.warning(
    `${option.name} is left out, for there is no jail: add namespace = ROOT, or use the phase as-root`,
    option.origin,
  );
}

/** touch-exec = FILE COMMAND, and hook-touch = FILE ACTION where the action is a command. */
export function planTouchExec(reader: OptionReader): readonly TouchExec[] {
  const planned: TouchExec[] = [];
  for (const option of reader.all("touch-exec", "hook-touch")) {
    if (!reader.needText(option)) continue;
    const space = option.value.indexOf(" ");
    const path = option.value.slice(0, space);
    const rest = option.value.slice(space + 1).trim();
    if (space < 1 || rest === "") {
      const second = option.name === "touch-exec" ? "COMMAND" : "ACTION:ARGUMENTS";
      reader.diagnostics.error(`option "${option.name}" takes "FILE ${second}"`, option.origin);
      continue;
    }
    const command = option.name === "touch-exec" ? rest : commandOfHook(rest, option, reader);
    if (command === null) continue;
    checkText(command, true, option, reader);
    planned.push({ path, command, origin: option.origin });
  }
  return planned;
}

/** A command that the shell cannot read, told before it is run. */
function checkText(
  command: string,
  mayFail: boolean,
  { name, origin }: Pick<RawOption, "name" | "origin">,
  reader: OptionReader,
): void {
  const why = reader.texts("binsh").every(isUsualShell) ? shellTextError(command, false) : null;
  if (why === null) return;
  reader.diagnostics[mayFail ? "warning" : "error"](
    `cannot run ${quote(maskLine(command))} of ${name}: ${why}`,
    origin,
  );
}

function commandOfHook(text: string, option: RawOption, reader: OptionReader): string | null {
  const parsed = parseHookAction(text.replace(/^!/, ""));
  if (parsed.kind === "wrong") {
    reader.diagnostics.error(`cannot use hook-touch: ${parsed.problem}`, option.origin);
  } else if (parsed.kind === "action" && parsed.action.kind === "exec") return parsed.action.command;
  else {
    const text = "hook-touch runs commands only (exec:COMMAND): this one is skipped";
    reader.diagnostics.warning(text, option.origin);
  }
  return null;
}

function addHook(hooks: Hook[], phase: HookPhase, option: Field): void {
  const isHidden = option.value.startsWith("!");
  const text = isHidden ? option.value.slice(1) : option.value;
  const parsed = parseHookAction(text);
  add(hooks, option, { phase, parsed, shown: isHidden ? HIDDEN : maskHook(text) });
}

interface Found {
  readonly phase: HookPhase;
  readonly parsed: ParsedAction;
  readonly shown: string;
}

function add(hooks: Hook[], option: Field, { phase, parsed, shown }: Found): void {
  if (parsed.kind === "wrong") {
    option.error(`cannot use ${option.name}: ${parsed.problem}`);
  } else if (parsed.kind === "skipped") {
    option.diagnostics.note(`${option.name} ${quote(shown)} is skipped: ${parsed.why}`, option.origin);
  } else {
    if (parsed.warning !== undefined) option.warning(`${option.name}: ${parsed.warning}`);
    hooks.push({ phase, action: parsed.action, shown, origin: option.origin });
  }
}

function parseCommand(command: string): ParsedAction {
  return { kind: "action", action: { kind: "exec", command, mayFail: false } };
}
