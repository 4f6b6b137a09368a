/**
 * The files that a jail can reach and that are not its own: devices, and the files by which the kernel of the
 * whole host is read and set. reeve has rights there that the jail may not have, so it goes there only where
 * the configuration itself says so, and never because a link or a mount of the jail leads there.
 */
import { readlinkSync } from "node:fs";
import { posix } from "node:path";
import { type FileKind, statFd } from "../sys/file/files.ts";

/**
 * statfs(2): proc, sysfs, debugfs, tracefs, cgroup, cgroup2, securityfs, bpf, efivarfs, configfs, selinuxfs,
 * smackfs, pstore, binfmt_misc, fusectl, nsfs.
 */
const KERNEL_FILES = new Set([
  0x9fa0,
  0x6265_6572,
  0x6462_6720,
  0x7472_6163,
  0x0027_e0eb,
  0x6367_7270,
  0x7363_6673,
  0xcafe_4a11,
  0xde5e_81e4,
  0x6265_6570,
  0xf97c_ff8c,
  0x4341_5d53,
  0x6165_676c,
  0x4249_4e4d,
  0x6573_5543,
  0x6e73_6673,
]);
const DEVICES = new Set<FileKind>(["character device", "block device", "unknown"]);

/** Whether what is open belongs to the kernel or is a device. Opens nothing. */
export function isForeign(fd: number): boolean {
  const { kind, fileSystem } = statFd(fd);
  return DEVICES.has(kind) || KERNEL_FILES.has(fileSystem);
}

/**
 * Throws an Error where `fd`, which `path` beneath `root` has led to, is foreign, unless that is the very
 * place that `path` names: its name below the root, no link on the way, is the path.
 */
export function refuseForeign(fd: number, path: string, root: number): void {
  if (!isForeign(fd)) return;
  const top = readlinkSync(`/proc/self/fd/${root}`);
  const named = posix.join(top, posix.normalize(`/${path}`)).replace(/(.)\/$/, "$1");
  if (readlinkSync(`/proc/self/fd/${fd}`) === named) return;
  throw new Error("it leads to a device or to a file of the kernel, which is not the jail's");
}
