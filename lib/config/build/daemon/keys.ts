/**
 * What the keys of a daemon mean together. Pure; what one key is, is a row of options/daemon_keys.ts. What
 * uWSGI guesses (a signal's name, a switch without a pidfile) is an error or a warning with its line.
 */
import { findKey } from "../../options/daemon_keys.ts";
import type { Origin } from "../../origin.ts";
import type { DaemonPlan, Identity } from "../../plan/daemon_plan.ts";
import type { DaemonNamespaces } from "../../plan/jail_plan.ts";
import { resolveIdentity } from "../../system/identity.ts";
import type { Field } from "../../values/field.ts";
import { bool } from "../../values/key_values.ts";
import { type KeyFields, lastOf } from "../../values/keyval.ts";
import { baseDraft, commandOf, type Context, type Draft } from "./draft.ts";
import { planDaemonNamespaces, refusePidOfLauncher } from "./namespaces.ts";
import type { DaemonSource } from "./source.ts";

/** null, and errors, where there is no command to run. */
export function planKeys({ option, line, keys, fixed }: DaemonSource, context: Context): Draft | null {
  const written = lastOf(keys, "command");
  if (written === undefined) return line.error(`${line.name} needs a "command" key`);
  const { value, origin } = written;
  const command = commandOf(line.value === value ? line : line.with({ value, origin }), context);
  const base = baseDraft(option, line.origin, context);
  const read = readKeys(keys, base);
  const { pidfile, legion } = read;
  const kind = kindOf(read, keys, line);
  if (legion !== null) {
    const what = fixed.has("legion") ? option : `the key "legion"`;
    context.legions.require(legion, what, lastOf(keys, "legion")?.origin ?? line.origin, false);
  }
  const namespaces = planDaemonNamespaces(keys, context.system);
  if (kind === "smart") refusePidOfLauncher(namespaces, line);
  const identity = identityOf(keys, namespaces, context);
  if (command === null) return null;
  return Object.assign(read, {
    kind,
    command,
    control: read.control && pidfile === null,
    identity,
    notifyPid: read.notifyPid && pidfile !== null,
    namespaces,
    origins: originsOf(keys, base.origins),
  });
}

/** The draft, which is ours alone, with what each key says, where its value is right. */
function readKeys(keys: KeyFields, draft: Draft): Draft {
  const settings: Record<string, unknown> = draft;
  for (const [key, fields] of keys) {
    const last = fields.at(-1);
    const row = findKey(key);
    if (last === undefined || row === null) continue;
    const value = row.readAll?.(fields) ?? row.read?.(last) ?? null;
    if (value !== null) settings[row.field] = value;
  }
  return draft;
}

/** Says, too, what has no effect without a pidfile, or with one. */
function kindOf({ pidfile, control, notifyPid }: Draft, keys: KeyFields, line: Field): DaemonPlan["kind"] {
  const daemonize = lastOf(keys, "daemonize");
  const isDaemonized = daemonize !== undefined && bool(daemonize);
  if (pidfile === null) {
    if (isDaemonized) {
      line.error("daemonize needs a pidfile: give the pidfile key, or leave daemonize out");
    }
    if (notifyPid) line.warning("notifypid has no effect without a pidfile");
    return "dumb";
  }
  if (control) {
    line.warning("control has no effect on a daemon with a pidfile, which may outlive this instance");
  }
  return isDaemonized ? "smart2" : "smart";
}

function identityOf(keys: KeyFields, namespaces: DaemonNamespaces | null, context: Context): Identity | null {
  const { defaults } = context;
  const uid = lastOf(keys, "uid") ?? null;
  const gid = lastOf(keys, "gid") ?? null;
  if (uid === null && gid === null) return defaults.identity;
  const identity = resolveIdentity(
    { uid, gid, addGids: [], initGroups: defaults.initGroups, base: defaults.identity },
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
  for (const [key, fields] of keys) {
    const [row, last] = [findKey(key), fields.at(-1)];
    if (row !== null && last !== undefined) origins[row.field] = last.origin;
  }
  return origins;
}
