/**
 * mount(2), umount2(2) and the host name, for hooks. Must never guess flags: the numbers are the caller's.
 */
import { cString, integer } from "../checks.ts";
import { native, unwrap } from "../native/native.ts";

const encoder = new TextEncoder();

export interface MountRequest {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  /** Bits of MS_*. */
  readonly flags: number;
  readonly data: string | null;
}

/** Throws SysError. */
export function mount(request: MountRequest): void {
  const flags = integer(request.flags, "mount flags", 0, 0xffff_ffff);
  const data = request.data === null ? null : encoder.encode(`${request.data}\0`);
  const target = cString(request.target, "mount point");
  const source = cString(request.source, "mount source");
  const type = cString(request.type, "file system");
  unwrap("mount", native().reeve_mount(source, target, type, flags, data), {
    doing: `mount ${request.type} on`,
    path: request.target,
  });
}

/** Throws SysError. */
export function unmount(target: string, flags: number): void {
  const result = native().reeve_umount(
    cString(target, "mount point"),
    integer(flags, "umount flags", 0, 0xff),
  );
  unwrap("umount2", result, { doing: "unmount", path: target });
}

export function setHostname(name: string): void {
  unwrap("sethostname", native().reeve_sethostname(cString(name, "host name")), {
    doing: "set the host name",
  });
}
