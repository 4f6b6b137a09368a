/**
 * Packs where a child lives: its namespaces, root, mounts and name. Pure. Must never pack what would be done
 * to the namespaces of the caller: the helper refuses it as well, with less of an explanation.
 */
import { boolean, fileDescriptor, integer } from "../checks.ts";
import { CLONE_NEW, type Confinement, type MountStep } from "./child_spec.ts";
import {
  FLAG,
  LIMIT,
  MNT_DETACH,
  MNT_EXPIRE,
  MNT_FORCE,
  MOUNT_KIND,
  MOUNT_OPTION,
  MS_ATTRIBUTES,
  MS_WHAT,
  ROOT_KIND,
  TAG,
  UMOUNT_NOFOLLOW,
} from "../native/constants.ts";
import type { RequestWriter } from "./request_writer.ts";

/** Without its NUL. */
const MAX_PATH = LIMIT.mountString - 1;
/**
 * The flags that a single mount can have (MS_RDONLY to MS_STRICTATIME), and MS_BIND, MS_REC, MS_REMOUNT,
 * MS_SILENT, which say no more than its kind.
 */
const ATTRIBUTES = MS_ATTRIBUTES | MS_WHAT;
const UMOUNT_FLAGS = MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW;
const FLAGS = {
  bind: ATTRIBUTES,
  new: 0xffff_ffff,
  remount: ATTRIBUTES,
  plain: 0xffff_ffff,
  umount: UMOUNT_FLAGS,
  devices: 0,
} as const;
const NAMESPACES = Object.values<number>(CLONE_NEW).reduce((all, flag) => all | flag) & ~CLONE_NEW.pid;

/**
 * Writes its records. -> the flags that go with it. Throws RangeError or TypeError that names what is at
 * fault.
 */
export function packConfinement(request: RequestWriter, confinement: Confinement): number {
  const { join, unshare, root, mounts, hostname, readyFd } = confinement;
  if (join.length > LIMIT.setns) {
    throw new RangeError(`${join.length} namespaces to join, at most ${LIMIT.setns} are possible`);
  }
  for (const { fd, flags } of join) {
    request.numbers(TAG.setns, [
      fileDescriptor(fd, "namespace descriptor"),
      namespaces(flags, "joined namespaces"),
    ]);
  }
  if (unshare !== 0) request.numbers(TAG.unshare, [namespaces(unshare, "new namespaces")]);
  if (root !== null) {
    const kind = ROOT_KIND[root.how];
    if (kind === undefined) throw new RangeError(`way to change the root is ${JSON.stringify(root.how)}`);
    if (root.path === "") throw new RangeError("root is empty");
    checkLength(root.path, "root");
    request.root(TAG.root, kind, root.path);
  }
  if (mounts.length > LIMIT.mounts) {
    throw new RangeError(`${mounts.length} mounts, at most ${LIMIT.mounts} are possible`);
  }
  for (const step of mounts) packMount(request, step);
  if (hostname !== null) packHostname(request, hostname, confinement);
  if (readyFd !== null) request.numbers(TAG.ready, [fileDescriptor(readyFd, "ready descriptor")]);
  checkMounts(confinement);
  let flags = 0;
  if (boolean(confinement.loopback, "loopback")) flags |= FLAG.loopback;
  if (boolean(confinement.shield, "shield")) flags |= FLAG.shield;
  return flags;
}

/** Refuses what the helper would refuse, since it would be done to the host. */
function checkMounts({ join, unshare, root, mounts, loopback, shield }: Confinement): void {
  const isNew = (flag: number): boolean => (unshare & flag) !== 0;
  const isJoined = (flag: number): boolean => join.some(({ flags }) => (flags & flag) !== 0);
  if (mounts.length > 0 && !isNew(CLONE_NEW.mnt) && !isJoined(CLONE_NEW.mnt)) {
    throw new RangeError("there are mounts, and no mount namespace for them");
  }
  if (root?.how === "pivot" && !isNew(CLONE_NEW.mnt)) {
    throw new RangeError("the root is to be another one, and there is no new mount namespace for it");
  }
  if (shield && !isNew(CLONE_NEW.mnt)) {
    throw new RangeError("/proc is to be shielded, and there is no new mount namespace for it");
  }
  if (loopback && !isNew(CLONE_NEW.net)) throw new RangeError("loopback, and no new net namespace");
}

function packMount(request: RequestWriter, step: MountStep): void {
  const kind = MOUNT_KIND[step.kind];
  if (kind === undefined) throw new RangeError(`kind of a mount is ${JSON.stringify(step.kind)}`);
  let options = 0;
  for (const option of ["create", "recursive", "optional", "sourceInside"] as const) {
    if (boolean(step[option], option)) options |= MOUNT_OPTION[option];
  }
  if (step.target === "") throw new RangeError("mount point is empty");
  if (step.kind === "bind" && step.source === "") throw new RangeError("source of a mount is empty");
  if (step.kind === "new" && step.type === "") throw new RangeError("file system of a mount is empty");
  const flags = integer(step.flags, "mount flags", 0, 0xffff_ffff);
  if ((flags & ~FLAGS[step.kind]) !== 0) {
    throw new RangeError(`mount flags are 0x${flags.toString(16)}, which a "${step.kind}" cannot have`);
  }
  const texts = [step.source, step.target, step.type, step.data] as const;
  for (const text of texts) checkLength(text, "text of a mount");
  request.mount(TAG.mount, { kind, options, flags }, texts);
}

function checkLength(text: string, what: string): void {
  if (Buffer.byteLength(text) > MAX_PATH) {
    throw new RangeError(`${what} has ${Buffer.byteLength(text)} bytes, at most ${MAX_PATH} are possible`);
  }
}

function packHostname(request: RequestWriter, hostname: string, { join, unshare }: Confinement): void {
  const length = Buffer.byteLength(hostname);
  if (length === 0 || length > LIMIT.hostname) {
    throw new RangeError(
      `host name ${JSON.stringify(hostname)} has ${length} bytes, wanted 1 to ${LIMIT.hostname}`,
    );
  }
  const joined = join.reduce((all, { flags }) => all | flags, unshare);
  if ((joined & CLONE_NEW.uts) === 0) throw new RangeError("host name, and no uts namespace for it");
  request.string(TAG.hostname, hostname, "host name");
}

function namespaces(flags: unknown, what: string): number {
  const value = integer(flags, what, 1, 0xffff_ffff);
  if ((value & ~NAMESPACES) !== 0) {
    throw new RangeError(`${what} are 0x${value.toString(16)}, which no flags of them are`);
  }
  return value;
}
