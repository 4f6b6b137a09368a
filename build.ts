/**
 * Builds dist/reeve: the native parts, then the executable with them inside, packed to run on every Linux.
 *   --target NAME   builds dist/reeve-NAME for linux-x64, linux-x64-baseline, linux-arm64, or all of them
 *   --glibc DIR     packs the glibc of that directory
 *   --outfile FILE  writes that file instead; on the file system of dist/
 * Reproducible: nothing but the sources, the locked dependencies and that glibc goes in. Must never leave a
 * half-written executable under its name.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { HIDDEN_VARIABLES, hideVariables } from "./build/hide_variables.ts";
import { keepFileLimit } from "./build/keep_file_limit.ts";
import { findGlibc } from "./build/pack/glibc.ts";
import { packExecutable } from "./build/pack/packer.ts";
import { testInEmptyRoot } from "./build/pack/self_test.ts";
import { fetchRuntime } from "./build/runtime.ts";
import { hostTarget, type Target, targetsNamed } from "./build/target.ts";
import { PREPARATION } from "./lib/records/capsule.ts";
import { HELD_SIGNALS } from "./lib/supervisor/signal_wiring.ts";
import { signalMask } from "./lib/sys/signal_names.ts";
import { compileNative, compileStub } from "./native/compile.ts";

const ROOT = import.meta.dir;
const DIST = join(ROOT, "dist");
const CACHE = join(ROOT, "node_modules", ".cache", "reeve", "runtimes");

interface Options {
  /** Directory with the glibc to pack; null: where it usually is. */
  readonly glibc: string | null;
}

async function build(target: Target, finished: string, options: Options): Promise<void> {
  for (const directory of [DIST, dirname(finished)]) mkdirSync(directory, { recursive: true });
  const runs = target.arch === process.arch;
  const native = join(DIST, runs ? "native" : `native-${target.arch}`);
  compileNative(native, { target: target.arch });
  // Bun takes the file's name into the executable: it must be the same in every build.
  const building = join(DIST, `.build-${process.pid}`);
  const temporary = join(building, "reeve");
  mkdirSync(building);
  try {
    await compileExecutable(target, native, temporary);
    const bytes = readFileSync(temporary);
    keepFileLimit(bytes);
    if (runs) verifyFileLimit(bytes, temporary);
    hideVariables(bytes);
    if (runs) verifyHidden(bytes, temporary);
    replaceFile(temporary, pack(bytes, target, building, options));
    const untested = testInEmptyRoot(temporary, join(building, "root"), target.arch);
    if (untested !== null) console.error(`not tested in an empty root: ${untested}`);
    renameSync(temporary, finished);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

function pack(bytes: Uint8Array, target: Target, building: string, options: Options): Uint8Array {
  const glibc = findGlibc(target.arch, options.glibc);
  return packExecutable(bytes, glibc, (arch, address) => {
    const stub = join(building, "stub");
    compileStub(stub, arch, address);
    return new Uint8Array(readFileSync(stub));
  }, { environment: PREPARATION, heldSignals: signalMask(HELD_SIGNALS) });
}

async function compileExecutable(target: Target, native: string, outfile: string): Promise<void> {
  const own = target === hostTarget();
  const result = await Bun.build({
    entrypoints: [join(ROOT, "main.ts")],
    format: "esm",
    minify: true,
    bytecode: true,
    // A module that is imported where it is used (`await import`) is a file of its own: it costs nothing
    // elsewhere.
    splitting: true,
    plugins: [embedNative(native)],
    throw: false,
    compile: {
      target: target.bun,
      ...(own ? {} : { executablePath: fetchRuntime(target, CACHE) }),
      outfile,
      // The files of the directory that reeve is started in must have no say in what reeve does.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  if (result.success) return;
  throw new Error(`cannot compile "dist/reeve":\n${result.logs.map((line) => String(line)).join("\n")}`);
}

/** In the executable, the native parts are files of its own instead of something to compile. */
function embedNative(directory: string): Bun.BunPlugin {
  return {
    name: "embed the native parts",
    setup(builder) {
      builder.onResolve({ filter: /\/artefacts\.ts$/ }, () => ({
        path: join(ROOT, "lib/sys/native/artefacts_embedded.ts"),
      }));
      builder.onResolve(
        { filter: /\/dist\/native\// },
        ({ path }) => ({ path: join(directory, basename(path)) }),
      );
    },
  };
}

/**
 * Writes a file anew and in one go: what the compiler leaves was written in pieces, and starts 1 ms slower
 * for the state of the page cache.
 */
function replaceFile(path: string, bytes: Uint8Array): void {
  rmSync(path, { force: true }); // a running executable cannot be written to
  writeFileSync(path, bytes, { mode: 0o755 });
  chmodSync(path, 0o755);
}

/** Runs the executable's runtime under a low soft limit and asks what it has become. */
function verifyFileLimit(bytes: Uint8Array, path: string): void {
  replaceFile(path, bytes);
  const script = "console.log(require('node:fs').readFileSync('/proc/self/limits', 'utf8'))";
  const limits = run(["/bin/sh", "-c", 'ulimit -Sn 333; exec "$0" -e "$1"', path, script], {
    BUN_BE_BUN: "1",
  });
  if (/^Max open files\s+333\s/m.test(limits)) return;
  throw new Error(
    `cannot keep the limit of open files for children: started with 333, the executable has\n${limits}`,
  );
}

/** Runs the executable with all the variables set that it must not see. */
function verifyHidden(bytes: Uint8Array, path: string): void {
  replaceFile(path, bytes);
  const wanted = run([path, "--version"], {});
  const variables = Object.fromEntries(HIDDEN_VARIABLES.map((name) => [name, "--preload=/nonexistent"]));
  const seen = run([path, "--version"], variables);
  if (seen === wanted && seen !== "") return;
  throw new Error(
    `cannot hide ${HIDDEN_VARIABLES.join(", ")} from the runtime: with them set, "--version" prints\n${seen}`,
  );
}

/** -> stdout and stderr. */
function run(command: readonly string[], variables: Readonly<Record<string, string>>): string {
  const env = { ...process.env, ...variables };
  const result = Bun.spawnSync([...command], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  return `${result.stdout.toString()}${result.stderr.toString()}`;
}

try {
  const { values } = parseArgs({
    options: {
      target: { type: "string" },
      glibc: { type: "string" },
      outfile: { type: "string" },
    },
  });
  const targets = values.target === undefined ? [hostTarget()] : targetsNamed(values.target);
  if (values.outfile !== undefined && targets.length > 1) {
    throw new Error("cannot build several targets into one file: leave --outfile away, or name one target");
  }
  for (const target of targets) {
    const started = performance.now();
    const finished = values.outfile ??
      join(DIST, values.target === undefined ? "reeve" : `reeve-${target.name}`);
    await build(target, finished, { glibc: values.glibc ?? null });
    console.log(`built ${finished} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
