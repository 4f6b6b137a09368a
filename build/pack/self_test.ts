/**
 * Runs a packed executable in a root that holds nothing but it and /proc, as PID 1 of a PID namespace: what
 * no host's library can help. Must never leave a mount behind: they are made in a mount namespace that ends
 * with the test.
 */
import { copyFileSync, linkSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { NativeTarget } from "../../native/compile.ts";

const EMULATORS: Readonly<Record<NativeTarget, string>> = {
  x64: "qemu-x86_64-static",
  arm64: "qemu-aarch64-static",
};

/**
 * `directory`: an empty one on the file system of `executable`. -> null when it passed, else in words why it
 * could not be tested. Throws Error with what the executable wrote when it failed.
 */
export function testInEmptyRoot(executable: string, directory: string, target: NativeTarget): string | null {
  const emulated = target !== process.arch;
  const emulator = emulated ? Bun.which(EMULATORS[target]) : null;
  if (emulated && emulator === null) return `there is no ${EMULATORS[target]}`;
  mkdirSync(join(directory, "proc"), { recursive: true });
  try {
    linkSync(executable, join(directory, "reeve"));
    if (emulator !== null) copyFileSync(emulator, join(directory, "emulator"));
    const reason = unavailable(directory);
    if (reason !== null) return reason;
    const version = emulated ? ["/emulator", "/reeve", "--version"] : ["/reeve", "--version"];
    expectVersion(directory, version);
    // reeve as the entrypoint of a container whose command is reeve: the native parts, exec of itself, a
    // child. (An emulator of user mode cannot have the kernel start a program for another processor.)
    if (!emulated) expectVersion(directory, ["/reeve", "--", "/reeve", "--version"]);
    return null;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function expectVersion(root: string, command: readonly string[]): void {
  const result = runIn(root, `exec chroot "$0" ${command.join(" ")}`);
  if (result.status === 0 && /^reeve \d/m.test(result.text)) return;
  throw new Error(
    `cannot run the packed executable in an empty root: "${
      command.join(" ")
    }" ended with status ${result.status}:\n${result.text}`,
  );
}

/** Why such a root cannot be made here. */
function unavailable(root: string): string | null {
  for (const tool of ["unshare", "mount", "chroot", "sh"]) {
    if (Bun.which(tool) === null) return `there is no ${tool}`;
  }
  const result = runIn(root, "exit 0");
  return result.status === 0 ? null : `this user can make no namespaces here: ${result.text.trim()}`;
}

function runIn(root: string, script: string): { readonly status: number; readonly text: string } {
  const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const namespaces = ["unshare", ...user, "--mount", "--pid", "--fork", "--kill-child"];
  const command = [...namespaces, "sh", "-c", `mount -t proc proc "$0/proc" || exit 99; ${script}`, root];
  // An environment that names libraries of the host must not help.
  const env = { PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin" };
  const result = Bun.spawnSync(command, {
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 30_000,
  });
  return { status: result.exitCode ?? 255, text: `${result.stdout.toString()}${result.stderr.toString()}` };
}
