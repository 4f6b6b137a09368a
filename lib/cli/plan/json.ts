/**
 * A Plan as JSON for programs: stable field names, origins as `file:line` or "default", secrets hidden. Pure.
 */
import { SHOWN_SETTINGS } from "../../config/options/daemon_keys.ts";
import { formatOrigin, type Origin } from "../../config/origin.ts";
import type { DaemonPlan } from "../../config/plan/daemon_plan.ts";
import type { Hook, HookAction } from "../../config/plan/hook_plan.ts";
import type { Plan } from "../../config/plan/plan.ts";
import { legionToJson } from "./legion_text.ts";
import { HIDDEN, maskAddresses, maskLine, maskValue } from "../../config/plan/mask.ts";

export function planToJson(plan: Plan): unknown {
  const { instance } = plan;
  const { origins = {}, ...settings } = instance;
  return {
    files: plan.files,
    instance: {
      ...settings,
      environment: instance.environment.map(({ name, value }) => ({
        name,
        value: value === null ? null : maskValue(name, value),
      })),
      pidfiles: instance.pidfiles.map((pidfile) => ({ ...pidfile, origin: formatOrigin(pidfile.origin) })),
      hooks: instance.hooks.map(hookToJson),
      waits: instance.waits.map((wait) => ({ ...wait, origin: formatOrigin(wait.origin) })),
      touchExec: instance.touchExec.map(({ path, command, origin }) => ({
        path,
        command: maskLine(command),
        origin: formatOrigin(origin),
      })),
      jail: withOrigins(instance.jail),
      setnsServer: withOrigins(instance.setnsServer),
      legions: withOrigins(instance.legions.map(legionToJson)),
      stats: withOrigins(instance.stats),
      controlAllow: withOrigins(instance.controlAllow),
      masterFifo: instance.masterFifo.map(({ path, origin }) => ({ path, origin: formatOrigin(origin) })),
      from: Object.fromEntries(Object.entries(origins).map(([name, origin]) => [name, formatOrigin(origin)])),
    },
    daemons: plan.daemons.map(daemonToJson),
  };
}

function daemonToJson(daemon: DaemonPlan): unknown {
  const settings = SHOWN_SETTINGS.map(({ field, json }) =>
    [field, withOrigins(json === undefined ? daemon[field] : json(daemon))] as const
  );
  return {
    name: daemon.name,
    option: daemon.option,
    origin: formatOrigin(daemon.origin),
    ...Object.fromEntries(settings),
    from: Object.fromEntries(SHOWN_SETTINGS.map(({ field }) => [field, originText(daemon, field)])),
  };
}

/** The same with every Origin in it as `file:line`. */
function withOrigins(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withOrigins);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map((
      [key, part],
    ) => [key, isOrigin(key, part) ? formatOrigin(part) : withOrigins(part)]),
  );
}

function isOrigin(key: string, _part: unknown): _part is Origin {
  return key === "origin";
}

/** `file:line` of a setting that was written out, else "default". */
export function originText(daemon: DaemonPlan, name: keyof DaemonPlan): string {
  // The plain forms have no keys: what they say is in their one line.
  const isInLine = name === "command" || name === "kind" ||
    (name === "control" && daemon.control) || (name === "pidfile" && daemon.pidfile !== null);
  const origin = daemon.origins[name] ?? (isInLine ? daemon.origin : undefined);
  return origin === undefined ? "default" : formatOrigin(origin);
}

function hookToJson(hook: Hook): unknown {
  const isHidden = hook.shown === HIDDEN;
  return {
    phase: hook.phase,
    action: isHidden ? { kind: hook.action.kind } : actionToJson(hook.action),
    shown: hook.shown,
    origin: formatOrigin(hook.origin),
  };
}

function actionToJson(action: HookAction): unknown {
  switch (action.kind) {
    case "exec":
      return { ...action, command: maskLine(action.command) };
    case "putenv":
      return { ...action, value: maskValue(action.name, action.value) };
    case "write":
    case "writefifo":
    case "print":
      return { ...action, text: maskAddresses(action.text) };
    case "mount":
      return { ...action, data: action.data === null ? null : maskLine(action.data.replaceAll(",", " ")) };
    default:
      return action;
  }
}
