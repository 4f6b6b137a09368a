/** The systems that an executable can be built for, and what a builder calls them. */
import process from "node:process";
import type { NativeTarget } from "../native/compile.ts";

export interface Target {
  /** As after --target, and in the file's name. */
  readonly name: string;
  readonly arch: NativeTarget;
  /** As Bun's compiler calls it. */
  readonly bun: Bun.Build.CompileTarget;
  /** npm package with Bun's runtime for it. */
  readonly runtime: string;
}

export const TARGETS: readonly Target[] = [
  { name: "linux-x64", arch: "x64", bun: "bun-linux-x64", runtime: "@oven/bun-linux-x64" },
  // For processors without AVX2.
  {
    name: "linux-x64-baseline",
    arch: "x64",
    bun: "bun-linux-x64-baseline",
    runtime: "@oven/bun-linux-x64-baseline",
  },
  { name: "linux-arm64", arch: "arm64", bun: "bun-linux-arm64", runtime: "@oven/bun-linux-aarch64" },
];

/** This machine's own. Throws Error on an architecture that reeve does not run on. */
export function hostTarget(): Target {
  const found = TARGETS.find((target) => target.arch === process.arch);
  if (found === undefined) throw new Error(`cannot build on "${process.arch}": wanted x64 or arm64`);
  return found;
}

/** The value of --target: a name, or "all". */
export function targetsNamed(name: string): readonly Target[] {
  if (name === "all") return TARGETS;
  const found = TARGETS.filter((target) => target.name === name);
  if (found.length > 0) return found;
  const names = TARGETS.map((target) => target.name).join(", ");
  throw new Error(`cannot build for "${name}": wanted one of ${names}, or all`);
}
