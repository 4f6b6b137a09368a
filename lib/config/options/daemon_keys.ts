/**
 * The one table of the keys of a daemon, as sections [daemon:NAME] and attach-daemon2 take them. Parsing,
 * defaults (the instance options daemon-KEY too), `reeve plan`, `reeve help KEY`, `reeve schema`,
 * docs/daemons.md, docs/options.md and the difference of two Plans all read it. A new key is a row here, a
 * field of the DaemonPlan, and what it does. Data and readers of single values; what several keys mean
 * together is in build/daemon/keys.ts. Pure.
 */
import type { DaemonPlan } from "../plan/daemon_plan.ts";
import {
  commandText,
  commandToJson,
  environmentText,
  environmentToJson,
  freqText,
  identityText,
  kindText,
  namespacesText,
} from "../plan/daemon_text.ts";
import { capabilityName } from "../values/capabilities.ts";
import type { Field } from "../values/field.ts";
import {
  assignments,
  bool,
  capabilities,
  duration,
  oneOf,
  signal,
  signalOrNone,
  tags,
  text,
  texts,
  whole,
} from "../values/key_values.ts";
import { signalName } from "../../sys/signal_names.ts";

/** The settings of a daemon's plan; the rest of it says where they come from. */
export type DaemonField = Exclude<keyof DaemonPlan, "option" | "origin" | "origins">;

/**
 * The type of a value. switch: in attach-daemon2 any value enables it, `0` as well, as in uWSGI; elsewhere it
 * means what it says. bool: it means what it says everywhere.
 */
export type KeyType =
  | "command"
  | "string"
  | "path"
  | "list"
  | "int"
  | "duration"
  | "signal"
  | "user"
  | "group"
  | "switch"
  | "bool"
  | "assignment"
  | "word";

/**
 * The work that a change of the value asks for. restart: the daemon is stopped and started. live: it is taken
 * over while the daemon runs. kernel: the kernel is told, and the daemon runs on. name: the daemon is only
 * called otherwise.
 */
export type ChangeClass = "restart" | "live" | "kernel" | "name";

/** How `reeve plan` shows a setting. */
export interface Shown {
  readonly label: string;
  readonly text: (daemon: DaemonPlan) => string;
  /** Absent: the field as it is. */
  readonly json?: (daemon: DaemonPlan) => unknown;
}

interface KeyOf<Name extends DaemonField> {
  readonly key: string;
  readonly aliases?: readonly string[];
  /** Several keys may make one field. */
  readonly field: Name;
  readonly type: KeyType;
  /**
   * The key may be given several times, and its values add up. items: a value holds several, joined by `;`.
   * lines: a line of a section is one value, whatever is in it; in attach-daemon2 `;` joins them all the
   * same. Absent: the last value counts.
   */
  readonly repeats?: "items" | "lines";
  /** In attach-daemon2 the last value counts all the same, as in uWSGI. */
  readonly lastInLine?: true;
  /** The only words that it takes; absent: whatever its type takes. */
  readonly words?: readonly string[];
  /** As a person would write it, or in words. */
  readonly default: string;
  /** A value as it is written, for docs/daemons.md. */
  readonly example: string;
  /** The Plan's value without the key; absent: made by build/daemon, or another key of the field says it. */
  readonly initial?: DaemonPlan[Name];
  readonly help: string;
  /**
   * null: as if the key were not there, with an error where the value is wrong. Absent: build/daemon reads
   * it.
   */
  readonly read?: (field: Field) => DaemonPlan[Name] | null;
  /** The same for a key that repeats: each item, or line, is a Field of its own. */
  readonly readAll?: (fields: readonly Field[]) => DaemonPlan[Name] | null;
  /** Absent: another key of the same field shows it. */
  readonly shown?: Shown;
  readonly change: ChangeClass;
}

/** A row; what its reader gives, and the initial value, are of its field's type. */
export type DaemonKey = { readonly [Name in DaemonField]: KeyOf<Name> }[DaemonField];

/** Seconds; more is a slip, not a wish. */
const LONGEST_DAY = 86_400;

