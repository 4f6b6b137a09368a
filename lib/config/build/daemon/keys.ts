/**
 * attach-daemon2: the keys and what they mean. Pure. What uWSGI guesses or drops in silence (a signal's name, an unknown
 * key, a missing command) is an error with its line.
 */
import type { Diagnostics } from "../../diagnostic.ts";
import { type KeyNames, parseKeyval, splitQuoted } from "../../values/keyval.ts";
import type { Origin, RawOption } from "../../origin.ts";
import type { DaemonPlan } from "../../plan/daemon_plan.ts";
import {
  baseDraft,
  commandOf,
  type Context,
  DEFAULT_FREQ,
  DEFAULT_MAX_THROTTLE,
  type Draft,
  freqOf,
  LONGEST_DAY,
  type Planned,
  SIGTERM,
} from "./draft.ts";
import { parseCapabilities } from "../../values/capabilities.ts";
import { NAMESPACE_KEYS, planDaemonNamespaces, refusePidOfLauncher } from "./namespaces.ts";
import { resolveIdentity } from "../../system/identity.ts";
import { parseSeconds } from "../../values/options.ts";
import { quote } from "../../problem.ts";
import { parseSignal } from "../../../sys/signal_names.ts";
import { parseBoolean, parseInteger } from "../../values/values.ts";

/** Keys of attach-daemon2 and their aliases. */
export const DAEMON_KEYS: KeyNames = {
  command: "command",
  cmd: "command",
  exec: "command",
  freq: "freq",
  pidfile: "pidfile",
  control: "control",
  daemonize: "daemonize",
  daemon: "daemonize",
  touch: "touch",
  stopsignal: "stopsignal",
  stop_signal: "stopsignal",
  reloadsignal: "reloadsignal",
  reload_signal: "reloadsignal",
  stdin: "stdin",
  uid: "uid",
  gid: "gid",
  ns_pid: "ns_pid",
  ns: "ns",
  root: "root",
  hostname: "hostname",
  keep: "keep",
  readonly: "readonly",
  tmpfs: "tmpfs",
  setns: "setns",
  caps: "caps",
  no_new_privs: "no_new_privs",
  chdir: "chdir",
  max_throttle: "max_throttle",
  notifypid: "notifypid",
  legion: "legion",
  name: "name",
  stop_timeout: "stop_timeout",
};

/** null, and errors, where there is no command to run. */
export function planKeyval(option: RawOption, context: Context): Planned | null {
  const { diagnostics, defaults } = context;
  const { origin } = option;
  if (!/^[^,]*=/.test(option.value)) {
    diagnostics.error(
      `cannot use attach-daemon2=${quote(option.value)}: it takes KEY=VALUE pairs, ` +
        `write cmd=COMMAND, or use attach-daemon for a plain command`,
      origin,
    );
    return null;
  }
  const keys = parseKeyval(option.value, DAEMON_KEYS, origin, diagnostics);
  const base = baseDraft("attach-daemon2", origin, context);
  const line = keys.get("command");
  if (line === undefined) {
    diagnostics.error('attach-daemon2 needs a "command" key (or cmd, or exec)', origin);
    return null;
  }
  const command = commandOf(line, option, context);
  const written = (key: string) => {
    const value = keys.get(key);
    return value === undefined ? null : { name: key, value, origin };
  };
  const pidfile = pathOf("pidfile", keys, origin, diagnostics);
  const isControl = presence("control", keys, origin, diagnostics);
  const isDaemonized = presence("daemonize", keys, origin, diagnostics);
  const notifyPid = presence("notifypid", keys, origin, diagnostics);
  if (isDaemonized && pidfile === null) {
    diagnostics.error("daemonize needs a pidfile: give the pidfile key, or leave daemonize out", origin);
  }
  if (isControl && pidfile !== null) {
    diagnostics.warning(
      "control has no effect on a daemon with a pidfile, which may outlive this instance",
      origin,
    );
  }
  if (notifyPid && pidfile === null) diagnostics.warning("notifypid has no effect without a pidfile", origin);
  const legion = pathOf("legion", keys, origin, diagnostics);
  if (legion !== null) context.legions.require(legion, `the key "legion"`, origin, false);
  const isPresent = (key: string): boolean => presence(key, keys, origin, diagnostics);
  const namespaces = planDaemonNamespaces(keys, origin, isPresent, context.system, diagnostics);
  if (pidfile !== null && !isDaemonized) refusePidOfLauncher(namespaces, origin, diagnostics);
  const identity = resolveIdentity(
    {
      uid: written("uid"),
      gid: written("gid"),
      addGids: [],
      initGroups: defaults.initGroups,
      base: defaults.identity,
    },
    context.users.of(namespaces?.root?.path ?? null),
    context.system,
    diagnostics,
  );
  if (identity?.uid === 0 && keys.has("uid") && defaults.identity !== null && defaults.identity.uid !== 0) {
    const usual = defaults.identity.user ?? defaults.identity.uid;
    diagnostics.warning(`uid=0 runs this daemon as root (uWSGI would run it as "${usual}")`, origin);
  }
  const [freq, throttle, stopTimeout] = [written("freq"), written("max_throttle"), written("stop_timeout")];
  if (command === null) return null;
  const draft: Draft = {
    ...base,
    kind: pidfile === null ? "dumb" : isDaemonized ? "smart2" : "smart",
    command,
    pidfile,
    freq: freq === null ? DEFAULT_FREQ : freqOf(freq.value, origin, diagnostics),
    control: isControl && pidfile === null,
    touch: splitQuoted(keys.get("touch") ?? "", ";"),
    stopSignal: signalOf("stopsignal", keys, origin, diagnostics) ?? SIGTERM,
    reloadSignal: keys.get("reloadsignal") === "0"
      ? null
      : signalOf("reloadsignal", keys, origin, diagnostics),
    stdin: base.stdin || presence("stdin", keys, origin, diagnostics),
    identity,
    chdir: pathOf("chdir", keys, origin, diagnostics),
    maxThrottle: (throttle === null ? null : parseInteger(throttle, diagnostics, { most: LONGEST_DAY })) ||
      DEFAULT_MAX_THROTTLE,
    notifyPid: notifyPid && pidfile !== null,
    stopTimeout: (stopTimeout === null ? null : parseSeconds(stopTimeout, diagnostics)) ?? base.stopTimeout,
    namespaces,
    capsBound: capsOf(keys, origin, diagnostics),
    noNewPrivs: isPresent("no_new_privs"),
    legion,
    origins: originsOfKeys(keys, origin, base.origins),
  };
  return { draft, name: keys.get("name") ?? null };
}

