/**
 * Makes dist/release/: for each target the executable and its compressed twin, what is in them, the notices,
 * the manual page and the digests of all. Two runs on one commit with one compiler and one glibc give the
 * same bytes. Must never leave half a release. --target NAME   one target instead of all --glibc DIR
 * packs the glibc of that directory; targets of one processor only --level N       of the compression, 1 to
 * 22; 19 unless told
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { manPage } from "../lib/cli/help/man.ts";
import { VERSION } from "../lib/cli/shared/version.ts";
import { findGlibc } from "./pack/glibc.ts";
import { noticeText } from "./release_notice.ts";
import {
  billOfMaterials,
  bunComponent,
  type BundledGlibc,
  type Component,
  glibcComponent,
  type LockedPackage,
  npmComponents,
} from "./release_sbom.ts";
import { type Target, targetsNamed } from "./target.ts";

const ROOT = join(import.meta.dir, "..");
const DIST = join(ROOT, "dist");

interface Options {
  readonly level: number;
  /** Directory with the glibc to pack; null: where it usually is. */
  readonly glibc: string | null;
}

function release(targets: readonly Target[], options: Options): string {
  const finished = join(DIST, "release");
  const making = join(DIST, `.release-${process.pid}`);
  mkdirSync(making, { recursive: true });
  try {
    for (const target of targets) addExecutable(target, making, options);
    const packages = npmComponents(lockedPackages());
    const glibcs = targets.map((target) => bundledGlibc(target, options.glibc));
    const components = [bunComponent(Bun.version), ...glibcs.map(glibcComponent), ...packages];
    writeFileSync(join(making, "reeve.cdx.json"), billOfMaterials(VERSION, components));
    const texts = packages.map((one) => ({ ...one, text: licenceText(one) }));
    writeFileSync(
      join(making, "NOTICE"),
      noticeText({ version: VERSION, bun: Bun.version, glibcs, packages: texts }),
    );
    writeFileSync(join(making, "reeve.1"), manPage());
    copyFileSync(join(ROOT, "LICENSE"), join(making, "LICENSE"));
    writeFileSync(join(making, "SHA256SUMS"), digests(making));
    // Not what the umask and the checkout of whoever releases made of it.
    chmodSync(making, 0o755);
    for (const name of readdirSync(making)) chmodSync(join(making, name), isExecutable(name) ? 0o755 : 0o644);
    rmSync(finished, { recursive: true, force: true });
    renameSync(making, finished);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return finished;
}

function addExecutable(target: Target, directory: string, { level, glibc }: Options): void {
  const other = glibc === null ? [] : ["--glibc", glibc];
  const command = [process.execPath, "run", join(ROOT, "build.ts"), "--target", target.name, ...other];
  const built = Bun.spawnSync(command, { cwd: ROOT, stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  if (!built.success) throw new Error(`cannot release ${target.name}: its build failed`);
  const name = `reeve-${target.name}`;
  const bytes = readFileSync(join(DIST, name));
  writeFileSync(join(directory, name), bytes);
  writeFileSync(join(directory, `${name}.zst`), Bun.zstdCompressSync(bytes, { level }));
}

function isExecutable(name: string): boolean {
  return name.startsWith("reeve-") && !name.endsWith(".zst");
}

function lockedPackages(): Readonly<Record<string, LockedPackage>> {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  return lock.packages;
}

function bundledGlibc(target: Target, directory: string | null): BundledGlibc {
  const { version, files } = findGlibc(target.arch, directory);
  const libc = files.find(({ name }) => name === "libc.so.6");
  if (libc === undefined) throw new Error(`cannot describe the glibc of ${target.name}: it has no libc.so.6`);
  const banner = /GNU C Library \(([^)]+)\)/.exec(Buffer.from(libc.bytes).toString("latin1"))?.[1] ?? null;
  return { version, build: banner, target: target.name, sha256: sha256(libc.bytes) };
}

/** The terms under which a package came, which its copies must carry. */
function licenceText({ name, license }: Component): string {
  const directory = join(ROOT, "node_modules", name);
  const file = readdirSync(directory).find((entry) => /^(licen[cs]e|copying)(\.(md|txt))?$/i.test(entry));
  if (file !== undefined) return readFileSync(join(directory, file), "utf8");
  const described = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
    readonly author?: unknown;
  };
  const author = typeof described.author === "string"
    ? described.author
    : JSON.stringify(described.author ?? null);
  return `Its package has no text of the ${license} licence; its author is ${author}.`;
}

/** As sha256sum -c reads it. */
function digests(directory: string): string {
  return readdirSync(directory).sort().map((name) =>
    `${sha256(readFileSync(join(directory, name)))}  ${name}\n`
  )
    .join("");
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

try {
  const { values } = parseArgs({
    options: {
      target: { type: "string", default: "all" },
      glibc: { type: "string" },
      level: { type: "string", default: "19" },
    },
  });
  const level = Number(values.level);
  if (!Number.isInteger(level) || level < 1 || level > 22) {
    throw new Error(`cannot compress at level "${values.level}": wanted 1 to 22`);
  }
  if (!existsSync(join(ROOT, "node_modules"))) {
    throw new Error("cannot release without node_modules: run npm ci");
  }
  const targets = targetsNamed(values.target);
  const glibc = values.glibc === undefined ? null : resolve(values.glibc);
  if (glibc !== null && new Set(targets.map(({ arch }) => arch)).size > 1) {
    throw new Error(
      `cannot release ${values.target} with one glibc: name a target of its processor (--target)`,
    );
  }
  console.error(`released ${release(targets, { level, glibc })}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
