/** A daemon's settings in words, for people and for JSON. Pure; secrets in commands are masked. */
import type { Command, DaemonKind, DaemonPlan, Identity } from "./daemon_plan.ts";
import type { DaemonNamespaces, JoinPlan, KeepMount, RootPlan } from "./jail_plan.ts";
import { maskLine, maskValue, maskWords } from "./mask.ts";

const KINDS: Readonly<Record<DaemonKind, string>> = {
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

export function kindText({ kind, legion }: DaemonPlan): string {
  return legion === null ? KINDS[kind] : LEGION_KINDS[kind];
}

export function freqText({ kind, freq }: DaemonPlan): string {
  const broken = `broken after ${freq} failures`;
  return kind === "dumb" ? broken : `pidfile in ${freq} s; ${broken}`;
}

export function commandText(command: Command): string {
  const line = maskLine(command.text);
  return command.kind === "words" ? line : `${line}  (by ${command.shell} -c)`;
}

export function commandToJson(command: Command): unknown {
  const text = maskLine(command.text);
  return command.kind === "words"
    ? { run: "directly", text, words: maskWords(command.words) }
    : { run: "by a shell", text, shell: command.shell };
}

export function identityText(identity: Identity | null): string {
  if (identity === null) return "as reeve itself";
  const user = identity.user === null ? String(identity.uid) : `${identity.user} (${identity.uid})`;
  return `user ${user}, group ${identity.gid}, groups ${identity.groups.join(" ") || "none"}`;
}

export function environmentText(environment: DaemonPlan["environment"]): string {
  return environmentToJson(environment).map(({ name, value }) => `${name}=${value}`).join("; ") || "-";
}

export function environmentToJson(environment: DaemonPlan["environment"]): DaemonPlan["environment"] {
  return environment.map(({ name, value }) => ({ name, value: maskValue(name, value) }));
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

export function rootText({ path, how, keepOld }: RootPlan): string {
  const old = keepOld === null ? "" : `, the old one at ${keepOld}`;
  return how === "chroot" ? `${path} (chroot)` : `${path}${old}`;
}

export function keepText({ source, target }: KeepMount): string {
  return source === target ? source : `${source} on ${target}`;
}

export function joinText(join: JoinPlan): string {
  switch (join.kind) {
    case "pid":
      return `those of pid ${join.pid}`;
    case "path":
      return join.path;
    case "socket":
      return `what ${join.path} hands out`;
  }
}
