/**
 * The words for namespaces that the instance's options and a daemon's keys have in common: kinds, roots,
 * hostnames, what is joined. Pure but for one look at what kind of file is to be joined.
 */
import type { JoinPlan, NamespaceKind } from "../../plan/jail_plan.ts";
import type { Field } from "../../values/field.ts";
import { nearestName } from "../../nearest.ts";
import { join } from "../../system/programs.ts";
import type { PlanDeps } from "../../system/plan_deps.ts";
import { quote } from "../../problem.ts";

/** In the order in which a Plan lists them. */
const KINDS: readonly NamespaceKind[] = ["pid", "mnt", "net", "uts", "ipc", "cgroup", "user"];

/** uWSGI 2.0 has four names for the mount namespace. */
const ALIASES: Readonly<Record<string, NamespaceKind>> = { fs: "mnt", ns: "mnt", mount: "mnt" };

/**
 * Flags of clone(2) in uWSGI's list that are no namespaces: what processes share, and these share nothing.
 */
const NO_NAMESPACES: ReadonlySet<string> = new Set(["files", "io", "parent", "sysvsem"]);

/** The kernel's limit, __NEW_UTS_LEN. */
const LONGEST_HOSTNAME = 64;
/** PID_MAX_LIMIT of a 64-bit kernel. */
const LARGEST_PID = 4_194_304;

/** A word as a kind; an unknown one is an error. */
export function parseKinds(field: Field): readonly NamespaceKind[] {
  const { name: what, value } = field;
  const word = value.trim();
  const kind = Object.hasOwn(ALIASES, word) ? ALIASES[word] : KINDS.find((kind) => kind === word);
  if (kind !== undefined) return [kind];
  if (NO_NAMESPACES.has(word)) {
    const why = "it is no namespace, and every daemon is a process of its own";
    field.warning(`"${word}" in ${what} has no effect: ${why}`);
  } else {
    const near = nearestName(word, [...KINDS, ...Object.keys(ALIASES)]);
    const hint = near === null ? `there are ${KINDS.join(", ")}` : `did you mean "${near}"?`;
    field.error(`unknown namespace ${quote(word)} in ${what}: ${hint}`);
  }
  return [];
}

/** Each once, in order; pid brings mnt. */
export function orderKinds(kinds: Iterable<NamespaceKind>): readonly NamespaceKind[] {
  const wanted = new Set(kinds);
  if (wanted.has("pid")) wanted.add("mnt");
  return KINDS.filter((kind) => wanted.has(kind));
}

/** Whether it can be a host name; else an error. */
export function checkHostname(field: Field): boolean {
  const { value: name } = field;
  const length = new TextEncoder().encode(name).length;
  const problem = name === ""
    ? "it is empty"
    : length > LONGEST_HOSTNAME
    ? `it has ${length} bytes, and the kernel takes ${LONGEST_HOSTNAME}`
    : /[\s\0-\x1f\x7f\/]/.test(name)
    ? "it holds a blank, a slash or a control character"
    : null;
  if (problem !== null) field.error(`cannot use ${quote(name)} as ${field.name}: ${problem}`);
  return problem === null;
}

/**
 * A root directory as an absolute path without slashes that say nothing; null, and an error, where there is
 * none. `from`: what a relative one is relative to.
 */
export function rootPath(field: Field, from: string): string | null {
  return isPath(field, "no directory is named") ? tidyPath(join(from, field.value)) : null;
}

function isPath(field: Field, ifEmpty: string): boolean {
  const { value } = field;
  const problem = value === "" ? ifEmpty : value.includes("\0") ? "it holds a NUL character" : null;
  if (problem !== null) field.error(`cannot use ${field.name}: ${problem}`);
  return problem === null;
}

/** `/a//b/./c/` as `/a/b/c`; ".." is left alone, for where it leads to depends on links. */
export function tidyPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return `${path.startsWith("/") ? "/" : ""}${parts.join("/")}`;
}

/** A pid, an absolute path of namespace files, or a socket that hands them out; null after an error. */
export function parseJoin(field: Field, system: PlanDeps): JoinPlan | null {
  const { value: text, origin } = field;
  if (/^\d+$/.test(text)) {
    const pid = Number(text);
    if (pid >= 1 && pid <= LARGEST_PID) return { kind: "pid", pid, origin };
    return field.error(`cannot join the namespaces of ${quote(text)}: that is no pid`);
  }
  if (!isPath(field, "no path is named")) return null;
  const path = join(system.cwd, text);
  const kind = system.stat(path)?.kind;
  // A socket need not be there yet: it is waited for, as uWSGI does.
  const isFile = kind === "file" || kind === "directory" ||
    /^\/(?:proc|run\/netns|var\/run\/netns)\//.test(path);
  return { kind: isFile ? "path" : "socket", path, origin };
}
