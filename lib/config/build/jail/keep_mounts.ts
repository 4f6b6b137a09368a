/**
 * Mounts of the host that stay visible under another root: `PATH` and `SOURCE:TARGET`. Pure: whether they are
 * there is seen when they are mounted.
 */
import type { KeepMount } from "../../plan/jail_plan.ts";
import type { Field } from "../../values/field.ts";
import { tidyPath } from "./namespaces.ts";
import { quote } from "../../problem.ts";

/**
 * In the order of the configuration. uWSGI 2.0: a plain path below the root is the same place without the
 * root in front, a plain path elsewhere is seen at the same path inside; the first ":" divides. (uWSGI takes
 * /ns/10 to be below /ns/1; here it is not.) `root`: tidy and absolute, null for "/".
 */
export function planKeepMounts(fields: readonly Field[], root: string | null): readonly KeepMount[] {
  const planned: KeepMount[] = [];
  const taken = new Map<string, string>();
  for (const field of fields) {
    const keep = parseKeepMount(field, root);
    if (keep === null) continue;
    const other = taken.get(keep.target);
    if (other === keep.source) continue;
    if (other !== undefined) {
      field.refuse(`${quote(other)} is mounted on ${quote(keep.target)} already`);
      continue;
    }
    taken.set(keep.target, keep.source);
    planned.push(keep);
  }
  return planned;
}

function parseKeepMount(field: Field, root: string | null): KeepMount | null {
  const { name, value: text, origin } = field;
  const colon = text.indexOf(":");
  const source = colon < 0 ? text : text.slice(0, colon);
  if (text.includes("\0")) return field.refuse("it holds a NUL character");
  if (source === "") return field.refuse('it takes PATH or SOURCE:TARGET, and nothing is before the ":"');
  if (!source.startsWith("/")) return field.refuse("the source must be an absolute path, as the host has it");
  const target = colon < 0 ? targetOf(tidyPath(source), root) : text.slice(colon + 1);
  if (target === "") return field.refuse('it takes PATH or SOURCE:TARGET, and nothing is behind the ":"');
  if (!target.startsWith("/")) return field.refuse("the target must be an absolute path, as the jail has it");
  if (target.split("/").includes("..")) return field.refuse('write the target without ".."');
  const tidy = tidyPath(target);
  if (tidy === "/") return field.refuse("the target would be the root itself");
  if (tidy === "/proc") {
    field.warning(`${name} ${quote(text)} puts the host's processes in front of the jail's own`);
  }
  return { source: tidyPath(source), target: tidy, origin };
}

function targetOf(source: string, root: string | null): string {
  if (root === null || root === "/") return source;
  if (source === root) return "/";
  return source.startsWith(`${root}/`) ? source.slice(root.length) : source;
}
