/**
 * The attach-daemon options, each turned into a DaemonPlan in the order of the configuration. Pure. What uWSGI
 * guesses or drops in silence (a signal's name, an unknown key, a missing command) is an error with its line.
 */
import { planCommand } from "./command_words.ts";
import type { Diagnostics } from "./diagnostic.ts";
import { type KeyNames, parseKeyval, splitQuoted } from "./keyval.ts";
import type { Origin, RawOption } from "./origin.ts";
import type { Command, DaemonOption, DaemonPlan, Identity } from "./plan.ts";
import { nameDaemons, type NameRequest } from "./plan_daemon_names.ts";
import { resolveIdentity } from "./plan_identity.ts";
import { type OptionReader, parseSeconds } from "./plan_options.ts";
import type { PlanSystem } from "./plan_system.ts";
import { parseSignal } from "./signals.ts";
import type { UserDatabase } from "./users.ts";
import { parseBoolean, parseInteger } from "./values.ts";

export const DEFAULT_FREQ = 10;
/** uWSGI's cap of the restart delay where max_throttle is absent or 0. */
export const DEFAULT_MAX_THROTTLE = 300;
const SIGTERM = 15;
/** Seconds; more is a slip, not a wish. */
const LONGEST_DAY = 86_400;

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
  chdir: "chdir",
  max_throttle: "max_throttle",
  notifypid: "notifypid",
  legion: "legion",
  name: "name",
  stop_timeout: "stop_timeout",
};

/** What the instance's settings mean for every daemon. */
export interface DaemonDefaults {
  readonly identity: Identity | null;
  readonly initGroups: boolean;
  readonly stopTimeout: number;
  /** Where the defaults that were written out come from. */
  readonly origins: DaemonPlan["origins"];
  /** The program for lines with shell syntax. */
  readonly shell: string;
}

type Draft = Omit<DaemonPlan, "name">;

const PLAIN_OPTIONS = [
  "attach-daemon",
  "attach-control-daemon",
  "smart-attach-daemon",
  "smart-attach-daemon2",
] as const;

/** `entrypoint`: the words after `--`, which become a control daemon that keeps stdin. */
export function planDaemons(
  reader: OptionReader,
  defaults: DaemonDefaults,
  entrypoint: readonly string[] | null,
  users: UserDatabase,
  system: PlanSystem,
): readonly DaemonPlan[] {
  const drafts: Draft[] = [];
  const names: NameRequest[] = [];
  const context: Context = { reader, defaults, users, system, diagnostics: reader.diagnostics };
  for (const option of reader.all(...PLAIN_OPTIONS, "attach-daemon2")) {
    const planned = option.name === "attach-daemon2"
      ? planKeyval(option, context)
      : planPlain(option, context);
    if (planned === null) continue;
    drafts.push(planned.draft);
    names.push({ command: planned.draft.command, name: planned.name, origin: option.origin });
  }
  if (entrypoint !== null && entrypoint.length > 0) {
    const draft = planEntrypoint(entrypoint, context);
    drafts.push(draft);
    names.push({ command: draft.command, name: null, origin: draft.origin });
  }
  const chosen = nameDaemons(names, reader.diagnostics);
  return drafts.map((draft, index) => ({ name: chosen[index] ?? `daemon-${index + 1}`, ...draft }));
}

interface Context {
  readonly reader: OptionReader;
  readonly defaults: DaemonDefaults;
  readonly users: UserDatabase;
  readonly system: PlanSystem;
  readonly diagnostics: Diagnostics;
}

interface Planned {
  readonly draft: Draft;
  /** The `name` key. */
  readonly name: string | null;
}

/** `[PIDFILE[,FREQ] ]COMMAND`, split at the first space (uWSGI 2.0). */
function planPlain(option: RawOption, context: Context): Planned | null {
  const { diagnostics } = context;
  const name = option.name as (typeof PLAIN_OPTIONS)[number];
  const base = baseDraft(name, option.origin, context);
  if (name === "attach-daemon" || name === "attach-control-daemon") {
    const command = commandOf(option.value, option, context);
    if (command === null) return null;
    return { draft: { ...base, command, control: name === "attach-control-daemon" }, name: null };
  }
  const space = option.value.indexOf(" ");
  if (space < 0) {
    diagnostics.error(
      `cannot use ${name}=${
        JSON.stringify(option.value)
      }: it takes "PIDFILE COMMAND", and there is no space in it`,
      option.origin,
    );
    return null;
  }
  const token = option.value.slice(0, space);
  const comma = token.indexOf(",");
  const pidfile = comma < 0 ? token : token.slice(0, comma);
  const freq = comma < 0 ? DEFAULT_FREQ : freqOf(token.slice(comma + 1), option.origin, diagnostics);
  const command = commandOf(option.value.slice(space + 1), option, context);
  if (pidfile === "") {
    diagnostics.error(`cannot use ${name}: the name of the pidfile is empty`, option.origin);
    return null;
  }
  if (!pidfile.includes("/")) {
    diagnostics.warning(
      `"${pidfile}" is taken for the pidfile, for ${name} takes "PIDFILE COMMAND": ` +
        `without a pidfile use attach-daemon, in the current directory write "./${pidfile}"`,
      option.origin,
    );
  }
  if (command === null) return null;
  const kind = name === "smart-attach-daemon" ? "smart" : "smart2";
  const origins = { ...base.origins, pidfile: option.origin, ...(comma < 0 ? {} : { freq: option.origin }) };
  return { draft: { ...base, kind, command, pidfile, freq, origins }, name: null };
}

