/**
 * Compiles native/ into its two artefacts, the library and the helper. Asks for nothing but a compiler and a
 * linker: no header and no library of the host is used. Never downloads or installs anything.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

export type NativeTarget = "x64" | "arm64";

export interface NativeArtefacts {
  /** Path of libreeve.so. */
  readonly library: string;
  /** Path of the static helper program. */
  readonly helper: string;
}

/** Files of native/ that make the library. */
export const LIBRARY_SOURCES = [
  "library/clone.c",
  "library/datagram.c",
  "library/exec_self.c",
  "library/files.c",
  "library/hold.c",
  "common/in_root.c",
  "library/probe.c",
  "library/processes.c",
  "library/pty.c",
  "library/scm.c",
  "library/spawn.c",
  "common/text.c",
  "library/watch.c",
] as const;
/**
 * Files of native/ that an init keeps in memory: once its child has been started for the last time they call
 * nothing but one another.
 */
export const INIT_SOURCES = [
  "helper/children.c",
  "helper/exec/terminal.c",
  "helper/init/forward.c",
  "helper/init/init.c",
  "helper/init/orphans.c",
  "helper/message.c",
  "common/text.c",
] as const;
/** Files of native/ that make a child what it is to be, or itself an init. */
const CHILD_SOURCES = [
  "helper/exec/child.c",
  "helper/jail/confine.c",
  "helper/exec/credentials.c",
  "helper/exec/descriptors.c",
  "helper/jail/devices.c",
  "helper/jail/fdinfo.c",
  "common/in_root.c",
  "helper/jail/mount.c",
  "helper/jail/mount_fd.c",
  "helper/jail/mount_point.c",
  "helper/jail/mount_table.c",
  "helper/jail/namespaces.c",
  "helper/jail/root.c",
  "helper/exec/search.c",
  "helper/jail/shield.c",
  "helper/exec/signals.c",
  "helper/unpack.c",
  "helper/unpack_place.c",
  "helper/exec/user_namespace.c",
] as const;
/** Files of native/ that make the keeper and its second. */
export const KEEPER_SOURCES = [
  "helper/keeper/birth.c",
  "helper/keeper/core.c",
  "helper/keeper/deaths.c",
  "helper/keeper/entering.c",
  "helper/keeper/foreground.c",
  "helper/keeper/held.c",
  "helper/keeper/keeper.c",
  "helper/keeper/last_stop.c",
  "helper/keeper/packets.c",
  "helper/keeper/process.c",
  "helper/keeper/second.c",
  "helper/keeper/signals.c",
  "helper/keeper/table.c",
  "library/clone.c",
] as const;

const ROLE_SOURCES = [
  "helper/helper.c",
  "helper/guard/guard.c",
  "helper/guard/guard_first.c",
  "helper/jail/enter.c",
  "helper/jail/jail.c",
  ...CHILD_SOURCES,
] as const;
/** Files of native/ that make the helper. */
export const HELPER_SOURCES = [...ROLE_SOURCES, ...INIT_SOURCES] as const;
/**
 * Files of native/ that make the start of the packed executable, beside INIT_SOURCES; build/pack/ links them.
 */
export const STUB_SOURCES = [
  "stub/stub.c",
  "stub/entrypoint.c",
  "stub/init_flags.c",
  "stub/keeper_start.c",
  ...KEEPER_SOURCES,
  ...CHILD_SOURCES,
] as const;

const COMPILE_FLAGS = [
  "-std=gnu11",
  "-Os",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-ffreestanding",
  "-nostdlib",
  "-fno-stack-protector", // its canary lives in a libc's thread block
  "-fvisibility=hidden",
  "-fno-unwind-tables",
  "-fno-asynchronous-unwind-tables",
  "-ffunction-sections",
] as const;
const LINK_FLAGS = [
  "-Wl,--gc-sections",
  "-Wl,--build-id=none",
  "-Wl,-z,noexecstack",
  "-Wl,-z,norelro", // nothing to relocate; on arm64 it would cost 64 KB
  "-Wl,-z,noseparate-code", // one page for code and constants
  "-s",
] as const;

/** The largest page of an architecture's kernels: what is mapped must be aligned for it. */
export const LARGEST_PAGE: Readonly<Record<NativeTarget, number>> = { x64: 4096, arm64: 65536 };

const CROSS_COMPILERS: Record<NativeTarget, string> = {
  x64: "x86_64-linux-gnu-gcc",
  arm64: "aarch64-linux-gnu-gcc",
};

