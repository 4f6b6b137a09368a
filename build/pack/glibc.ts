/**
 * The glibc that goes into the executable: the host's own, Debian's cross package for another architecture,
 * or that of a directory which the builder names. Must never mix files of two glibcs.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { NativeTarget } from "../../native/compile.ts";

/**
 * From here on what other libraries of glibc held is in libc.so.6: the look-up of users and host names needs
 * no file of the host.
 */
const OLDEST = "2.34";

/** All that Bun's runtime is linked with; the loader first. */
export const LIBRARIES: Readonly<Record<NativeTarget, readonly string[]>> = {
  x64: ["ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2"],
  arm64: ["ld-linux-aarch64.so.1", "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2"],
};

const HOST_DIRECTORIES: Readonly<Record<NativeTarget, readonly string[]>> = {
  x64: ["/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"],
  arm64: ["/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"],
};
const CROSS: Readonly<Record<NativeTarget, { readonly directory: string; readonly debian: string }>> = {
  x64: { directory: "/usr/x86_64-linux-gnu/lib", debian: "libc6-amd64-cross" },
  arm64: { directory: "/usr/aarch64-linux-gnu/lib", debian: "libc6-arm64-cross" },
};

export interface Glibc {
  readonly version: string;
  readonly directory: string;
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

/**
 * `directory`: where all five files are; null: where they usually are. Throws Error that names the package to
 * install.
 */
export function findGlibc(target: NativeTarget, directory: string | null): Glibc {
  const names = LIBRARIES[target];
  const host = target === process.arch;
  const candidates = directory !== null
    ? [directory]
    : host
    ? HOST_DIRECTORIES[target]
    : [CROSS[target].directory];
  const found = candidates.find((candidate) => names.every((name) => existsSync(join(candidate, name))));
  if (found === undefined) {
    const remedy = directory !== null
      ? "name the directory of a glibc"
      : host
      ? "build on a system with glibc, or name one's directory with --glibc"
      : `install one (Debian: apt-get install ${CROSS[target].debian})`;
    throw new Error(
      `cannot find glibc for ${target}: not all of ${names.join(", ")} are in ${
        candidates.join(", ")
      }: ${remedy}`,
    );
  }
  const files = names.map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(found, name))) }));
  const libc = files.find((file) => file.name === "libc.so.6")?.bytes ?? new Uint8Array();
  return { version: glibcVersion(libc), directory: found, files };
}

/** Throws Error for what is no libc.so.6 of glibc, or one that is too old. */
export function glibcVersion(libc: Uint8Array): string {
  const text = Buffer.from(libc.buffer, libc.byteOffset, libc.byteLength);
  const at = text.indexOf("GNU C Library ", 0, "latin1");
  const banner = at < 0 ? "" : text.toString("latin1", at, at + 200);
  const version = /version (\d+\.\d+)/.exec(banner)?.[1];
  if (version === undefined) throw new Error('cannot read the version of "libc.so.6": it is no glibc');
  if (Bun.semver.order(`${version}.0`, `${OLDEST}.0`) < 0) {
    throw new Error(
      `cannot bundle glibc ${version}: wanted ${OLDEST} or newer, since an older one looks host names up with files of the host`,
    );
  }
  return version;
}
