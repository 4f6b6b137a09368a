/**
 * Builds what the native tests run: the helper in its variants, and C test programs, all from the sources of
 * native/. A hosted build has a libc and the sanitizers below the very same sources. Each is built once, into
 * the cache.
 */
import { test } from "bun:test";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { PATIENCE } from "../support/patience.ts";
import { compileNative, HELPER_SOURCES, KEEPER_SOURCES, type NativeArtefacts } from "../../native/compile.ts";

export const NATIVE = join(import.meta.dir, "..", "..", "native");
const HERE = import.meta.dir;

export const ARM_COMPILER = "aarch64-linux-gnu-gcc";
export const ARM_EMULATOR = "qemu-aarch64-static";
const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];
export const WARNINGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror"];
const SUPERVISED = process.env["MUST_WORK"] === "1";

function sourceDigest(): string {
  const hash = createHash("sha256").update(process.env["CC"] ?? "");
  for (const directory of [NATIVE, HERE]) {
    for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" }).sort()) {
      if (/\.(c|h|lds)$/.test(name) || name === "compile.ts" || name === "build.ts") {
        hash.update(`${name}\0`).update(readFileSync(join(directory, name)));
      }
    }
  }
  return hash.digest("hex").slice(0, 16);
}

/** Where artefacts go; named for a digest of all sources, so that none is ever stale. */
const CACHE = join(HERE, "..", "..", "node_modules", ".cache", "reeve", `native-tests-${sourceDigest()}`);

export interface Run {
  readonly status: number;
  /** stdout, then stderr. */
  readonly output: string;
}

export function run(command: readonly string[], environment: Readonly<Record<string, string>> = {}): Run {
  const result = Bun.spawnSync([...command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...environment },
  });
  return {
    status: result.exitCode ?? 255,
    output: result.stdout.toString() + result.stderr.toString(),
  };
}

export function compile(command: readonly string[]): void {
  const result = run(command);
  if (result.status !== 0) throw new Error(`${command.join(" ")}\n${result.output}`);
}

function once(name: string, build: (path: string) => void): string {
  const path = join(CACHE, name);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  const building = join(CACHE, randomUUID()); // several test processes may build at once
  build(building);
  try {
    renameSync(building, path);
  } catch (error) {
    rmSync(building, { recursive: true, force: true });
    if (!existsSync(path)) throw error;
  }
  return path;
}

export function artefacts(target: "host" | "arm64" = "host"): NativeArtefacts {
  const directory = once(target, (path) => {
    mkdirSync(path, { recursive: true });
    compileNative(path, target === "arm64" ? { target: "arm64" } : {});
  });
  return { library: join(directory, "libreeve.so"), helper: join(directory, "helper") };
}

/** The helper with a libc and the sanitizers below it. */
export function sanitizedHelper(): string {
  return once("helper-sanitized", (path) => {
    const sources = HELPER_SOURCES.map((name) => join(NATIVE, name));
    compile([
      "gcc",
      ...WARNINGS,
      "-O1",
      "-g",
      "-DREEVE_HOSTED",
      `-I${NATIVE}`,
      ...SANITIZERS,
      ...sources,
      "-o",
      path,
    ]);
  });
}

/** The keeper by itself, with any program as its core, and with a libc and the sanitizers below it. */
export function keeperProgram(): string {
  const helper = [...HELPER_SOURCES, ...KEEPER_SOURCES].filter((name) => name !== "helper/helper.c");
  return program("keeper_main", { sources: [...new Set(helper)] });
}

export interface ProgramOptions {
  /** Files of native/ that it is linked with. */
  readonly sources?: readonly string[];
  readonly flavour?: "sanitized" | "plain" | "arm64";
}

/** test/native/NAME.c, linked with sources of native/. */
export function program(name: string, options: ProgramOptions = {}): string {
  const flavour = options.flavour ?? "sanitized";
  return once(`${name}-${flavour}`, (path) => {
    const compiler = flavour === "arm64" ? [ARM_COMPILER, "-static"] : ["gcc"];
    const sources = (options.sources ?? []).map((source) => join(NATIVE, source));
    const flags = [
      "-O1",
      "-g",
      "-DREEVE_HOSTED",
      `-I${NATIVE}`,
      ...(flavour === "sanitized" ? SANITIZERS : []),
    ];
    compile([...compiler, ...WARNINGS, ...flags, join(HERE, `${name}.c`), ...sources, "-o", path]);
  });
}

/** null when all of them are installed, else the reason to skip. */
export function missing(...tools: readonly string[]): string | null {
  const absent = tools.filter((tool) => Bun.which(tool) === null);
  return absent.length === 0 ? null : `needs ${absent.join(", ")}`;
}

let sanitizers: string | null | undefined;
/** null when gcc can link a program with both sanitizers, else the reason to skip. */
export function missingSanitizers(): string | null {
  if (sanitizers !== undefined) return sanitizers;
  sanitizers = missing("gcc");
  if (sanitizers === null) {
    mkdirSync(CACHE, { recursive: true });
    const output = join(CACHE, randomUUID());
    const probe = ["gcc", ...SANITIZERS, "-xc", "-", "-o", output];
    const result = Bun.spawnSync(probe, { stdin: new TextEncoder().encode("int main(void){return 0;}") });
    if (!result.success) sanitizers = "needs gcc with libasan and libubsan";
    rmSync(output, { force: true });
  }
  return sanitizers;
}

export interface TestOptions {
  readonly seconds?: number;
}

/**
 * A test that skips with its reason in its name when `reason` is not null; with MUST_WORK=1 it fails instead.
 */
export function testUnless(
  reason: string | null,
  name: string,
  body: () => void | Promise<void>,
  options: TestOptions = {},
): void {
  const milliseconds = (options.seconds ?? 60) * PATIENCE * 1000;
  if (reason === null) {
    test(name, body, milliseconds);
  } else if (SUPERVISED) {
    test(name, () => {
      throw new Error(reason);
    });
  } else {
    test.skip(`${name} (skipped: ${reason})`, () => {});
  }
}

/** null for root. */
export function needsRoot(): string | null {
  return process.getuid?.() === 0 ? null : "needs root";
}
