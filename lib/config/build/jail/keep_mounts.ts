/**
 * Mounts of the host that stay visible under another root: `PATH` and `SOURCE:TARGET`. Pure: whether they are there is seen
 * when they are mounted.
 */
import type { Diagnostics } from "../../diagnostic.ts";
import type { KeepMount } from "../../plan/jail_plan.ts";
import type { Origin } from "../../origin.ts";
import { tidyPath } from "./namespaces.ts";
import { quote } from "../../problem.ts";

export interface KeepMountText {
  readonly text: string;
  readonly origin: Origin;
}

/**
 * In the order of the configuration. uWSGI 2.0: a plain path below the root is the same place without the root in front, a plain
 * path elsewhere is seen at the same path inside; the first ":" divides. (uWSGI takes /ns/10 to be below /ns/1; here it is not.)
 * `root`: tidy and absolute, null for "/".
 */
export function planKeepMounts(
  texts: readonly KeepMountText[],
  what: string,
  root: string | null,
  diagnostics: Diagnostics,
): readonly KeepMount[] {
  const planned: KeepMount[] = [];
  const taken = new Map<string, string>();
  for (const { text, origin } of texts) {
    const keep = parseKeepMount(text, what, root, origin, diagnostics);
    if (keep === null) continue;
    const other = taken.get(keep.target);
    if (other === keep.source) continue;
    if (other !== undefined) {
      diagnostics.error(
        `cannot use ${what} ${quote(text)}: ${quote(other)} is mounted on ${quote(keep.target)} already`,
        origin,
      );
      continue;
    }
    taken.set(keep.target, keep.source);
    planned.push(keep);
  }
  return planned;
}

function parseKeepMount(
  text: string,
  what: string,
  root: string | null,
  origin: Origin,
  diagnostics: Diagnostics,
): KeepMount | null {
  const refuse = (problem: string): null => {
    diagnostics.error(`cannot use ${what} ${quote(text)}: ${problem}`, origin);
    return null;
  };
  const colon = text.indexOf(":");
  const source = colon < 0 ? text : text.slice(0, colon);
  if (text.includes("\0")) return refuse("it holds a NUL character");
  if (source === "") return refuse('it takes PATH or SOURCE:TARGET, and nothing is before the ":"');
  if (!source.startsWith("/")) return refuse("the source must be an absolute path, as the host has it");
  const target = colon < 0 ? targetOf(tidyPath(source), root) : text.slice(colon + 1);
  if (target === "") return refuse('it takes PATH or SOURCE:TARGET, and nothing is behind the ":"');
  if (!target.startsWith("/")) return refuse("the target must be an absolute path, as the jail has it");
  if (target.split("/").includes("..")) return refuse('write the target without ".."');
  const tidy = tidyPath(target);
  if (tidy === "/") return refuse("the target would be the root itself");
  if (tidy === "/proc") {
    diagnostics.warning(
      `${what} ${quote(text)} puts the host's processes in front of the jail's own`,
      origin,
    );
  }
  return { source: tidyPath(source), target: tidy, origin };
}

function targetOf(source: string, root: string | null): string {
  if (root === null || root === "/") return source;
  if (source === root) return "/";
  return source.startsWith(`${root}/`) ? source.slice(root.length) : source;
}