/** In the order in which `reeve plan` shows them. */
export const DAEMON_KEYS: readonly DaemonKey[] = [
  {
    key: "command",
    aliases: ["cmd", "exec"],
    field: "command",
    type: "command",
    default: "must be there",
    example: "./server --port 8000",
    help: "the command line; with shell syntax in it, it is run by a shell",
    shown: {
      label: "command",
      text: ({ command }) => commandText(command),
      json: ({ command }) => commandToJson(command),
    },
    change: "restart",
  },
  {
    key: "name",
    field: "name",
    type: "string",
    default: "the program's, made unique with -2, -3",
    example: "web",
    help: "its name in the log",
    change: "name",
  },
  {
    key: "daemonize",
    aliases: ["daemon"],
    field: "kind",
    type: "switch",
    default: "off",
    initial: "dumb",
    example: "1",
    help:
      "with a pidfile: the command stays in the foreground, reeve daemonizes it and writes the pidfile (smart2)",
    shown: { label: "kind", text: kindText },
    change: "restart",
  },
  {
    key: "control",
    field: "control",
    type: "switch",
    default: "off",
    initial: false,
    example: "1",
    help: "when the daemon ends, the instance stops with its exit code",
    read: bool,
    shown: { label: "control", text: ({ control }) => yesOrNo(control) },
    change: "restart",
  },
  {
    key: "pidfile",
    field: "pidfile",
    type: "path",
    default: "none: dumb",
    initial: null,
    example: "/run/app/web.pid",
    help: "makes it smart: it outlives reeve, and is known again by this file",
    read: text,
    shown: { label: "pidfile", text: ({ pidfile }) => pidfile ?? "-" },
    change: "restart",
  },
  {
    key: "freq",
    field: "freq",
    type: "int",
    default: "10",
    initial: 10,
    example: "30",
    help: 'seconds until the pidfile must be valid; failed starts in a row until it counts as "broken"',
    read: whole({ least: 1, most: LONGEST_DAY }),
    shown: { label: "freq", text: freqText },
    change: "live",
  },
  {
    key: "touch",
    field: "touch",
    type: "list",
    repeats: "items",
    lastInLine: true,
    default: "none",
    initial: [],
    example: "/etc/app/web.conf",
    help: "files, joined by ;, each of which restarts the daemon when it is touched",
    readAll: texts,
    shown: { label: "touch", text: ({ touch }) => touch.join("; ") || "-" },
    change: "live",
  },
  {
    key: "stopsignal",
    aliases: ["stop_signal"],
    field: "stopSignal",
    type: "signal",
    default: "TERM",
    initial: 15,
    example: "QUIT",
    help: "the signal that asks it to end",
    read: signal,
    shown: {
      label: "stop signal",
      text: ({ stopSignal }) => signalName(stopSignal),
      json: ({ stopSignal }) => signalName(stopSignal),
    },
    change: "live",
  },
  {
    key: "reloadsignal",
    aliases: ["reload_signal"],
    field: "reloadSignal",
    type: "signal",
    default: "the stop signal",
    initial: null,
    example: "HUP",
    help: "the signal sent instead at a reload; 0: the stop signal",
    read: signalOrNone,
    shown: {
      label: "reload signal",
      text: ({ reloadSignal }) => reloadSignal === null ? "as the stop signal" : signalName(reloadSignal),
      json: ({ reloadSignal }) => reloadSignal === null ? null : signalName(reloadSignal),
    },
    change: "live",
  },
  {
    key: "stop_timeout",
    field: "stopTimeout",
    type: "duration",
    default: "that of reload-mercy, else 3",
    example: "30s",
    help: "time from the stop signal to KILL",
    read: duration,
    shown: { label: "stop timeout", text: ({ stopTimeout }) => `${stopTimeout} s, then KILL` },
    change: "live",
  },
  {
    key: "max_throttle",
    field: "maxThrottle",
    type: "int",
    default: "300",
    // uWSGI's cap of the delay, also where the key is 0.
    initial: 300,
    example: "60",
    help: "the longest wait before it is started again, in seconds; 0: the default",
    read: (field) => whole({ most: LONGEST_DAY })(field) || null,
    shown: { label: "max throttle", text: ({ maxThrottle }) => `${maxThrottle} s` },
    change: "live",
  },
  {
    key: "stdin",
    field: "stdin",
    type: "switch",
    default: "/dev/null",
    example: "1",
    help: "keep reeve's stdin",
    read: bool,
    shown: { label: "stdin", text: ({ stdin }) => stdin ? "reeve's own" : "/dev/null" },
    change: "restart",
  },
  {
    key: "uid",
    aliases: ["user"],
    field: "identity",
    type: "user",
    default: "that of the instance",
    example: "www-data",
    help: "run as this user",
    shown: { label: "runs as", text: ({ identity }) => identityText(identity) },
    change: "restart",
  },
  {
    key: "gid",
    aliases: ["group"],
    field: "identity",
    type: "group",
    default: "that of uid, else of the instance",
    example: "www-data",
    help: "run with this group",
    change: "restart",
  },
  {
    key: "chdir",
    field: "chdir",
    type: "path",
    default: "that of the instance",
    initial: null,
    example: "/srv/app",
    help: "its directory",
    read: text,
    shown: { label: "chdir", text: ({ chdir }) => chdir ?? "-" },
    change: "restart",
  },
  {
    key: "env",
    field: "environment",
    type: "assignment",
    repeats: "lines",
    default: "that of the instance",
    initial: [],
    example: "PORT=8000",
    help: "NAME=VALUE: a variable of its environment, on top of the instance's",
    readAll: assignments,
    shown: {
      label: "environment",
      text: ({ environment }) => environmentText(environment),
      json: ({ environment }) => environmentToJson(environment),
    },
    change: "restart",
  },
  {
    key: "notifypid",
    field: "notifyPid",
    type: "switch",
    default: "off",
    initial: false,
    example: "1",
    help: "tell a smart daemon, by a signal, that reeve stops or reloads",
    read: bool,
    shown: { label: "notify pid", text: ({ notifyPid }) => yesOrNo(notifyPid) },
    change: "live",
  },
  {
    key: "ns_pid",
    field: "namespaces",
    type: "switch",
    default: "off",
    initial: null,
    example: "1",
    help:
      "a PID namespace of its own, with its own /proc; not for a command that puts itself into the background",
    shown: { label: "namespaces", text: ({ namespaces }) => namespacesText(namespaces) },
    change: "restart",
  },
  {
    key: "ns",
    field: "namespaces",
    type: "list",
    repeats: "items",
    default: "none",
    example: "net;ipc",
    help: "new namespaces, joined by ;: pid, mnt, net, uts, ipc, cgroup, user",
    change: "restart",
  },
  {
    key: "root",
    field: "namespaces",
    type: "path",
    default: "that of the instance",
    example: "/srv/root",
    help: "a root directory of its own",
    change: "restart",
  },
  {
    key: "hostname",
    field: "namespaces",
    type: "string",
    default: "that of the instance",
    example: "web",
    help: "a host name of its own",
    change: "restart",
  },
  {
    key: "keep",
    field: "namespaces",
    type: "list",
    repeats: "items",
    default: "none",
    example: "/dev/shm",
    help: "PATH or SOURCE:TARGET, joined by ;: what of the host is seen in that root",
    change: "restart",
  },
  {
    key: "readonly",
    field: "namespaces",
    type: "bool",
    default: "off",
    example: "1",
    help: "everything but /proc, /dev, keep and tmpfs is read-only",
    change: "restart",
  },
  {
    key: "tmpfs",
    field: "namespaces",
    type: "list",
    repeats: "items",
    default: "none",
    example: "/tmp",
    help: "paths, joined by ;, that begin as empty tmpfs",
    change: "restart",
  },
  {
    key: "setns",
    field: "namespaces",
    type: "list",
    repeats: "items",
    default: "none",
    example: "/run/netns/web",
    help: "pids or files of namespaces to join, joined by ;",
    change: "restart",
  },
  {
    key: "caps",
    field: "capsBound",
    type: "list",
    repeats: "items",
    default: "those of the instance",
    initial: null,
    example: "net_bind_service",
    help: "names or numbers of the capabilities that stay possible, joined by ;, or none",
    readAll: capabilities,
    shown: {
      label: "capabilities kept",
      text: ({ capsBound }) =>
        capsBound === null ? "as the instance" : capsBound.map(capabilityName).join(" ") || "none",
      json: ({ capsBound }) => capsBound?.map(capabilityName) ?? null,
    },
    change: "restart",
  },
  {
    key: "no_new_privs",
    field: "noNewPrivs",
    type: "bool",
    default: "off",
    initial: false,
    example: "1",
    help: "set-id programs and file capabilities give nothing",
    read: bool,
    shown: { label: "no new privileges", text: ({ noNewPrivs }) => yesOrNo(noNewPrivs) },
    change: "restart",
  },
  {
    key: "legion",
    field: "legion",
    type: "string",
    default: "none",
    initial: null,
    example: "cluster",
    help: "run only while this node is the lord of that legion",
    read: text,
    shown: { label: "legion", text: ({ legion }) => legion ?? "-" },
    change: "restart",
  },
  {
    key: "tag",
    field: "tags",
    type: "list",
    repeats: "items",
    default: "none",
    initial: [],
    example: "frontend",
    help: "a word by which commands name several daemons at once: @frontend",
    readAll: tags,
    shown: { label: "tags", text: ({ tags }) => tags.join(" ") || "-" },
    change: "live",
  },
  {
    key: "startup",
    field: "startup",
    type: "word",
    words: ["enabled", "disabled"],
    default: "enabled",
    initial: "enabled",
    example: "disabled",
    help: "disabled: it is not started with the instance, but by hand",
    read: oneOf(["enabled", "disabled"]),
    shown: { label: "startup", text: ({ startup }) => startup },
    change: "live",
  },
];

