/**
 * The `action:arguments` grammar of hook-* options, as uWSGI 2.0 has it (core/hooks.c, core/mount.c). Pure:
 * it reads an action and never carries one out.
 */
import type { HookAction, WaitKind } from "../plan/hook_plan.ts";
import { nearestName } from "../nearest.ts";
import { parseCall } from "./calls.ts";
import { parseAssignment } from "../values/assignment.ts";
import { quote } from "../problem.ts";

export type ParsedAction =
  | {
    readonly kind: "action";
    readonly action: HookAction;
    /** The part that is not as it was written; absent: none. */
    readonly warning?: string;
  }
  /** Known, and without a meaning outside the application server; `why` for people. */
  | { readonly kind: "skipped"; readonly why: string }
  | { readonly kind: "wrong"; readonly problem: string };

type ActionParser = (args: string) => ParsedAction;

const MOUNT_FLAGS = new Set(
  ("bind dirsync mandlock move noatime nodev noexec rdonly readonly ro remount nosuid sync force detach rec recursive " +
    "private shared defaults").split(" "),
);

/**
 * Functions of uWSGI that `unix_signal:15 NAME` is used with, to make it stop on SIGTERM: reeve does that
 * anyway.
 */
const STOPPING_FUNCTIONS = new Set([
  "gracefully_kill_them_all",
  "kill_them_all",
  "goodbye_cruel_world",
  "end_me",
]);

const NEEDS_UWSGI = "it calls into the application server";

const PARSERS: Readonly<Record<string, ActionParser>> = {
  cd: (path) => need(path, "PATH", { kind: "chdir", path }),
  chdir: (path) => need(path, "PATH", { kind: "chdir", path }),
  mkdir: (path) => need(path, "PATH", { kind: "mkdir", path }),
  putenv: parsePutenv,
  chmod: parseChmod,
  chown: parseChown,
  chown2: parseChown,
  sticky: (path) => need(path, "PATH", { kind: "sticky", path }),
  exec: (command) => need(command, "COMMAND", { kind: "exec", command, mayFail: false }),
  safeexec: (command) => need(command, "COMMAND", { kind: "exec", command, mayFail: true }),
  create: (path) => need(path, "PATH", { kind: "create", path }),
  creat: (path) => need(path, "PATH", { kind: "create", path }),
  write: (args) => parseWrite(args, false, false),
  writen: (args) => parseWrite(args, false, true),
  append: (args) => parseWrite(args, true, false),
  // uWSGI: appendn without a text appends an empty line.
  appendn: (args) => parseWrite(args.includes(" ") ? args : `${args} `, true, true),
  writefifo: parseWriteFifo,
  unlink: (path) => need(path, "PATH", { kind: "unlink", path }),
  mount: parseMount,
  umount: parseUmount,
  hostname: (name) => need(name, "NAME", { kind: "hostname", name }),
  wait_for_fs: (target) => parseWait("fs", target),
  wait_for_file: (target) => parseWait("file", target),
  wait_for_dir: (target) => parseWait("dir", target),
  wait_for_socket: (target) => parseWait("socket", target),
  unix_signal: parseUnixSignal,
  exit: parseExit,
  print: (text) => action({ kind: "print", text }),
  log: (text) => action({ kind: "print", text }),
  alarm: () => skipped("it needs the application server's alarms"),
  spinningfifo: () => skipped("it spins until a FIFO has a reader: use writefifo"),
  call: (args) => parseCall("call", args),
  callret: (args) => parseCall("callret", args),
  callint: (args) => parseCall("callint", args),
  callintret: (args) => parseCall("callintret", args),
  rpc: () => skipped(NEEDS_UWSGI),
  retryrpc: () => skipped(NEEDS_UWSGI),
};

/** `text` without the leading `!` that hides the arguments in the log. */
export function parseHookAction(text: string): ParsedAction {
  const colon = text.indexOf(":");
  if (colon < 0) return wrong(`a hook is written ACTION:ARGUMENTS, ${quote(text)} has no ":"`);
  const name = text.slice(0, colon);
  const parse = Object.hasOwn(PARSERS, name) ? PARSERS[name] : undefined;
  if (parse !== undefined) return parse(text.slice(colon + 1));
  const near = nearestName(name, Object.keys(PARSERS));
  return wrong(
    `unknown hook action ${quote(name)}${near === null ? "" : `: did you mean "${near}"?`}`,
  );
}

