/** Namespaces of a Plan in words, for `reeve plan`: those of the instance and those of a daemon. Pure. */
import type {
  DaemonNamespaces,
  JailPlan,
  JoinPlan,
  KeepMount,
  RootPlan,
  SetnsServerPlan,
} from "../../config/plan/jail_plan.ts";
import type { Origin } from "../../config/origin.ts";

/** `label`, `value` and the place that it comes from. */
type Add = (label: string, value: string, origin: Origin) => void;

export function addJailRows(jail: JailPlan, add: Add): void {
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

export function addSetnsServerRow(server: SetnsServerPlan, add: Add): void {
  const skip = server.skip.length === 0 ? "" : `, but ${server.skip.join(" ")}`;
  add("hands out", `the namespaces on ${server.path}${skip}`, server.origin);
}

export function namespacesText(namespaces: DaemonNamespaces | null): string {
  if (namespaces === null) return "-";
  const { root, hostname, keep, tmpfs, join } = namespaces;
  return [
    namespaces.namespaces.join(" "),
    ...join.map((joined) => `joins ${joinText(joined)}`),
    ...(root === null ? [] : [`root ${rootText(root)}`]),
    ...(hostname === null ? [] : [`hostname ${hostname}`]),
    ...keep.map((kept) => `keeps ${keepText(kept)}`),
    ...tmpfs.map((path) => `tmpfs on ${path}`),
    ...(namespaces.readonly ? ["the rest read-only"] : []),
  ].filter((part) => part !== "").join("; ");
}

function rootText({ path, how, keepOld }: RootPlan): string {
  const old = keepOld === null ? "" : `, the old one at ${keepOld}`;
  return how === "chroot" ? `${path} (chroot)` : `${path}${old}`;
}

function keepText({ source, target }: KeepMount): string {
  return source === target ? source : `${source} on ${target}`;
}

function joinText(join: JoinPlan): string {
  switch (join.kind) {
    case "pid":
      return `those of pid ${join.pid}`;
    case "path":
      return join.path;
    case "socket":
      return `what ${join.path} hands out`;
  }
}
