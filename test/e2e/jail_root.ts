/**
 * A root file system for jails: a static busybox, and what a test adds. No libc, no device, nothing mounted.
 */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { fixture } from "../fixtures/compile.ts";
import type { Scope } from "./harness.ts";
import { program } from "./need.ts";

const BUSYBOX = "/bin/busybox";

export const busybox = program(BUSYBOX, "busybox-static");

const APPLETS = [
  "sh",
  "sleep",
  "cat",
  "ls",
  "hostname",
  "kill",
  "echo",
  "env",
  "setsid",
  "touch",
  "mkdir",
  "rm",
  "id",
];

/** Makes the directory `name` of the scope into a root; fixtures are in its /bin. */
export function busyboxRoot(scope: Scope, name = "root", fixtures: readonly string[] = []): string {
  const root = scope.directoryFor(name);
  for (const directory of ["bin", "etc", "proc", "dev", "tmp", "run"]) {
    mkdirSync(join(root, directory), { recursive: true });
  }
  chmodSync(join(root, "tmp"), 0o1777);
  copyFileSync(BUSYBOX, join(root, "bin/busybox"));
  for (const applet of APPLETS) symlinkSync("busybox", join(root, "bin", applet));
  for (const path of fixtures.map((one) => fixture(one))) {
    copyFileSync(path, join(root, "bin", basename(path)));
  }
  scope.write(`${name}/etc/passwd`, "root:x:0:0::/:/bin/sh\nguest:x:4321:4322::/:/bin/sh\n");
  scope.write(`${name}/etc/group`, "root:x:0:\nguest:x:4322:\n");
  return root;
}

const LASTING = new Set([
  "/",
  "/proc",
  "/dev",
  "/dev/pts",
  "/dev/shm",
  "/sys",
  "/run",
  "/tmp",
  "/sys/fs/cgroup",
]);

/**
 * The host's own mounts with their propagation, and whatever is mounted on what has been removed: a test
 * compares it before and after. Other tests mount and unmount elsewhere meanwhile; a mount in a test's
 * directory keeps that from being removed.
 */
export function hostMounts(): string {
  const lines = readFileSync("/proc/self/mountinfo", "latin1").split("\n");
  return lines.filter((line) => {
    const point = line.split(" ")[4] ?? "";
    return LASTING.has(point) || point.endsWith("//deleted");
  }).join("\n");
}
