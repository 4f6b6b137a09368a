/**
 * A jail for a test: a root with busybox in it, the helper as its PID 1, and children that are put into it.
 * Everything ends with `[Symbol.dispose]`, by pid.
 */
import { UNCONFINED } from "../../../lib/sys/child/child_spec.ts";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ChildSpec,
  CLONE_NEW,
  type Confinement,
  type MountStep,
} from "../../../lib/sys/child/child_spec.ts";
import { closeFd, openPipe, readInto } from "../../../lib/sys/file/descriptor.ts";
import { openNamespaces } from "../../../lib/sys/child/namespaces.ts";
import { closePidfd, signalProcess } from "../../../lib/sys/process/pidfd.ts";
import { readStat } from "../../../lib/sys/process/process_table.ts";
import { type ExitStatus, reap } from "../../../lib/sys/process/reap.ts";
import { drainReports, type SpawnReport } from "../../../lib/sys/child/reports.ts";
import { spawnChild, type SpawnedChild } from "../../../lib/sys/child/spawn.ts";
import { PLAIN } from "../child/plain.ts";
import { until } from "../until.ts";

const APPLETS = [
  "sh",
  "cat",
  "ls",
  "ps",
  "sleep",
  "true",
  "false",
  "mount",
  "kill",
  "id",
  "touch",
  "setsid",
  "ln",
  "mkdir",
];

export const PROC: MountStep = {
  kind: "new",
  source: "proc",
  target: "/proc",
  type: "proc",
  data: "",
  flags: 0,
  create: true,
  recursive: false,
  optional: false,
  sourceInside: false,
};

export const DEVICES: MountStep = { ...PROC, kind: "devices", source: "", target: "/dev", type: "" };

/** Where the roots are. */
export const JAILS = mkdtempSync(join(tmpdir(), "reeve-jails-"));
process.on("exit", () => rmSync(JAILS, { recursive: true, force: true }));

export function makeRoot(): string {
  const root = mkdtempSync(join(JAILS, "root-"));
  mkdirSync(join(root, "bin"));
  copyFileSync("/bin/busybox", join(root, "bin/busybox"));
  for (const applet of APPLETS) symlinkSync("busybox", join(root, "bin", applet));
  return root;
}

/** Waits for the byte that says that it is set up. */
export function readReady(reader: number): boolean {
  const byte = new Uint8Array(1);
  const count = readInto(reader, byte);
  closeFd(reader);
  return count === 1 && byte[0] === 0x52;
}

export interface Ended {
  readonly status: ExitStatus;
  readonly output: string;
  readonly reports: readonly SpawnReport[];
}

/** A shell line as a child's program. */
export function shell(line: string): Pick<ChildSpec, "args" | "file" | "environment"> {
  return {
    args: ["sh", "-c", line],
    file: { path: "/bin/sh", searchPath: null },
    environment: ["PATH=/bin"],
  };
}

const unreaped = new Set<SpawnedChild>();

/** Starts `spec` with a pipe for its output. */
export function startPiped(
  spec: Partial<ChildSpec>,
): { readonly child: SpawnedChild; readonly reader: number } {
  const { reader, writer } = openPipe({ nonblock: false });
  const fds = new Map<number, number | "null">([[0, "null"], [1, writer], [2, writer]]);
  try {
    const child = spawnChild({ ...PLAIN, fds, ...spec });
    unreaped.add(child);
    return { child, reader };
  } finally {
    closeFd(writer);
  }
}

/** What comes until all who write have closed it. */
export function readAll(reader: number): string {
  const buffer = new Uint8Array(65_536);
  const decoder = new TextDecoder();
  let text = "";
  for (let count; (count = readInto(reader, buffer)) !== null && count > 0;) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  closeFd(reader);
  return text;
}

export async function endOf(child: SpawnedChild): Promise<ExitStatus> {
  const status = await until(`process ${child.pid} has ended`, () => reap(child.pid));
  forget(child);
  return status;
}

function forget(child: SpawnedChild): void {
  unreaped.delete(child);
  if (child.pidfd !== null) closePidfd(child.pidfd);
}

/**
 * Waits for the end of a child that is killed. Throws with our other children when it does not come: they may
 * hold it.
 */
function untilReaped(pid: number): void {
  const deadline = performance.now() + 10_000;
  while (reap(pid) === null) {
    if (performance.now() > deadline) {
      const pids = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ").filter(Boolean);
      const states = pids.map((each) => {
        const { comm, state } = readStat(Number(each)) ?? { comm: "gone", state: "" };
        return `${each} ${comm} ${state}`;
      });
      throw new Error(`process ${pid} is killed and has not ended; our children: ${states.join(", ")}`);
    }
    Bun.sleepSync(1);
  }
}

/** Kills and reaps what a test that failed has left. */
export function endPiped(): void {
  for (const child of unreaped) {
    signalProcess(child.pid, 9);
    untilReaped(child.pid);
    forget(child);
  }
}

/** Runs `spec` to its end. */
export async function runPiped(spec: Partial<ChildSpec>): Promise<Ended> {
  drainReports();
  const { child, reader } = startPiped(spec);
  const output = readAll(reader);
  const status = await endOf(child);
  return { status, output, reports: drainReports() };
}

export class Jail implements Disposable {
  readonly root = makeRoot();
  readonly init: SpawnedChild;
  readonly namespaces: readonly { readonly fd: number; readonly flags: number }[];

  constructor(more: Partial<Confinement> = {}, spec: Partial<ChildSpec> = {}) {
    const { reader, writer } = openPipe({ nonblock: false });
    try {
      this.init = spawnChild({
        ...PLAIN,
        role: "jail",
        confinement: {
          ...UNCONFINED,
          newPid: true,
          unshare: CLONE_NEW.mnt | CLONE_NEW.uts | CLONE_NEW.ipc,
          root: { path: this.root, how: "pivot" },
          mounts: [PROC, DEVICES],
          hostname: "testns",
          readyFd: writer,
          ...more,
        },
        ...spec,
      });
    } finally {
      closeFd(writer);
    }
    if (!readReady(reader)) throw new Error(`the jail is not ready: ${JSON.stringify(drainReports())}`);
    this.namespaces = openNamespaces(this.init.pid, null, ["pid", "mnt", "uts", "ipc"]);
  }

  /** Of a child that lives in it. */
  get confinement(): Confinement {
    const [pid, ...others] = this.namespaces;
    return { ...UNCONFINED, pidNamespace: pid!.fd, join: others };
  }

  get pidNamespace(): number {
    return this.namespaces[0]!.fd;
  }

  run(line: string, spec: Partial<ChildSpec> = {}): Promise<Ended> {
    return runPiped({ ...shell(line), confinement: this.confinement, ...spec });
  }

  /** A line of /proc/PID/status of its init. */
  field(name: string): string {
    const text = readFileSync(`/proc/${this.init.pid}/status`, "utf8");
    return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(text)?.[1] ?? "";
  }

  [Symbol.dispose](): void {
    endPiped(); // the init waits for those in its namespace
    signalProcess(this.init.pid, 9);
    untilReaped(this.init.pid);
    if (this.init.pidfd !== null) closePidfd(this.init.pidfd);
    for (const { fd } of this.namespaces) closeFd(fd);
    rmSync(this.root, { recursive: true, force: true });
  }
}
