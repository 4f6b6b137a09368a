/**
 * Builds dist/reeve: the native parts, then the executable with them inside. Reproducible: nothing but the sources and the locked
 * dependencies goes in. Must never leave a half-written executable under its name.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { keepFileLimit } from "./build/keep_file_limit.ts";
import { compileNative, type NativeTarget } from "./native/compile.ts";

const ROOT = import.meta.dir;
const DIST = join(ROOT, "dist");

async function build(target: NativeTarget): Promise<string> {
  mkdirSync(DIST, { recursive: true });
  compileNative(join(DIST, "native"), { target });
  const temporary = join(DIST, `.reeve-${process.pid}`);
  try {
    await compileExecutable(target, temporary);
    const bytes = readFileSync(temporary);
    keepFileLimit(bytes);
    // In one go under another name: the file that the compiler leaves, written in pieces, also starts 1 ms slower.
    const finished = `${temporary}.finished`;
    try {
      writeFileSync(finished, bytes);
      chmodSync(finished, 0o755);
      if (target === process.arch) verifyFileLimit(finished);
      renameSync(finished, join(DIST, "reeve"));
    } finally {
      rmSync(finished, { force: true });
    }
  } finally {
    rmSync(temporary, { force: true });
  }
  return join(DIST, "reeve");
}

async function compileExecutable(target: NativeTarget, outfile: string): Promise<void> {
  const result = await Bun.build({
    entrypoints: [join(ROOT, "main.ts")],
    format: "esm",
    minify: true,
    bytecode: true,
    plugins: [embedNative],
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
const embedNative: Bun.BunPlugin = {
  name: "embed the native parts",
  setup(builder) {
    builder.onResolve(
      { filter: /\/artefacts\.ts$/ },
      () => ({ path: join(ROOT, "lib/sys/artefacts_embedded.ts") }),
    );
  },
};

/** Runs the executable's runtime under a low soft limit and asks what it has become. */
function verifyFileLimit(executable: string): void {
  const script = "console.log(require('node:fs').readFileSync('/proc/self/limits', 'utf8'))";
  const run = Bun.spawnSync(["/bin/sh", "-c", 'ulimit -Sn 333; exec "$0" -e "$1"', executable, script], {
    env: { ...process.env, BUN_BE_BUN: "1" },
    stdin: "ignore",
    stderr: "pipe",
  });
  const limits = run.stdout.toString();
  if (/^Max open files\s+333\s/m.test(limits)) return;
  throw new Error(
    `cannot keep the limit of open files for children: started with 333, the executable has\n${limits}${run.stderr.toString()}`,
  );
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
