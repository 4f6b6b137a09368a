/** A Plan as text for people: one setting a line, with the place that it comes from. Pure. */
import { capabilityName } from "../../config/values/capabilities.ts";
import { formatOrigin, type Origin } from "../../config/origin.ts";
import type { InstancePlan } from "../../config/plan/instance_plan.ts";
import type { Plan } from "../../config/plan/plan.ts";
import { maskLine, maskValue } from "../../config/plan/mask.ts";
import { type Colour, printable } from "../shared/output.ts";
import { SHOWN_SETTINGS } from "../../config/options/daemon_keys.ts";
import { identityText, joinText, keepText, rootText } from "../../config/plan/daemon_text.ts";
import type { JailPlan, SetnsServerPlan } from "../../config/plan/jail_plan.ts";
import { legionRows, statsText } from "./legion_text.ts";
import { originText } from "./json.ts";

type Row = readonly [label: string, value: string, from: string];
type Painter = { paint(text: string, colour: Colour): string };

const LABEL_WIDTH = 17;
const VALUE_WIDTH = 45;

export function planToText(plan: Plan, painter: Painter): string {
  const files = plan.files.length === 0 ? "" : ` from ${plan.files.join(", ")}`;
  const blocks = [block(`instance ${plan.instance.name}${files}`, instanceRows(plan.instance), painter)];
  for (const legion of plan.instance.legions) {
    const rows = legionRows(legion).map((
      [label, value, origin],
    ): Row => [label, value, formatOrigin(origin)]);
    blocks.push(block(`legion ${legion.name}`, rows, painter));
  }
  for (const daemon of plan.daemons) {
    const rows = SHOWN_SETTINGS.map(({ field, label, text }): Row => [
      label,
      text(daemon),
      originText(daemon, field),
    ]);
    blocks.push(block(`daemon ${daemon.name}: ${daemon.option}`, rows, painter));
  }
  return blocks.join("\n");
}

function block(title: string, rows: readonly Row[], painter: Painter): string {
  const lines = rows.map(([label, value, from]) => {
    const text = `  ${label.padEnd(LABEL_WIDTH)} ${printable(value).padEnd(VALUE_WIDTH)}`;
    return `${text} ${painter.paint(printable(from), "dim")}\n`;
  });
  return `${painter.paint(printable(title), "bold")}\n${lines.join("")}`;
}

function instanceRows(instance: InstancePlan): readonly Row[] {
  const { log } = instance;
  const rows: Row[] = [];
  const add = (label: string, value: string, ...options: readonly string[]): void => {
    const name = options.find((option) => instance.origins?.[option] !== undefined);
    const origin = name === undefined ? undefined : instance.origins?.[name];
    rows.push([label, value, origin === undefined ? "default" : formatOrigin(origin)]);
  };
  const addAt = (label: string, value: string, origin: Origin): void => {
    rows.push([label, value, formatOrigin(origin)]);
  };
  add("runs as", identityText(instance.identity), "uid", "gid");
  if (instance.userEnvironment === "inherit") add("HOME, USER", "reeve's own", "user-env");
  add("chdir", instance.chdir ?? "where reeve was started", "chdir");
  add("umask", instance.umask === null ? "as reeve was started" : octal(instance.umask), "umask");
  add("run directory", instance.runDir ?? "of its name", "run-dir");
  add("stop timeout", `${instance.reloadMercy} s`, "reload-mercy");
  add("SIGTERM", instance.sigtermReloads ? "reloads" : "stops", "sigterm-reloads");
  add("log", log.file ?? "stderr", "daemonize2", "logto2", "daemonize", "logto");
  if (log.mode !== null) add("log mode", log.mode.toString(8).padStart(3, "0"), "logfile-chmod");
  if (log.chown) add("log owner", "the instance's user", "logfile-chown");
  add("log format", log.format, "log-format");
  if (instance.daemonize) add("background", "yes", "daemonize", "daemonize2");
  if (instance.limitAs !== null) add("address space", `${instance.limitAs} bytes`, "limit-as");
  if (instance.limitNproc !== null) add("processes", String(instance.limitNproc), "limit-nproc");
  if (instance.nice !== null) add("nice", String(instance.nice), "prio");
  if (instance.cpuAffinity !== null) add("CPUs a daemon", String(instance.cpuAffinity), "cpu-affinity");
  if (instance.caps !== null) {
    add("capabilities", instance.caps.map(capabilityName).join(" ") || "none", "cap");
  }
  for (const { name, value } of instance.environment) {
    rows.push(["environment", value === null ? `${name} removed` : `${name}=${maskValue(name, value)}`, ""]);
  }
  for (const { path, safe, asUser, origin } of instance.pidfiles) {
    const details = `${safe ? ", once started" : ""}${asUser ? ", as the user" : ""}`;
    addAt("pidfile", `${path}${details}`, origin);
  }
  for (const { path, origin } of instance.masterFifo) addAt("master FIFO", path, origin);
  for (const { what, target, timeout, origin } of instance.waits) {
    addAt("wait", `${what} ${target}, ${timeout === 0 ? "for ever" : `${timeout} s`}`, origin);
  }
  if (instance.jail !== null) addJailRows(instance.jail, addAt);
  if (instance.setnsServer !== null) addSetnsServerRow(instance.setnsServer, addAt);
  if (instance.stateDir !== null) add("state directory", instance.stateDir, "state-dir");
  if (instance.controlPath !== null) add("control socket", instance.controlPath, "control-path");
  for (const { kind, id, level, origin } of instance.controlAllow) {
    addAt("control allows", `${kind} ${id}: ${level}`, origin);
  }
  if (instance.stats !== null) addAt("statistics", statsText(instance.stats), instance.stats.origin);
  for (const { phase, shown, origin } of instance.hooks) addAt(`hook ${phase}`, shown, origin);
  for (const path of instance.touchReload) rows.push(["touch-reload", path, ""]);
  for (const path of instance.touchLogReopen) rows.push(["touch-logreopen", path, ""]);
  for (const path of instance.touchLogRotate) rows.push(["touch-logrotate", path, ""]);
  for (const { path, command, origin } of instance.touchExec) {
    addAt("touch-exec", `${path}: ${maskLine(command)}`, origin);
  }
  for (const path of instance.fsReload) rows.push(["fs-reload", path, ""]);
  return rows;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(3, "0");
}

/** A row: `label`, `value` and the place that it comes from. */
type Add = (label: string, value: string, origin: Origin) => void;

function addJailRows(jail: JailPlan, add: Add): void {
  const { origin } = jail;
  add("jail", jail.option, origin);
  if (jail.root !== null) add("root", rootText(jail.root), origin);
  add("namespaces", jail.namespaces.join(" ") || "none of its own", origin);
  if (jail.hostname !== null) add("hostname", jail.hostname, origin);
  for (const join of jail.join) add("joins", joinText(join), join.origin);
  for (const keep of jail.keep) add("keeps", keepText(keep), keep.origin);
  if (jail.bare) add("mounts", "/proc and what is kept, alone", origin);
  add(
    "begins with",
    jail.environment === "clean" ? "PATH, TERM and LANG alone" : "reeve's environment",
    origin,
  );
}

function addSetnsServerRow(server: SetnsServerPlan, add: Add): void {
  const skip = server.skip.length === 0 ? "" : `, but ${server.skip.join(" ")}`;
  add("hands out", `the namespaces on ${server.path}${skip}`, server.origin);
}
