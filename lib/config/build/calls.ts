/**
 * call, callret, callint and callintret of hook-*: uWSGI calls a function of its own or of the C library.
 * Those whose effect reeve has act as the hook action, or as the option, that does the same; each of the
 * others is named. Pure.
 */
import type { RawOption } from "../origin.ts";
import type { HookAction } from "../plan/hook_plan.ts";
import { quote } from "../problem.ts";

export type ParsedCall =
  | { readonly kind: "action"; readonly action: HookAction }
  | { readonly kind: "skipped"; readonly why: string };

/** call and callint go on whatever the function says; the others fail with it. */
export type CallKind = "call" | "callret" | "callint" | "callintret";

/** A function that acts on uWSGI's own process is an option here, which acts on whatever reeve starts. */
const OPTIONS: Readonly<
  Record<string, { readonly name: string; readonly text: (number: number) => string }>
> = {
  umask: { name: "umask", text: (number) => (number & 0o777).toString(8).padStart(3, "0") },
  setuid: { name: "uid", text: String },
  setgid: { name: "gid", text: String },
};

/** Hook actions that do what the function does, and take what it takes. */
const ACTIONS: Readonly<Record<string, string>> = {
  mkdir: "mkdir:PATH",
  chmod: "chmod:PATH MODE",
  chown: "chown:PATH USER GROUP",
  putenv: "putenv:NAME=VALUE",
  setenv: "putenv:NAME=VALUE",
  sethostname: "hostname:NAME",
  sleep: "exec:sleep SECONDS",
  rmdir: "exec:rmdir PATH",
  mount: "mount:FS SOURCE TARGET",
  umount: "umount:TARGET",
  chroot: 'the option "chroot"',
  nice: 'the option "prio"',
};

export function parseCall(kind: CallKind, args: string): ParsedCall {
  const { name, argument } = splitCall(args);
  if (name === "") return { kind: "skipped", why: "it names no function" };
  const takesNumber = kind === "callint" || kind === "callintret";
  const action = takesNumber ? actionOfNumber(name, argument) : actionOfText(kind, name, argument);
  if (action !== null) return { kind: "action", action };
  const option = takesNumber ? optionOf(name, argument) : null;
  if (option !== null) return { kind: "skipped", why: `it is taken for ${option.name} = ${option.value}` };
  const instead = Object.hasOwn(ACTIONS, name)
    ? `write ${ACTIONS[name]}`
    : "write exec:COMMAND for what it does";
  return { kind: "skipped", why: `${quote(name)} is a function of the application server: ${instead}` };
}

/** Hooks of these phases have run before anything that they act on is started. */
const BEFORE_DAEMONS = /^hook-(?:asap|pre-jail|post-jail|in-jail|as-root|as-user)$/;

/** The options, and behind them those that hooks stand for: the last one counts. */
export function withCalledOptions(options: readonly RawOption[]): readonly RawOption[] {
  const called = options.flatMap(({ name, value, origin }) => {
    if (!BEFORE_DAEMONS.test(name)) return [];
    const [, args = ""] = /^!?callint(?:ret)?:(.*)$/s.exec(value) ?? [];
    const { name: called, argument } = splitCall(args);
    const option = optionOf(called, argument);
    return option === null ? [] : [{ ...option, origin }];
  });
  return called.length === 0 ? options : [...options, ...called];
}

function actionOfText(kind: CallKind, name: string, argument: string): HookAction | null {
  if (argument.trim() === "") return null;
  switch (name) {
    case "chdir":
      return { kind: "chdir", path: argument };
    case "unlink":
      return { kind: "unlink", path: argument };
    case "system":
      return { kind: "exec", command: argument, mayFail: kind === "call" };
    case "puts":
      return { kind: "print", text: argument };
    default:
      return null;
  }
}

function actionOfNumber(name: string, argument: string): HookAction | null {
  return name === "exit" || name === "_exit" ? { kind: "exit", code: numberOf(argument) & 255 } : null;
}

function optionOf(name: string, argument: string): Pick<RawOption, "name" | "value"> | null {
  const option = Object.hasOwn(OPTIONS, name) && /^\s*\d/.test(argument) ? OPTIONS[name] : undefined;
  return option === undefined ? null : { name: option.name, value: option.text(numberOf(argument)) };
}

function splitCall(args: string): { readonly name: string; readonly argument: string } {
  const space = args.indexOf(" ");
  return space < 0
    ? { name: args, argument: "" }
    : { name: args.slice(0, space), argument: args.slice(space + 1) };
}

/** atoi(3): decimal, whatever it begins with. */
function numberOf(text: string): number {
  return Number(/^\s*(\d{1,10})/.exec(text)?.[1] ?? 0);
}
