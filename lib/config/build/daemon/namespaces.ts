/**
 * A daemon's own namespaces and rights: the keys ns_pid, ns, root, hostname, keep, readonly, tmpfs, setns, caps and
 * no_new_privs of attach-daemon2. Pure but for a look at the kind of file that setns names.
 */
import type { Diagnostics } from "../../diagnostic.ts";
import type { DaemonNamespaces, JoinPlan, NamespaceKind } from "../../plan/jail_plan.ts";
import { splitQuoted } from "../../values/keyval.ts";
import type { Origin } from "../../origin.ts";
import { planKeepMounts } from "../jail/keep_mounts.ts";
import { checkHostname, orderKinds, parseJoin, parseKinds, rootPath, tidyPath } from "../jail/namespaces.ts";
import type { PlanSystem } from "../../system/system.ts";
import { quote } from "../../problem.ts";

/** Keys that say where a daemon lives. */
export const NAMESPACE_KEYS = [
  "ns_pid",
  "ns",
  "root",
  "hostname",
  "keep",
  "readonly",
  "tmpfs",
  "setns",
] as const;

/** null where the keys ask for nothing. `presence`: the daemon's reader of keys that are on when they are there. */
export function planDaemonNamespaces(
  keys: ReadonlyMap<string, string>,
  origin: Origin,
  presence: (key: string) => boolean,
  system: PlanSystem,
  diagnostics: Diagnostics,
): DaemonNamespaces | null {
  if (!NAMESPACE_KEYS.some((key) => keys.has(key))) return null;
  const kinds = new Set<NamespaceKind>();
  // uWSGI 2.0 leaves the host's /proc in place.
  if (presence("ns_pid")) kinds.add("pid");
  for (const kind of parseKinds(listOf("ns", keys, origin, diagnostics), "ns", origin, diagnostics)) {
    kinds.add(kind);
  }
  const rootText = keys.get("root");
  const path = rootText === undefined ? null : rootOf(rootText, origin, diagnostics);
  const hostname = keys.get("hostname") ?? null;
  const hasHostname = hostname !== null && checkHostname(hostname, "the hostname", origin, diagnostics);
  const keep = planKeepMounts(
    listOf("keep", keys, origin, diagnostics).map((text) => ({ text, origin })),
    "keep",
    path,
    diagnostics,
  );
  const tmpfs = listOf("tmpfs", keys, origin, diagnostics).flatMap((text) => {
    const target = insidePath(text, "tmpfs", origin, diagnostics);
    return target === null ? [] : [target];
  });
  const readonly = presence("readonly");
  if (rootText !== undefined || keep.length > 0 || tmpfs.length > 0 || readonly) kinds.add("mnt");
  if (hasHostname) kinds.add("uts");
  const join = planJoins(keys, origin, system, diagnostics);
  if (kinds.size === 0 && join.length === 0) return null;
  return {
    namespaces: orderKinds(kinds),
    join,
    root: path === null ? null : { path, how: "pivot", keepOld: null },
    hostname: hasHostname ? hostname : null,
    keep,
    readonly,
    tmpfs: [...new Set(tmpfs)],
  };
}

/**
 * The end of a namespace's first process ends all in it, and that one ends with what it was started for: a daemon that puts itself
 * into the background would be killed at the end of its launcher, and what it wrote into its pidfile would be its number inside.
 */
export function refusePidOfLauncher(
  namespaces: DaemonNamespaces | null,
  origin: Origin,
  diagnostics: Diagnostics,
): void {
  if (namespaces?.namespaces.includes("pid") !== true) return;
  diagnostics.error(
    "cannot give a PID namespace (ns_pid, ns=pid) to a daemon that puts itself into the background: the namespace ends with its " +
      "launcher; have the command stay in the foreground and add daemonize=1, or leave the PID namespace out",
    origin,
  );
}

function planJoins(
  keys: ReadonlyMap<string, string>,
  origin: Origin,
  system: PlanSystem,
  diagnostics: Diagnostics,
): readonly JoinPlan[] {
  return listOf("setns", keys, origin, diagnostics).flatMap((text) => {
    const join = parseJoin(text, "setns", origin, system, diagnostics);
    return join === null ? [] : [join];
  });
}

/** Absolute, as the daemon's surroundings have it: those of the instance's jail where there is one. null: "/", or an error. */
function rootOf(text: string, origin: Origin, diagnostics: Diagnostics): string | null {
  if (text !== "" && !text.startsWith("/")) {
    diagnostics.error(`cannot use root=${quote(text)}: the path must be absolute`, origin);
    return null;
  }
  const root = rootPath(text, "root", "/", origin, diagnostics);
  return root === "/" ? null : root;
}

/** Items joined by ";"; an empty list is an error, for a key that is there was meant to say something. */
function listOf(
  key: string,
  keys: ReadonlyMap<string, string>,
  origin: Origin,
  diagnostics: Diagnostics,
): readonly string[] {
  const text = keys.get(key);
  if (text === undefined) return [];
  const items = splitQuoted(text, ";");
  if (items.length === 0) diagnostics.error(`cannot use ${key}: its value is empty`, origin);
  return items;
}

function insidePath(text: string, what: string, origin: Origin, diagnostics: Diagnostics): string | null {
  const problem = !text.startsWith("/")
    ? "the path must be absolute"
    : text.split("/").includes("..")
    ? 'write the path without ".."'
    : tidyPath(text) === "/"
    ? "it would hide the whole root"
    : null;
  if (problem === null) return tidyPath(text);
  diagnostics.error(`cannot use ${what} ${quote(text)}: ${problem}`, origin);
  return null;
}
