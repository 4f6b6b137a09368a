/**
 * A daemon's own namespaces: the keys of its plan's field "namespaces" together. Pure but for a look at the
 * kind of file that setns names.
 */
import { DAEMON_KEYS } from "../../options/daemon_keys.ts";
import type { DaemonNamespaces, NamespaceKind } from "../../plan/jail_plan.ts";
import { quote } from "../../problem.ts";
import type { PlanDeps } from "../../system/plan_deps.ts";
import type { Field } from "../../values/field.ts";
import { bool, refuseEmpty } from "../../values/key_values.ts";
import { type KeyFields, lastOf } from "../../values/keyval.ts";
import { planKeepMounts } from "../jail/keep_mounts.ts";
import { checkHostname, orderKinds, parseJoin, parseKinds, rootPath, tidyPath } from "../jail/namespaces.ts";

/** Keys that say where a daemon lives. */
const NAMESPACE_KEYS = DAEMON_KEYS.filter(({ field }) => field === "namespaces");

/** null where the keys ask for nothing. */
export function planDaemonNamespaces(
  keys: KeyFields,
  system: PlanDeps,
): DaemonNamespaces | null {
  if (!NAMESPACE_KEYS.some(({ key }) => keys.has(key))) return null;
  const list = (key: string): readonly Field[] => itemsOf(keys.get(key));
  const kinds = new Set<NamespaceKind>();
  const pid = lastOf(keys, "ns_pid");
  // uWSGI 2.0 leaves the host's /proc in place.
  if (pid !== undefined && bool(pid)) kinds.add("pid");
  for (const kind of list("ns").flatMap(parseKinds)) kinds.add(kind);
  const root = lastOf(keys, "root");
  const path = root === undefined ? null : rootOf(root);
  const hostname = lastOf(keys, "hostname")?.with({ name: "the hostname" });
  const hasHostname = hostname !== undefined && checkHostname(hostname);
  const keep = planKeepMounts(list("keep"), path);
  const tmpfs = list("tmpfs").flatMap((field) => insidePath(field) ?? []);
  const seal = lastOf(keys, "readonly");
  const readonly = seal !== undefined && bool(seal);
  if (root !== undefined || keep.length > 0 || tmpfs.length > 0 || readonly) kinds.add("mnt");
  if (hasHostname) kinds.add("uts");
  const join = list("setns").flatMap((field) => parseJoin(field, system) ?? []);
  if (kinds.size === 0 && join.length === 0) return null;
  return {
    namespaces: orderKinds(kinds),
    join,
    root: path === null ? null : { path, how: "pivot", keepOld: null },
    hostname: hasHostname ? hostname.value : null,
    keep,
    readonly,
    tmpfs: [...new Set(tmpfs)],
  };
}

/**
 * The end of a namespace's first process ends all in it, and that one ends with what it was started for: a
 * daemon that puts itself into the background would be killed at the end of its launcher, and what it wrote
 * into its pidfile would be its number inside.
 */
export function refusePidOfLauncher(namespaces: DaemonNamespaces | null, list: Field): void {
  if (namespaces?.namespaces.includes("pid") !== true) return;
  list.error(
    "cannot give a PID namespace (ns_pid, ns=pid) to a daemon that puts itself into the background: the namespace ends with its " +
      "launcher; have the command stay in the foreground and add daemonize=1, or leave the PID namespace out",
  );
}

/**
 * An absolute path, as the daemon's surroundings have it: those of the instance's jail where there is one.
 * null: "/", or an error.
 */
function rootOf(field: Field): string | null {
  if (field.value !== "" && !field.value.startsWith("/")) {
    return field.error(`cannot use root=${quote(field.value)}: the path must be absolute`);
  }
  const root = rootPath(field, "/");
  return root === "/" ? null : root;
}

/** The items; an empty list is an error. */
function itemsOf(fields: readonly Field[] = []): readonly Field[] {
  const items = fields.filter(({ value }) => value !== "");
  const [first] = fields;
  if (items.length === 0 && first !== undefined) refuseEmpty(first);
  return items;
}

function insidePath(field: Field): string | null {
  const path = field.value;
  if (!path.startsWith("/")) return field.refuse("the path must be absolute");
  if (path.split("/").includes("..")) return field.refuse('write the path without ".."');
  const tidy = tidyPath(path);
  return tidy === "/" ? field.refuse("it would hide the whole root") : tidy;
}