/** The compiler to use, as words of a command. Throws an Error that names the package to install. */
export function findCompiler(target: NativeTarget): readonly string[] {
  const host = process.arch === target;
  const asked = process.env["CC"]?.trim();
  if (host && asked) return asked.split(/\s+/);
  const candidates = host ? ["cc", "gcc", "clang"] : [CROSS_COMPILERS[target]];
  for (const candidate of candidates) {
    if (Bun.which(candidate) !== null) return [candidate];
  }
  const debian = host ? "gcc" : `gcc-${target === "arm64" ? "aarch64" : "x86-64"}-linux-gnu`;
  throw new Error(
    `cannot compile native/: no C compiler (looked for $CC, ${candidates.join(", ")}): install one ` +
      `(Debian: apt-get install ${debian}; Fedora: dnf install gcc; Alpine: apk add gcc)`,
  );
}

/**
 * Compiles into outDir, which is created: libreeve.so and helper. Throws an Error with the compiler's own
 * output when it fails. `target` is the host's architecture when absent.
 */
export function compileNative(
  outDir: string,
  options: { readonly target?: NativeTarget } = {},
): NativeArtefacts {
  const target = options.target ?? hostTarget();
  const compiler = findCompiler(target);
  mkdirSync(outDir, { recursive: true });
  const library = join(outDir, "libreeve.so");
  const helper = join(outDir, "helper");
  compile(compiler, ["-fPIC", "-shared", "-Wl,-z,defs", "-Wl,-soname,libreeve.so"], LIBRARY_SOURCES, library);
  // It is written into memory at each start of reeve: no room is left for the large pages that few arm64
  // kernels have.
  const symbols = { RESIDENT_ALIGN: target === "arm64" ? 16 : LARGEST_PAGE[target] };
  linkPieces(target, "helper/helper.lds", ROLE_SOURCES, { flags: [], symbols }, helper);
  return { library, helper };
}

/**
 * Compiles the stub of a packed executable, linked to run at `address`, into `output`: an ELF executable of
 * one segment. Throws an Error with the compiler's own output when it fails.
 */
export function compileStub(output: string, target: NativeTarget, address: number): void {
  const flags = [
    "-mgeneral-regs-only", // it runs where a system call stood: the registers of a vector unit are not its own
    ...(target === "x64" ? ["-mno-red-zone", "-fcf-protection=none"] : ["-mno-outline-atomics"]),
  ];
  const symbols = { STUB_ADDRESS: address, RESIDENT_ALIGN: LARGEST_PAGE[target] };
  linkPieces(target, "stub/stub.lds", STUB_SOURCES, { flags, symbols }, output);
}

/**
 * A static program of two pieces, which the script tells apart by their names: `sources`, and behind them
 * INIT_SOURCES.
 */
function linkPieces(
  target: NativeTarget,
  script: string,
  sources: readonly string[],
  options: { readonly flags: readonly string[]; readonly symbols: Readonly<Record<string, number>> },
  output: string,
): void {
  const compiler = findCompiler(target);
  const objects = Object.entries({ start: sources, resident: INIT_SOURCES }).map(([name, files]) => {
    const object = `${output}-${name}.o`;
    const flags = [...COMPILE_FLAGS, "-fno-pie", "-no-pie", "-r", ...options.flags];
    runCompiler(compiler, [...flags, ...paths(files)], object);
    return object;
  });
  const place = [
    ...Object.entries(options.symbols).map(([name, value]) => `-Wl,--defsym=${name}=0x${value.toString(16)}`),
    `-Wl,-T,${join(import.meta.dir, script)}`,
  ];
  runCompiler(compiler, ["-nostdlib", ...LINK_FLAGS, "-no-pie", "-static", ...place, ...objects], output);
  for (const object of objects) rmSync(object);
}

function hostTarget(): NativeTarget {
  if (process.arch === "x64" || process.arch === "arm64") return process.arch;
  throw new Error(`cannot compile native/: architecture "${process.arch}" (x64 and arm64 are supported)`);
}

function compile(
  compiler: readonly string[],
  flags: readonly string[],
  sources: readonly string[],
  output: string,
): void {
  runCompiler(compiler, [...COMPILE_FLAGS, ...LINK_FLAGS, ...flags, ...paths(sources)], output);
}

function paths(sources: readonly string[]): string[] {
  return sources.map((name) => join(import.meta.dir, name));
}

function runCompiler(compiler: readonly string[], words: readonly string[], output: string): void {
  const command = [...compiler, `-I${import.meta.dir}`, ...words, "-o", output];
  const result = Bun.spawnSync(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  if (result.success) return;
  const text = `${result.stdout.toString()}${result.stderr.toString()}`.trim();
  throw new Error(`cannot compile "${output}": ${command.join(" ")}\n${text}`);
}
