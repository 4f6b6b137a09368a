/**
 * Builds dist/reeve: the native parts, then the executable with them inside; `bun run build.ts arm64` (or x64) builds
 * dist/reeve-arm64 on another architecture. Reproducible: nothing but the sources and the locked
 * dependencies goes in. Must never leave a half-written executable under its name.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { HIDDEN_VARIABLES, hideVariables } from "./build/hide_variables.ts";
import { keepFileLimit } from "./build/keep_file_limit.ts";
import { compileNative, type NativeTarget } from "./native/compile.ts";

const ROOT = import.meta.dir;
const DIST = join(ROOT, "dist");

async function build(target: NativeTarget): Promise<string> {
  mkdirSync(DIST, { recursive: true });
  const host = target === process.arch;
  const native = join(DIST, host ? "native" : `native-${target}`);
  const finished = join(DIST, host ? "reeve" : `reeve-${target}`);
  compileNative(native, { target });
  // Bun takes the file's name into the executable: it must be the same in every build.
  const building = join(DIST, `.build-${process.pid}`);
  const temporary = join(building, "reeve");
  mkdirSync(building);
  try {
    await compileExecutable(target, native, temporary);
    const bytes = readFileSync(temporary);
    keepFileLimit(bytes);
    if (host) verifyFileLimit(bytes, temporary);
    hideVariables(bytes);
    if (host) verifyHidden(bytes, temporary);
    replaceFile(temporary, bytes);
    renameSync(temporary, finished);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  return finished;
}

async function compileExecutable(target: NativeTarget, native: string, outfile: string): Promise<void> {
  const result = await Bun.build({
    entrypoints: [join(ROOT, "main.ts")],
    format: "esm",
    minify: true,
    bytecode: true,
    plugins: [embedNative(native)],
    throw: false,
    compile: {
      target: `bun-linux-${target}`,
      outfile,
      // What lies in the directory that reeve is started in must have no say in what reeve does.
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
        path: join(ROOT, "lib/sys/artefacts_embedded.ts"),
      }));
      builder.onResolve(
        { filter: /\/dist\/native\// },
        ({ path }) => ({ path: join(directory, basename(path)) }),
      );
    },
  };
}

/**
 * Writes a file anew and in one go: what the compiler leaves was written in pieces, and starts 1 ms slower for the state
 * of the page cache.
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

function targetOf(words: readonly string[]): NativeTarget {
  const asked = words[0] ?? process.arch;
  if (asked === "x64" || asked === "arm64") return asked;
  throw new Error(`cannot build for "${asked}": wanted x64 or arm64`);
}

try {
  const started = performance.now();
  const path = await build(targetOf(process.argv.slice(2)));
  console.error(`built ${path} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