const byName = new Map<string, DaemonKey>();
for (const row of DAEMON_KEYS) for (const name of [row.key, ...row.aliases ?? []]) byName.set(name, row);

/** The row of a key or of one of its aliases, `-` and `_` alike; null where there is none. */
export function findKey(name: string): DaemonKey | null {
  return byName.get(name) ?? (name.includes("-") ? byName.get(name.replaceAll("-", "_")) ?? null : null);
}

/** The option by which an instance sets the default of a key of all its daemons. */
export function defaultOption(key: string): string {
  return `daemon-${key.replaceAll("_", "-")}`;
}

/** The keys that have such a default: all but the name, which is each one's own. */
export const DEFAULT_KEYS: readonly DaemonKey[] = DAEMON_KEYS.filter(({ key }) => key !== "name");

/** Every key and alias. */
export const KEY_NAMES: readonly string[] = [...byName.keys()];

/** A value that the instance gives, or that is made of the command, has no initial one. */
type Made = "command" | "name" | "stdin" | "identity" | "stopTimeout";
const initial: readonly (readonly unknown[])[] = DAEMON_KEYS.flatMap((row) =>
  row.initial === undefined ? [] : [[row.field, row.initial]]
);
/** The Plan's values where nobody says anything. */
export const INITIAL_SETTINGS: Omit<DaemonPlan, Made | "option" | "origin" | "origins"> = Object.fromEntries(
  initial,
);

export interface ShownSetting extends Shown {
  readonly field: DaemonField;
}

/** The settings that `reeve plan` shows, one a field, in its order. */
export const SHOWN_SETTINGS: readonly ShownSetting[] = DAEMON_KEYS.flatMap(({ field, shown }) =>
  shown === undefined ? [] : [{ field, ...shown }]
);

/** How a change of a field of a daemon's plan is applied. */
export function changeOf(field: DaemonField): ChangeClass {
  const found = DAEMON_KEYS.find((row) => row.field === field);
  if (found === undefined) throw new RangeError(`no key has the field "${field}"`);
  return found.change;
}

function yesOrNo(is: boolean): string {
  return is ? "yes" : "no";
}
