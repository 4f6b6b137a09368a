/**
 * Whether a file may be another machine's as well: then a pid in it proves nothing about this one. Only
 * looks; what cannot be looked at counts as this machine's own.
 */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";

/** statfs(2): file systems that several machines have mounted at once. */
const SHARED: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB 2
  0x00c36400, // Ceph
  0x5346414f, // AFS
  0x7461636f, // OCFS2
  0x01161970, // GFS2
  0x01021997, // 9P: a directory of the host, in virtual machines
  0x0bd00bd0, // Lustre
  0x786f4256, // a folder of VirtualBox
  0x19830326, // BeeGFS
  0x65735546, // FUSE: GlusterFS, CephFS, sshfs, virtiofs; which one it is cannot be told
]);

/** `type`: of statfs(2). Some machines sign it. */
export function isSharedType(type: number): boolean {
  return SHARED.has(type >>> 0);
}

export function isOnSharedStorage(path: string): boolean {
  try {
    return isSharedType(statfsSync(dirname(path)).type);
  } catch {
    return false;
  }
}