function planKeyval(option: RawOption, context: Context): Planned | null {
  const { diagnostics, defaults } = context;
  const { origin } = option;
  if (!/^[^,]*=/.test(option.value)) {
    diagnostics.error(
      `cannot use attach-daemon2=${JSON.stringify(option.value)}: it takes KEY=VALUE pairs, ` +
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
  for (const [key, part] of [["ns_pid", "jail"], ["legion", "Legion"]] as const) {
    if (!keys.has(key)) continue;
    diagnostics.error(`${key} needs the ${part} subsystem, which this build does not have yet`, origin);
  }
  const identity = resolveIdentity(
    {
      uid: written("uid"),
      gid: written("gid"),
      addGids: [],
      initGroups: defaults.initGroups,
      base: defaults.identity,
    },
    context.users,
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
    nsPid: keys.has("ns_pid"),
    origins: originsOfKeys(keys, origin, base.origins),
  };
  return { draft, name: keys.get("name") ?? null };
}

function planEntrypoint(words: readonly string[], context: Context): Draft {
  const origin: Origin = { file: "command line", line: 0 };
  const command: Command = { kind: "words", text: words.map(quoteWord).join(" "), words };
  return { ...baseDraft("entrypoint", origin, context), command, control: true, stdin: true };
}

function baseDraft(
  option: DaemonOption,
  origin: Origin,
  context: Context,
): Omit<Draft, "command"> & { command: Command } {
  const { defaults, reader } = context;
  const honourStdin = reader.last("daemons-honour-stdin");
  const stdin = honourStdin !== null && parseBoolean(honourStdin.value);
  return {
    option,
    kind: "dumb",
    command: { kind: "words", text: "", words: [] },
    pidfile: null,
    freq: DEFAULT_FREQ,
    control: false,
    touch: [],
    stopSignal: SIGTERM,
    reloadSignal: null,
    stdin,
    identity: defaults.identity,
    chdir: null,
    maxThrottle: DEFAULT_MAX_THROTTLE,
    notifyPid: false,
    stopTimeout: defaults.stopTimeout,
    nsPid: false,
    origin,
    origins: stdin && honourStdin !== null
      ? { ...defaults.origins, stdin: honourStdin.origin }
      : defaults.origins,
  };
}

/** Keys whose field of the DaemonPlan has another name. */
const FIELDS: Readonly<Record<string, keyof DaemonPlan>> = {
  daemonize: "kind",
  stopsignal: "stopSignal",
  reloadsignal: "reloadSignal",
  uid: "identity",
  gid: "identity",
  ns_pid: "nsPid",
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
    if (key !== "legion") origins[FIELDS[key] ?? key as keyof DaemonPlan] = origin;
  }
  return origins;
}

function commandOf(text: string, option: RawOption, context: Context): Command | null {
  const line = text.trim();
  if (line === "") {
    context.diagnostics.error(`cannot use ${option.name}: there is no command`, option.origin);
    return null;
  }
  if (line.includes("\0")) {
    context.diagnostics.error(`cannot use ${option.name}: the command holds a NUL character`, option.origin);
    return null;
  }
  return planCommand(line, context.defaults.shell);
}

/** uWSGI's presence keys: any value enables them, `0` as well. */
function presence(
  key: string,
  keys: ReadonlyMap<string, string>,
  origin: Origin,
  diagnostics: Diagnostics,
): boolean {
  const value = keys.get(key);
  if (value === undefined) return false;
  if (value !== "" && !parseBoolean(value)) {
    diagnostics.warning(
      `"${key}=${value}" enables ${key} all the same, as in uWSGI: leave the key out`,
      origin,
    );
  }
  return true;
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

function freqOf(text: string, origin: Origin, diagnostics: Diagnostics): number {
  return parseInteger({ name: "freq", value: text, origin }, diagnostics, { least: 1, most: LONGEST_DAY }) ??
    DEFAULT_FREQ;
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
        JSON.stringify(text)
      } in ${key}: give a name (TERM, SIGQUIT, RTMIN+1) or a number from 1 to 64`,
      origin,
    );
  }
  return signal;
}

/** A word as a shell would want it, for people to read. */
function quoteWord(word: string): string {
  return /^[A-Za-z0-9_\/.:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
