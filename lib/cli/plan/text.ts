/** A Plan as text for people: one setting a line, with the place that it comes from. Pure. */
import { capabilityName } from "../../config/values/capabilities.ts";
import { formatOrigin, type Origin } from "../../config/origin.ts";
import type { DaemonPlan, Identity } from "../../config/plan/daemon_plan.ts";
import type { InstancePlan } from "../../config/plan/instance_plan.ts";
import type { Plan } from "../../config/plan/plan.ts";
import { signalName } from "../../sys/signal_names.ts";
import { maskLine, maskValue } from "../../config/plan/mask.ts";
import { type Colour, printable } from "../shared/output.ts";
import { addJailRows, addSetnsServerRow, namespacesText } from "./jail_text.ts";
import { legionRows, statsText } from "./legion_text.ts";
import { DAEMON_SETTINGS, originText } from "./json.ts";

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
    const rows = DAEMON_SETTINGS.map((
      name,
    ): Row => [LABELS[name], daemonValue(daemon, name), originText(daemon, name)]);
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

const LABELS: Readonly<Record<(typeof DAEMON_SETTINGS)[number], string>> = {
  command: "command",
  kind: "kind",
  control: "control",
  pidfile: "pidfile",
  freq: "freq",
  touch: "touch",
  stopSignal: "stop signal",
  reloadSignal: "reload signal",
  stopTimeout: "stop timeout",
  maxThrottle: "max throttle",
  stdin: "stdin",
  identity: "runs as",
  chdir: "chdir",
  notifyPid: "notify pid",
  namespaces: "namespaces",
  capsBound: "capabilities kept",
  noNewPrivs: "no new privileges",
  legion: "legion",
};

const KINDS: Readonly<Record<DaemonPlan["kind"], string>> = {
  dumb: "dumb: stops with reeve",
  smart: "smart: outlives reeve, writes its pidfile",
  smart2: "smart2: outlives reeve, reeve writes its pidfile",
};

/** Another node will be the lord, and must be the only one to run it. */
const LEGION_KINDS: typeof KINDS = {
  dumb: KINDS.dumb,
  smart: "smart: stops with reeve, writes its pidfile",
  smart2: "smart2: stops with reeve, reeve writes its pidfile",
};

function daemonValue(daemon: DaemonPlan, name: (typeof DAEMON_SETTINGS)[number]): string {
  switch (name) {
    case "command": {
      const { command } = daemon;
      return command.kind === "words"
        ? maskLine(command.text)
        : `${maskLine(command.text)}  (by ${command.shell} -c)`;
    }
    case "kind":
      return daemon.legion === null ? KINDS[daemon.kind] : LEGION_KINDS[daemon.kind];
    case "freq":
      return daemon.kind === "dumb"
        ? `broken after ${daemon.freq} failures`
        : `pidfile in ${daemon.freq} s; broken after ${daemon.freq} failures`;
    case "touch":
      return daemon.touch.join("; ") || "-";
    case "stopSignal":
      return signalName(daemon.stopSignal);
    case "reloadSignal":
      return daemon.reloadSignal === null ? "as the stop signal" : signalName(daemon.reloadSignal);
    case "stopTimeout":
      return `${daemon.stopTimeout} s, then KILL`;
    case "maxThrottle":
      return `${daemon.maxThrottle} s`;
    case "stdin":
      return daemon.stdin ? "reeve's own" : "/dev/null";
    case "identity":
      return identityText(daemon.identity);
    case "pidfile":
    case "chdir":
      return daemon[name] ?? "-";
    case "control":
    case "notifyPid":
    case "noNewPrivs":
      return daemon[name] ? "yes" : "no";
    case "legion":
      return daemon.legion ?? "-";
    case "namespaces":
      return namespacesText(daemon.namespaces);
    case "capsBound": {
      const { capsBound } = daemon;
      return capsBound === null ? "as the instance" : capsBound.map(capabilityName).join(" ") || "none";
    }
  }
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
  add("chdir", instance.chdir ?? "where reeve was started", "chdir");
  add("umask", instance.umask === null ? "as reeve was started" : octal(instance.umask), "umask");
  add("run directory", instance.runDir ?? "of its name", "run-dir");
  add("stop timeout", `${instance.reloadMercy} s`, "reload-mercy");
  add("SIGTERM", instance.sigtermReloads ? "reloads" : "stops", "sigterm-reloads");
  add("log", log.file ?? "stderr", "daemonize2", "logto2", "daemonize", "logto");
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

function identityText(identity: Identity | null): string {
  if (identity === null) return "as reeve itself";
  const user = identity.user === null ? String(identity.uid) : `${identity.user} (${identity.uid})`;
  return `user ${user}, group ${identity.gid}, groups ${identity.groups.join(" ") || "none"}`;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(3, "0");
}
