/**
 * One hook action in a process of its own, with the rights of the instance's user: reeve executes itself with
 * the hidden word `__hook`. The action comes in the environment and not in argv, since every user can read
 * argv and a hook may be hidden from the log for a reason.
 */
import type { LineFormat } from "../log/line_format.ts";
import { Logger } from "../log/logger.ts";
import { IDLE_TIMERS } from "../sys/timers.ts";
import { MACHINERY_PREFIX } from "../process/environment.ts";
import { errorText } from "../sys/error_text.ts";
import { hideProcess } from "../sys/process/own_process.ts";
import {
  bool,
  decodeOrNull,
  encode,
  type Format,
  list,
  nullable,
  object,
  oneOf,
  type Shape,
  tagged,
  text,
  whole,
} from "../records/codec.ts";
import { type ActionOptions, performAction, type SystemAction } from "./actions.ts";

export const HOOK_VARIABLE = `${MACHINERY_PREFIX}HOOK`;

interface HookRequest {
  readonly action: SystemAction;
  readonly context: ActionOptions;
  readonly format: LineFormat;
  /** Nothing of the action may be shown. */
  readonly hidden: boolean;
}

const action: Shape<SystemAction> = tagged<SystemAction>({
  chdir: { path: text },
  mkdir: { path: text },
  chmod: { path: text, mode: whole() },
  chown: { path: text, owner: text, group: text, follow: bool },
  sticky: { path: text },
  create: { path: text },
  write: { path: text, text, append: bool, newline: bool },
  writefifo: { path: text, text },
  unlink: { path: text },
  hostname: { name: text },
  unix_signal: { pid: text, signal: whole() },
  mount: { type: text, source: text, target: text, flags: list(text), data: nullable(text) },
  umount: { target: text, flags: list(text) },
});

export const HOOK_REQUEST: Format<HookRequest> = {
  name: "hook",
  shape: object<HookRequest>({
    action,
    context: object<ActionOptions>({ cwd: text, umask: nullable(whole()), root: nullable(whole()) }),
    format: object<LineFormat>({
      format: oneOf(["text", "json"]),
      date: nullable(text),
      prefix: nullable(text),
      colour: bool,
    }),
    hidden: bool,
  }),
  older: [(json) => json],
};

/** The value of HOOK_VARIABLE. */
export function packHookRequest(request: HookRequest): string {
  return encode(HOOK_REQUEST, request);
}

/** The whole life of the child: 0 done, 1 failed (its line is in the log), 2 not called by reeve. */
export function runHookChild(environment: Readonly<Record<string, string | undefined>>): number {
  const packed = environment[HOOK_VARIABLE];
  const request = packed === undefined ? null : decodeOrNull(HOOK_REQUEST, packed);
  if (request === null) return 2;
  try {
    // It works outside of the jail, and processes in a jail without a PID namespace may be the same user's.
    hideProcess();
    performAction(request.action, request.context);
    return 0;
  } catch (problem) {
    const logger = new Logger({
      fd: 2,
      format: request.format,
      least: "info",
      timers: IDLE_TIMERS,
      now: () => Date.now(),
    });
    logger.error(null, request.hidden ? "a hidden hook failed" : errorText(problem));
    return 1;
  }
}
