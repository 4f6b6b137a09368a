/**
 * Starts children: the only way in which reeve makes a process. Must never run anything of reeve's own in the child: it
 * becomes the helper at once, which reads the packed ChildSpec and does the rest.
 */
import { fileDescriptor } from "./checks.ts";
import type { ChildSpec } from "./child_spec.ts";
import { closeFd, keepList } from "./descriptor.ts";
import { memfdOf } from "./memfd.ts";
import { helperFd, native, unwrap } from "./native.ts";
import { type InitOptions, packInit, packSpec } from "./pack.ts";
import { collectReports, reportWriter } from "./reports.ts";

export interface SpawnedChild {
  readonly pid: number;
  /** Close-on-exec; null where the kernel has none. The caller closes it. */
  readonly pidfd: number | null;
}

// A report takes 24 bytes and a pipe holds 64 KiB: room for the reports of many children that nobody has reaped yet.
const SPAWNS_BETWEEN_COLLECTIONS = 1_024;
let sinceCollection = 0;

const spawned = new Int32Array(2);

/**
 * Starts the child that `spec` describes and returns once it executes the helper. Success means a child that will be reaped:
 * what fails after this comes as a report (reports.ts) and as an exit status of 125 to 127.
 *
 * Throws RangeError or TypeError for a spec that cannot be, SysError when there can be no child: EAGAIN (too many processes),
 * ENOMEM, EMFILE or ENFILE (descriptors for the request or the pidfd).
 */
export function spawnChild(spec: ChildSpec): SpawnedChild {
  if (++sinceCollection >= SPAWNS_BETWEEN_COLLECTIONS) {
    sinceCollection = 0;
    collectReports();
  }
  const reportFd = reportWriter();
  const bytes = packSpec(spec, { reportFd, parent: process.pid });
  // A memfd for each: the helper reads it after we have returned. The child has its own copy of the descriptor by then.
  const request = memfdOf("reeve-request", bytes);
  try {
    const keep = keepList(inherited(spec, request, reportFd));
    const symbols = native();
    unwrap("clone3", symbols.reeve_spawn(helperFd(), request, keep, keep.length, spawned), {
      doing: "start a process",
    });
  } finally {
    closeFd(request);
  }
  const pidfd = spawned[1]!;
  return { pid: spawned[0]!, pidfd: pidfd < 0 ? null : pidfd };
}

/**
 * Turns this process, under the same pid, into the helper's init, which starts `spec` as its child, reaps, forwards signals
 * and ends with the child's status. Returns only by throwing.
 */
export function becomeInit(spec: ChildSpec, init: InitOptions): never {
  const bytes = packInit(spec, init, { reportFd: null, parent: process.pid });
  const request = memfdOf("reeve-request", bytes);
  try {
    const keep = keepList(inherited(spec, request, null));
    unwrap("execveat", native().reeve_become_init(helperFd(), request, keep, keep.length), {
      doing: "become init",
    });
  } finally {
    closeFd(request);
  }
  throw new Error("cannot become init: the call returned without an error");
}

function inherited(spec: ChildSpec, request: number, reportFd: number | null): number[] {
  const fds = [request];
  if (reportFd !== null) fds.push(reportFd);
  for (const source of spec.fds.values()) if (source !== "null") fds.push(source);
  if ("fd" in spec.file) fds.push(fileDescriptor(spec.file.fd, "descriptor to execute"));
  return fds;
}