/** Keys whose field of the DaemonPlan has another name. */
const FIELDS: Readonly<Record<string, keyof DaemonPlan>> = {
  daemonize: "kind",
  stopsignal: "stopSignal",
  reloadsignal: "reloadSignal",
  uid: "identity",
  gid: "identity",
  ...Object.fromEntries(NAMESPACE_KEYS.map((key) => [key, "namespaces"] as const)),
  caps: "capsBound",
  no_new_privs: "noNewPrivs",
  max_throttle: "maxThrottle",
  notifypid: "notifyPid",
  stop_timeout: "stopTimeout",
};

function originsOfKeys(
  keys: ReadonlyMap<string, string>,
  origin: Origin,
  defaults: DaemonPlan["origins"],
): DaemonPlan["origins"] {
  const origins: Partial<Record<keyof DaemonPlan, Origin>> = { ...defaults };
  for (const key of keys.keys()) {
    origins[FIELDS[key] ?? key as keyof DaemonPlan] = origin;
  }
  return origins;
}

/** Switches that uWSGI does not have: they mean what they say. */
const OWN_SWITCHES: ReadonlySet<string> = new Set(["readonly", "no_new_privs"]);

/** uWSGI's presence keys: any value enables them, `0` as well. */
function presence(
  key: string,
  keys: ReadonlyMap<string, string>,
  origin: Origin,
  diagnostics: Diagnostics,
): boolean {
  const value = keys.get(key);
  if (value === undefined) return false;
  if (OWN_SWITCHES.has(key)) return value === "" || parseBoolean(value);
  if (value !== "" && !parseBoolean(value)) {
    diagnostics.warning(
      `"${key}=${value}" enables ${key} all the same, as in uWSGI: leave the key out`,
      origin,
    );
  }
  return true;
}

/** Names or numbers joined by ";"; "none" keeps none. */
function capsOf(
  keys: ReadonlyMap<string, string>,
  origin: Origin,
  diagnostics: Diagnostics,
): readonly number[] | null {
  const text = keys.get("caps");
  if (text === undefined) return null;
  if (text === "none") return [];
  const words = text.split(";");
  if (words.every((word) => word.trim() === "")) {
    diagnostics.error('cannot use caps: its value is empty: write "caps=none" to keep none', origin);
  }
  return parseCapabilities(words, origin, diagnostics);
}

function pathOf(
  key: string,
  keys: ReadonlyMap<string, string>,
  origin: Origin,
  diagnostics: Diagnostics,
): string | null {
  const value = keys.get(key);
  if (value === "") diagnostics.error(`cannot use ${key}: its value is empty`, origin);
  return value || null;
}

function signalOf(
  key: string,
  keys: ReadonlyMap<string, string>,
  origin: Origin,
  diagnostics: Diagnostics,
): number | null {
  const text = keys.get(key);
  if (text === undefined) return null;
  const signal = parseSignal(text);
  if (signal === null) {
    diagnostics.error(
      `unknown signal ${
        quote(text)
      } in ${key}: give a name (TERM, SIGQUIT, RTMIN+1) or a number from 1 to 64`,
      origin,
    );
  }
  return signal;
}