/** `FS SOURCE TARGET [FLAG,FLAG] [DATA]`, the value of a mount-* option too. */
export function parseMount(args: string): ParsedAction {
  const [type, source, target, flagText, ...data] = args.split(" ");
  if (type === undefined || !source || !target) {
    return wrong('mount takes "FS SOURCE TARGET [FLAG,FLAG] [DATA]"');
  }
  const flags = splitFlags(flagText);
  const unknown = flags.find((flag) => !MOUNT_FLAGS.has(flag));
  if (unknown !== undefined) return wrong(unknownFlag(unknown));
  return action({
    kind: "mount",
    type,
    source,
    target,
    flags,
    data: data.length === 0 ? null : data.join(" "),
  });
}

/** `TARGET [FLAG,FLAG]`, the value of an umount-* option too. */
export function parseUmount(args: string): ParsedAction {
  const [target, flagText] = splitAtSpace(args);
  if (target === "") return wrong('umount takes "TARGET [FLAG,FLAG]"');
  const flags = splitFlags(flagText ?? undefined);
  const unknown = flags.find((flag) => !MOUNT_FLAGS.has(flag));
  return unknown === undefined ? action({ kind: "umount", target, flags }) : wrong(unknownFlag(unknown));
}

function parsePutenv(args: string): ParsedAction {
  const { name, value, warning } = parseAssignment(args);
  if (name === "" || value === null) return wrong("putenv takes NAME=VALUE");
  const set = action({ kind: "putenv", name, value });
  return warning === null ? set : { ...set, warning };
}

function parseChmod(args: string): ParsedAction {
  const [path, mode] = splitAtSpace(args);
  if (path === "" || mode === null || !/^[0-7]{3,4}$/.test(mode)) {
    return wrong('chmod takes "PATH MODE" with three or four octal digits, as in "chmod:/run/app 755"');
  }
  return action({ kind: "chmod", path, mode: parseInt(mode, 8) });
}

/** uWSGI has two: chown takes names only, chown2 numbers only. Both are resolved when the hook runs. */
function parseChown(args: string): ParsedAction {
  const [path, rest] = splitAtSpace(args);
  const [owner, group] = splitAtSpace(rest ?? "");
  if (path === "" || owner === "" || !group) return wrong('chown takes "PATH USER GROUP"');
  return action({ kind: "chown", path, owner, group, follow: true });
}

function parseWrite(args: string, append: boolean, newline: boolean): ParsedAction {
  const [path, text] = splitAtSpace(args);
  if (path === "" || text === null) return wrong(`${append ? "append" : "write"} takes "PATH TEXT"`);
  return action({ kind: "write", path, text, append, newline });
}

function parseWriteFifo(args: string): ParsedAction {
  const [path, text] = splitAtSpace(args);
  if (path === "" || text === null) return wrong('writefifo takes "PATH TEXT"');
  return action({ kind: "writefifo", path, text });
}

function parseWait(what: WaitKind, target: string): ParsedAction {
  return need(target, what === "socket" ? "ADDRESS" : "PATH", { kind: "wait", what, target });
}

/** uWSGI: `SIGNAL FUNCTION` makes a C function of uWSGI the handler of a signal. */
function parseUnixSignal(args: string): ParsedAction {
  const [signal, name] = splitAtSpace(args);
  if (name === null) return wrong('unix_signal takes "SIGNAL FUNCTION"');
  const isStop = STOPPING_FUNCTIONS.has(name) && (signal === "15" || signal === "2");
  return skipped(
    isStop ? "SIGTERM and SIGINT stop reeve anyway" : `"${name}" is a function of the application server`,
  );
}

/** uWSGI overlooks a code of one digit and exits 0; it is taken here. */
function parseExit(args: string): ParsedAction {
  const text = args.trim();
  if (!/^\d{0,3}$/.test(text) || Number(text) > 255) return wrong("exit takes a code from 0 to 255");
  return action({ kind: "exit", code: Number(text) });
}

function splitAtSpace(text: string): readonly [string, string | null] {
  const space = text.indexOf(" ");
  return space < 0 ? [text, null] : [text.slice(0, space), text.slice(space + 1)];
}

function splitFlags(text: string | undefined): readonly string[] {
  return (text ?? "").split(",").filter((flag) => flag !== "");
}

function unknownFlag(flag: string): string {
  const near = nearestName(flag, MOUNT_FLAGS);
  return `unknown mount flag ${quote(flag)}${near === null ? "" : `: did you mean "${near}"?`}`;
}

function need(args: string, name: string, parsed: HookAction): ParsedAction {
  return args.trim() === "" ? wrong(`the hook action has no ${name}`) : action(parsed);
}

function action(parsed: HookAction): Extract<ParsedAction, { kind: "action" }> {
  return { kind: "action", action: parsed };
}

function skipped(why: string): ParsedAction {
  return { kind: "skipped", why };
}

function wrong(problem: string): ParsedAction {
  return { kind: "wrong", problem };
}
