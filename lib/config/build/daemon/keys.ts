/**
 * attach-daemon2: what its keys mean together. Pure; what one key is, is a row of options/daemon_keys.ts.
 * What uWSGI guesses or drops in silence (a signal's name, an unknown key, a missing command) is an error
 * with its line.
 */
import { DAEMON_KEYS, type DaemonKey, findKey, KEY_NAMES } from "../../options/daemon_keys.ts";
import type { Origin, RawOption } from "../../origin.ts";
import type { DaemonPlan, Identity } from "../../plan/daemon_plan.ts";
import type { DaemonNamespaces } from "../../plan/jail_plan.ts";
import { quote } from "../../problem.ts";
import { resolveIdentity } from "../../system/identity.ts";
import { Field } from "../../values/field.ts";
import { presence } from "../../values/key_values.ts";
import { type KeyFields, parseKeyval } from "../../values/keyval.ts";
import { baseDraft, commandOf, type Context, type Draft, type Planned } from "./draft.ts";
import { planDaemonNamespaces, refusePidOfLauncher } from "./namespaces.ts";

/** null, and errors, where there is no command to run. */
export function planKeyval(option: RawOption, context: Context): Planned | null {
  const list = new Field(option, context.diagnostics);
  if (!/^[^,]*=/.test(list.value)) {
    return list.error(
      `cannot use attach-daemon2=${quote(list.value)}: it takes KEY=VALUE pairs, ` +
        `write cmd=COMMAND, or use attach-daemon for a plain command`,
    );
  }
  const keys = parseKeyval(list, KEY_NAMES);
  const line = keys.get("command");
  const isSplit = checkSeparators(keys);
  if (line === undefined && !isSplit) return null;
  if (line === undefined) return list.error('attach-daemon2 needs a "command" key (or cmd, or exec)');
  const command = commandOf(list.with({ value: line.value }), context);
  const base = baseDraft("attach-daemon2", option.origin, context);
  const read = DAEMON_KEYS.reduce<Draft>((draft, row) => withKey(draft, row, keys), base);
  const { pidfile, legion } = read;
  const kind = kindOf(read, keys, list);
  if (legion !== null) context.legions.require(legion, `the key "legion"`, option.origin, false);
  const namespaces = planDaemonNamespaces(keys, context.system);
  if (kind === "smart") refusePidOfLauncher(namespaces, list);
  const identity = identityOf(keys, namespaces, context);
  if (command === null) return null;
  const draft: Draft = {
    ...read,
    kind,
    command,
    control: read.control && pidfile === null,
    identity,
    notifyPid: read.notifyPid && pidfile !== null,
    namespaces,
    origins: originsOf(keys, base.origins),
  };
  return { draft, name: keys.get("name")?.value ?? null };
}

/** Whether no key was meant to begin behind a ";", which separates what is in a value. */
function checkSeparators(keys: KeyFields): boolean {
  let isRight = true;
  for (const [key, field] of keys) {
    const parts = field.value.split(/;\s*(?=[a-z_]+\s*=)/);
    if (!parts.slice(1).some((part) => findKey(/^[a-z_]+/.exec(part)?.[0] ?? "") !== null)) continue;
    const text = `keys are separated by ",", and not by ";": write ${quote(`${key}=${parts.join(",")}`)}`;
    if (key === "command") field.warning(`${text}, unless it is for the shell`);
    else field.error(text);
    isRight &&= key === "command";
  }
  return isRight;
}

/** The draft with what one key says, where the key is there and its value is right. */
function withKey(draft: Draft, row: DaemonKey, keys: KeyFields): Draft {
  const field = keys.get(row.key);
  const value = field === undefined ? null : row.read?.(field) ?? null;
  return value === null ? draft : { ...draft, [row.field]: value };
}

/** Says, too, what has no effect without a pidfile, or with one. */
function kindOf({ pidfile, control, notifyPid }: Draft, keys: KeyFields, list: Field): DaemonPlan["kind"] {
  const daemonize = keys.get("daemonize");
  const isDaemonized = daemonize !== undefined && presence(daemonize);
  if (pidfile === null) {
    if (isDaemonized) {
      list.error("daemonize needs a pidfile: give the pidfile key, or leave daemonize out");
    }
    if (notifyPid) list.warning("notifypid has no effect without a pidfile");
    return "dumb";
  }
  if (control) {
    list.warning("control has no effect on a daemon with a pidfile, which may outlive this instance");
  }
  return isDaemonized ? "smart2" : "smart";
}

function identityOf(keys: KeyFields, namespaces: DaemonNamespaces | null, context: Context): Identity | null {
  const { defaults } = context;
  const uid = keys.get("uid") ?? null;
  const identity = resolveIdentity(
    {
      uid,
      gid: keys.get("gid") ?? null,
      addGids: [],
      initGroups: defaults.initGroups,
      base: defaults.identity,
    },
    context.users.of(namespaces?.root?.path ?? null),
    context.system,
    context.diagnostics,
  );
  if (identity?.uid === 0 && uid !== null && defaults.identity !== null && defaults.identity.uid !== 0) {
    const usual = defaults.identity.user ?? defaults.identity.uid;
    uid.warning(`uid=0 runs this daemon as root (uWSGI would run it as "${usual}")`);
  }
  return identity;
}

function originsOf(keys: KeyFields, defaults: DaemonPlan["origins"]): DaemonPlan["origins"] {
  const origins: Partial<Record<keyof DaemonPlan, Origin>> = { ...defaults };
  for (const [key, { origin }] of keys) {
    const row = findKey(key);
    if (row !== null) origins[row.field] = origin;
  }
  return origins;
}
