/**
 * Bun's runtime for a target other than this machine: from its npm package, of the very version that builds.
 * Must never use a file whose digest is not the one written here.
 */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Target } from "./target.ts";

const VERSION = "1.4.5";
/** Digests of the packages of that version, as `npm view PACKAGE@VERSION dist.integrity` prints them. */
const INTEGRITY: Readonly<Record<string, string>> = {
  "@oven/bun-linux-x64":
    "sha512-IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==",
  "@oven/bun-linux-x64-baseline":
    "sha512-s8yMwYcFnnrA178gji0gZbkE2WVDej/Ti1x770oPfihxyRxSMNhGhiAQNXV53aDeraZxksdvKV/RAdQBCd0qPA==",
  "@oven/bun-linux-aarch64":
    "sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==",
};

/** Path of the runtime. Throws Error when it cannot be had. */
export function fetchRuntime(target: Target, cache: string): string {
  if (Bun.version !== VERSION) {
    throw new Error(
      `cannot build for ${target.name}: Bun is ${Bun.version}, and build/runtime.ts has the digests of ${VERSION}: write down the new ones`,
    );
  }
  const directory = join(cache, `${target.bun}-${VERSION}`);
  const runtime = join(directory, "package", "bin", "bun");
  if (existsSync(runtime)) return runtime;
  // Under a name of its own first: a half-unpacked runtime must not be taken for one.
  const building = `${directory}.${randomUUID()}`;
  mkdirSync(building, { recursive: true });
  try {
    const wanted = `${target.runtime}@${VERSION}`;
    run(["npm", "pack", wanted, "--silent", "--pack-destination", building], `fetch ${wanted}`);
    const archive = readdirSync(building).find((name) => name.endsWith(".tgz"));
    if (archive === undefined) throw new Error(`cannot fetch ${wanted}: npm pack left no archive`);
    verify(join(building, archive), target.runtime);
    run(["tar", "-xzf", join(building, archive), "-C", building], `unpack ${wanted}`);
    rmSync(join(building, archive));
    if (!existsSync(directory)) renameSync(building, directory);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  return runtime;
}

function verify(archive: string, name: string): void {
  const digest = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (digest === INTEGRITY[name]) return;
  throw new Error(`cannot use ${name}@${VERSION}: its digest is ${digest}, wanted ${INTEGRITY[name]}`);
}

function run(command: readonly string[], doing: string): void {
  const result = Bun.spawnSync([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  if (result.success) return;
  throw new Error(
    `cannot ${doing}: ${command.join(" ")}\n${result.stdout.toString()}${result.stderr.toString()}`,
  );
}
