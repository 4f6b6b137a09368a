/**
 * The instance's jail: namespace, chroot, pivot-root, unshare, setns and their like, as one JailPlan. Pure
 * but for a look at the kind of file that setns names; nothing is made here.
 */
import type { JailPlan, JoinPlan, NamespaceKind, RootPlan, SetnsServerPlan } from "../../plan/jail_plan.ts";
import type { Field } from "../../values/field.ts";
import { planKeepMounts } from "./keep_mounts.ts";
import { checkHostname, orderKinds, parseJoin, parseKinds, rootPath, tidyPath } from "./namespaces.ts";
import { nearestName } from "../../nearest.ts";
import type { OptionReader } from "../../values/options.ts";
import type { PlanDeps } from "../../system/plan_deps.ts";
import { quote } from "../../problem.ts";

/** uWSGI 2.0: those of clone(2) in linux_namespace_start. */
const OF_NAMESPACE: readonly NamespaceKind[] = ["pid", "mnt", "uts", "ipc"];

/**
 * uWSGI 2.0: setns-socket-skip takes names of files in /proc/self/ns, also of those that reeve never hands
 * out.
 */
const NAMESPACE_FILES: readonly string[] =
  "cgroup ipc mnt net pid pid_for_children time time_for_children user uts".split(" ");

interface Draft {
  option: Field | null;
  readonly kinds: Set<NamespaceKind>;
  root: RootPlan | null;
  hostname: string | null;
}

/** null: daemons run where reeve runs. */
export function planJail(reader: OptionReader, system: PlanDeps): JailPlan | null {
  if (!reader.hasAny(["namespace", "chroot", "pivot-root", "unshare", "setns"])) return null;
  const draft: Draft = { option: null, kinds: new Set(), root: null, hostname: null };
  const changesRoot = planNamespace(reader, system, draft);
  planOtherRoot(reader, system, draft, changesRoot);
  planUnshare(reader, draft);
  const join = planJoin(reader, system, draft);
  const { option, root } = draft;
  const isMounted = changesRoot || root?.how === "pivot";
  refuseWithoutJail(reader, draft, isMounted);
  if (option === null) return null;
  const keep = isMounted ? planKeepMounts(reader.all("namespace-keep-mount"), root?.path ?? null) : [];
  const environment = planEnvironmentBase(reader);
  return {
    option: option.name,
    namespaces: orderKinds(draft.kinds),
    join,
    root,
    hostname: draft.hostname,
    keep,
    bare: reader.flag("namespace-bare"),
    environment: environment ?? (changesRoot || root !== null ? "clean" : "inherit"),
    origin: option.origin,
  };
}

/** setns-socket: null without it. It needs no jail: reeve's own namespaces are handed out then. */
export function planSetnsServer(reader: OptionReader): SetnsServerPlan | null {
  const option = reader.last("setns-socket");
  const skipped = reader.all("setns-socket-skip");
  if (option === null || !reader.needText(option)) {
    const stray = skipped.at(-1) ?? null;
    if (option === null && stray !== null) {
      reader.diagnostics.warning("setns-socket-skip has no effect without setns-socket", stray.origin);
    }
    return null;
  }
  const skip: string[] = [];
  for (const { value, origin } of skipped.filter((one) => reader.needText(one))) {
    skip.push(value);
    if (NAMESPACE_FILES.includes(value)) continue;
    // Namespaces that were to be kept back would be handed out.
    const near = nearestName(value, NAMESPACE_FILES);
    const hint = near === null ? `there are ${NAMESPACE_FILES.join(", ")}` : `did you mean ${quote(near)}?`;
    reader.diagnostics.error(`unknown namespace ${quote(value)} in setns-socket-skip: ${hint}`, origin);
  }
  return { path: option.value, skip, origin: option.origin };
}

/** true: there is a namespace with a root, "/" included. */
function planNamespace(reader: OptionReader, system: PlanDeps, draft: Draft): boolean {
  const net = reader.last("namespace-net");
  const given = reader.last("namespace");
  const { diagnostics } = reader;
  if (net !== null) draft.kinds.add("net");
  if (given !== null && net !== null && net.value.startsWith("/") && net.value !== given.value) {
    diagnostics.warning(
      `namespace-net adds a network namespace to ${quote(given.value)}: its own value, ${
        quote(net.value)
      }, is not used`,
      net.origin,
    );
  }
  const option = given ?? net;
  if (option === null) return false;
  draft.option = option;
  if (given === null && !option.value.startsWith("/")) {
    diagnostics.error(
      `cannot use namespace-net=${quote(option.value)} without a root: ` +
        "add namespace = ROOT, or write namespace-net = /ROOT[:HOSTNAME]",
      option.origin,
    );
    return true;
  }
  // uWSGI 2.0: the first ":" divides.
  const colon = option.value.indexOf(":");
  const root = colon < 0 ? option.value : option.value.slice(0, colon);
  const path = rootPath(option.with({ value: root }), system.cwd);
  if (colon >= 0) {
    const value = option.value.slice(colon + 1);
    const name = `the hostname of ${option.name}`;
    if (checkHostname(option.with({ name, value }))) draft.hostname = value;
  }
  for (const kind of OF_NAMESPACE) draft.kinds.add(kind);
  if (path !== null && path !== "/") draft.root = { path, how: "pivot", keepOld: null };
  return true;
}

