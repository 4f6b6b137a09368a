/**
 * The one table of the keys of a daemon, as attach-daemon2 takes them. Parsing, defaults, `reeve plan`,
 * `reeve help KEY`, docs/options.md and the difference of two Plans all read it. A new key is a row here, a
 * field of the DaemonPlan, and what it does. Data and readers of single values; what several keys mean
 * together is in build/daemon/keys.ts. Pure.
 */
import type { DaemonPlan } from "../plan/daemon_plan.ts";
import {
  commandText,
  commandToJson,
  freqText,
  identityText,
  kindText,
  namespacesText,
} from "../plan/daemon_text.ts";
import { capabilityName } from "../values/capabilities.ts";
import type { Field } from "../values/field.ts";
import {
  bool,
  capabilities,
  duration,
  presence,
  signal,
  signalOrNone,
  text,
  whole,
} from "../values/key_values.ts";
import { splitQuoted } from "../values/keyval.ts";
import { signalName } from "../../sys/signal_names.ts";

/** The settings of a daemon's plan; the rest of it says where they come from. */
export type DaemonField = Exclude<keyof DaemonPlan, "option" | "origin" | "origins">;

/**
 * The type of a value. switch: any value enables it, `0` as well, as in uWSGI. bool: it means what it says.
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
  | "bool";

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
  /** As a person would write it, or in words. */
  readonly default: string;
  /** The Plan's value without the key; absent: made by build/daemon, or another key of the field says it. */
  readonly initial?: DaemonPlan[Name];
  readonly help: string;
  /**
   * null: as if the key were not there, with an error where the value is wrong. Absent: build/daemon reads
   * it.
   */
  readonly read?: (field: Field) => DaemonPlan[Name] | null;
  /** Absent: another key of the same field shows it. */
  readonly shown?: Shown;
  readonly change: ChangeClass;
}

/** A row; what its reader gives, and the initial value, are of its field's type. */
export type DaemonKey = { readonly [Name in DaemonField]: KeyOf<Name> }[DaemonField];

/** Seconds; more is a slip, not a wish. */
const LONGEST_DAY = 86_400;

/** The forms of one line have it as well: `PIDFILE,FREQ`. */
export const readFreq = whole({ least: 1, most: LONGEST_DAY });

/** In the order in which `reeve plan` shows them. */
export const DAEMON_KEYS: readonly DaemonKey[] = [
  {
    key: "command",
    aliases: ["cmd", "exec"],
    field: "command",
    type: "command",
    default: "must be there",
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
    help: "when the daemon ends, the instance stops with its exit code",
    read: presence,
    shown: { label: "control", text: ({ control }) => yesOrNo(control) },
    change: "restart",
  },
  {
    key: "pidfile",
    field: "pidfile",
    type: "path",
    default: "none: dumb",
    initial: null,
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
    help: 'seconds until the pidfile must be valid; failed starts in a row until it counts as "broken"',
    read: readFreq,
    shown: { label: "freq", text: freqText },
    change: "live",
  },
  {
    key: "touch",
    field: "touch",
    type: "list",
    default: "none",
    initial: [],
    help: "files, joined by ;, each of which restarts the daemon when it is touched",
    read: ({ value }) => splitQuoted(value, ";"),
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
    help: "keep reeve's stdin",
    read: presence,
    shown: { label: "stdin", text: ({ stdin }) => stdin ? "reeve's own" : "/dev/null" },
    change: "restart",
  },
  {
    key: "uid",
    field: "identity",
    type: "user",
    default: "that of the instance",
    help: "run as this user",
    shown: { label: "runs as", text: ({ identity }) => identityText(identity) },
    change: "restart",
  },
  {
    key: "gid",
    field: "identity",
    type: "group",
    default: "that of uid, else of the instance",
    help: "run with this group",
    change: "restart",
  },
  {
    key: "chdir",
    field: "chdir",
    type: "path",
    default: "that of the instance",
    initial: null,
    help: "its directory",
    read: text,
    shown: { label: "chdir", text: ({ chdir }) => chdir ?? "-" },
    change: "restart",
  },
  {
    key: "notifypid",
    field: "notifyPid",
    type: "switch",
    default: "off",
    initial: false,
    help: "tell a smart daemon, by a signal, that reeve stops or reloads",
    read: presence,
    shown: { label: "notify pid", text: ({ notifyPid }) => yesOrNo(notifyPid) },
    change: "live",
  },
  {
    key: "ns_pid",
    field: "namespaces",
    type: "switch",
    default: "off",
    initial: null,
    help:
      "a PID namespace of its own, with its own /proc; not for a command that puts itself into the background",
    shown: { label: "namespaces", text: ({ namespaces }) => namespacesText(namespaces) },
    change: "restart",
  },
  {
    key: "ns",
    field: "namespaces",
    type: "list",
    default: "none",
    help: "new namespaces, joined by ;: pid, mnt, net, uts, ipc, cgroup, user",
    change: "restart",
  },
  {
    key: "root",
    field: "namespaces",
    type: "path",
    default: "that of the instance",
    help: "a root directory of its own",
    change: "restart",
  },
  {
    key: "hostname",
    field: "namespaces",
    type: "string",
    default: "that of the instance",
    help: "a host name of its own",
    change: "restart",
  },
  {
    key: "keep",
    field: "namespaces",
    type: "list",
    default: "none",
    help: "PATH or SOURCE:TARGET, joined by ;: what of the host is seen in that root",
    change: "restart",
  },
  {
    key: "readonly",
    field: "namespaces",
    type: "bool",
    default: "off",
    help: "everything but /proc, /dev, keep and tmpfs is read-only",
    change: "restart",
  },
  {
    key: "tmpfs",
    field: "namespaces",
    type: "list",
    default: "none",
    help: "paths, joined by ;, that begin as empty tmpfs",
    change: "restart",
  },
  {
    key: "setns",
    field: "namespaces",
    type: "list",
    default: "none",
    help: "pids or files of namespaces to join, joined by ;",
    change: "restart",
  },
  {
    key: "caps",
    field: "capsBound",
    type: "list",
    default: "those of the instance",
    initial: null,
    help: "names or numbers of the capabilities that stay possible, joined by ;, or none",
    read: capabilities,
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
    help: "run only while this node is the lord of that legion",
    read: text,
    shown: { label: "legion", text: ({ legion }) => legion ?? "-" },
    change: "restart",
  },
];

const byName = new Map<string, DaemonKey>();
for (const row of DAEMON_KEYS) for (const name of [row.key, ...row.aliases ?? []]) byName.set(name, row);

/** The row of a key or of one of its aliases; null where there is none. */
export function findKey(name: string): DaemonKey | null {
  return byName.get(name) ?? null;
}

/** Every key and alias to the key that it stands for. */
export const KEY_NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  [...byName].map(([name, { key }]) => [name, key]),
);

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
