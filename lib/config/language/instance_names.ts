/**
 * The identity of an instance among all others of this host, and its name: two files of the same name in two
 * directories are two instances. Pure. A name must never be a counter: the same file is to have the same one
 * again.
 */
import type { InstanceNaming } from "../plan/instance_plan.ts";
import { shortHash } from "../../sys/hash.ts";
import { nameFrom } from "../values/name.ts";
import { splitScheme, splitSourceName } from "./format/source_name.ts";

const NO_FILE: InstanceNaming = { identity: "options", names: ["reeve"] };

/** `asked`: the first FILE as it was named, "" for none; `cwd`: what a relative one is relative to. */
export function instanceNames(asked: string, cwd: string): InstanceNaming {
  if (asked === "") return NO_FILE;
  const { path, section } = splitSourceName(asked);
  const suffix = section === null ? "" : `:${section}`;
  if (path === "-" || path === "<stdin>") {
    return { identity: `stdin${suffix}`, names: named("stdin", section) };
  }
  const isAddress = splitScheme(path) !== null;
  const whole = isAddress || path.startsWith("/") ? path : `${cwd === "/" ? "" : cwd}/${path}`;
  const identity = `${collapse(whole, isAddress)}${suffix}`;
  const parts = whole.split("/");
  const base = parts.at(-1) ?? "";
  const dot = base.lastIndexOf(".");
  const [name] = named(dot > 0 ? base.slice(0, dot) : base, section);
  const parent = nameFrom(parts.at(-2) ?? "", "root");
  const digits = shortHash(identity).toString(16).padStart(8, "0").slice(-6);
  return { identity, names: [name, `${name}~${parent}`, `${name}~${digits}`] };
}

function named(stem: string, section: string | null): [string] {
  const name = nameFrom(stem, "reeve");
  return [section === null || section === "uwsgi" ? name : `${name}.${nameFrom(section, "section")}`];
}

/** "/a//b/./c" is "/a/b/c". A ".." stays: behind a link it is not the directory before. */
function collapse(path: string, isAddress: boolean): string {
  if (isAddress) return path;
  return `/${path.split("/").filter((part) => part !== "" && part !== ".").join("/")}`;
}