function planOtherRoot(reader: OptionReader, system: PlanDeps, draft: Draft, hasNamespace: boolean): void {
  const { diagnostics } = reader;
  const chroot = reader.last("chroot");
  const pivot = reader.last("pivot-root");
  for (const option of [chroot, pivot]) {
    if (option === null || !hasNamespace) continue;
    diagnostics.error(
      `cannot use ${option.name} with ${draft.option?.name}: each changes the root, so leave one of them out`,
      option.origin,
    );
  }
  if (hasNamespace) return;
  if (chroot !== null && pivot !== null) {
    diagnostics.error(
      "cannot use pivot-root with chroot: each changes the root, so leave one of them out",
      pivot.origin,
    );
  }
  if (pivot !== null) {
    draft.option = pivot;
    draft.kinds.add("mnt");
    draft.root = parsePivot(pivot, system);
  } else if (chroot !== null) {
    draft.option = chroot;
    const path = rootPath(chroot, system.cwd);
    if (path !== null && path !== "/") draft.root = { path, how: "chroot", keepOld: null };
  }
}

/** `NEW OLD`; uWSGI 2.0: OLD is beneath NEW, whether it begins with "/" or not. */
function parsePivot(option: Field, system: PlanDeps): RootPlan | null {
  const space = option.value.indexOf(" ");
  const old = option.value.slice(space + 1).trim();
  if (space < 1 || old === "") {
    return option.error(
      `cannot use pivot-root=${quote(option.value)}: it takes "NEW OLD", with OLD a directory beneath NEW`,
    );
  }
  const path = rootPath(option.with({ value: option.value.slice(0, space) }), system.cwd);
  const keepOld = tidyPath(`/${old}`);
  if (keepOld.split("/").includes("..") || keepOld === "/" || path === "/") {
    const problem = path === "/" ? "the new root is the old one" : "OLD must be a directory beneath NEW";
    return option.error(`cannot use pivot-root=${quote(option.value)}: ${problem}`);
  }
  if (path !== null && keepOld.startsWith(`${path}/`)) {
    option.warning(
      `OLD of pivot-root is a path in the new root: did you mean "${keepOld.slice(path.length)}"?`,
    );
  }
  return path === null ? null : { path, how: "pivot", keepOld };
}

function planUnshare(reader: OptionReader, draft: Draft): void {
  for (const option of [reader.last("unshare"), reader.last("unshare2")]) {
    if (option === null || !reader.needText(option)) continue;
    draft.option ??= option;
    for (const value of option.value.split(",")) {
      for (const kind of parseKinds(option.with({ value }))) draft.kinds.add(kind);
    }
  }
}

function planJoin(reader: OptionReader, system: PlanDeps, draft: Draft): readonly JoinPlan[] {
  const option = reader.last("setns");
  if (option === null || !reader.needText(option)) return [];
  draft.option ??= option;
  const join = parseJoin(option, system);
  return join === null ? [] : [join];
}

function planEnvironmentBase(reader: OptionReader): JailPlan["environment"] | null {
  const option = reader.last("namespace-env");
  if (option === null) return null;
  if (option.value === "clean" || option.value === "inherit") return option.value;
  reader.diagnostics.error(
    `namespace-env takes "clean" or "inherit", not ${quote(option.value)}`,
    option.origin,
  );
  return null;
}

/** Options that only a jail gives a meaning to. */
function refuseWithoutJail(reader: OptionReader, draft: Draft, isMounted: boolean): void {
  const { diagnostics } = reader;
  const keep = reader.last("namespace-keep-mount");
  if (keep !== null && !isMounted) {
    diagnostics.error(
      `namespace-keep-mount=${quote(keep.value)} needs a root to be mounted in: add namespace = ROOT`,
      keep.origin,
    );
  }
  const bare = reader.last("namespace-bare");
  if (bare !== null && !isMounted) {
    diagnostics.warning("namespace-bare has no effect without namespace = ROOT", bare.origin);
  }
  const environment = reader.last("namespace-env");
  if (environment !== null && draft.option === null) {
    diagnostics.warning(
      "namespace-env has no effect without a jail: add namespace = ROOT",
      environment.origin,
    );
  }
}
