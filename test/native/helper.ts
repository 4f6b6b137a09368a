/**
 * Runs the helper by hand, in each of its builds, with a request that the packer made: what it prints, how it
 * ends, what it reports. Signals only what it started.
 */
import { closeSync, openSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChildSpec, EMPTY_CHILD } from "../../lib/sys/child/child_spec.ts";
import { type InitOptions, packInit, packSpec } from "../../lib/sys/child/pack.ts";
import { stageName } from "../../lib/sys/child/stage.ts";
import { descendants, identify, type ProcessId, signal } from "../e2e/process.ts";
import {
  ARM_COMPILER,
  ARM_EMULATOR,
  artefacts,
  missing,
  missingSanitizers,
  program,
  sanitizedHelper,
} from "./build.ts";

const SIGKILL = 9;

export interface HelperBuild {
  readonly name: string;
  /** null when it can be built and run here, else the reason to skip. */
  readonly missing: () => string | null;
  /** Command and its argv[0]. */
  readonly command: (role: string) => { readonly words: string[]; readonly argv0: string };
}

export const FREESTANDING: HelperBuild = {
  name: "freestanding",
  missing: () => missing("cc"),
  command: (role) => ({ words: [artefacts().helper, "3"], argv0: role }),
};

export const SANITIZED: HelperBuild = {
  name: "under the sanitizers",
  missing: missingSanitizers,
  command: (role) => ({ words: [sanitizedHelper(), "3"], argv0: role }),
};

export const ARM64: HelperBuild = {
  name: "arm64, emulated",
  missing: () => missing(ARM_COMPILER, ARM_EMULATOR),
  command: (role) => ({
    words: [ARM_EMULATOR, "-0", role, artefacts("arm64").helper, "3"],
    argv0: ARM_EMULATOR,
  }),
};

/**
 * As compiled for use, on a kernel without openat2, open_tree, move_mount, mount_setattr, clone3 and
 * close_range.
 */
export const OLD_KERNEL: HelperBuild = {
  name: "on an old kernel",
  missing: () => missing("gcc"),
  command: (role) => ({ words: [oldKernel(), role, artefacts().helper, "3"], argv0: oldKernel() }),
};

export const OLD_KERNEL_SANITIZED: HelperBuild = {
  name: "on an old kernel, under the sanitizers",
  missing: missingSanitizers,
  command: (role) => ({ words: [oldKernel(), role, sanitizedHelper(), "3"], argv0: oldKernel() }),
};

function oldKernel(): string {
  return program("old_kernel", { flavour: "plain" });
}

export const PLAIN: ChildSpec = {
  ...EMPTY_CHILD,
  spawnId: 77,
  args: ["true"],
  file: { path: "/bin/true", searchPath: null },
  fds: new Map<number, number | "null">([[0, "null"], [1, 1], [2, 2]]),
};

export const PLAIN_INIT: InitOptions = {
  restart: false,
  forwardGroup: true,
  stopOrphans: true,
  graceMs: 5000,
};

export interface Report {
  readonly spawnId: number;
  readonly stage: string;
  readonly errno: number;
  readonly pid: number;
  readonly detail: number;
}

export interface Outcome {
  /** 128+n for a signal. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly reports: readonly Report[];
}

export interface Started {
  readonly pid: number;
  readonly outcome: Promise<Outcome>;
  /** stdout so far. */
  readonly output: () => string;
  readonly kill: (signal: number) => void;
}

export interface RunOptions {
  /** Words in front of the command; argv[0] of the helper is lost then, so they must set it. */
  readonly wrap?: readonly string[];
  /** Descriptors from 5 on. */
  readonly fds?: readonly number[];
  readonly environment?: Readonly<Record<string, string>>;
}

let serial = 0;
const running = new Set<ProcessId>();

/** Kills what a test that failed has left running, with all below it. */
export function endStarted(): void {
  for (const top of running) {
    const all = descendants(top.pid);
    signal(top, SIGKILL);
    for (const one of all) signal(one, SIGKILL);
  }
  running.clear();
}

/** Starts the helper with `request` on descriptor 3 and a report file on descriptor 4. */
export function startHelper(
  build: HelperBuild,
  role: "reeve-exec" | "reeve-init" | "reeve-jail",
  request: Uint8Array,
  options: RunOptions = {},
): Started {
  const stem = join(tmpdir(), `reeve-native-run-${process.pid}-${++serial}`);
  const files = [`${stem}.request`, `${stem}.reports`, `${stem}.out`, `${stem}.err`] as const;
  writeFileSync(files[0], request);
  const fds = [
    openSync(files[0], "r"),
    openSync(files[1], "a+"),
    openSync(files[2], "a+"),
    openSync(files[3], "a+"),
  ];
  const [requestFd, reportFd, out, err] = fds as [number, number, number, number];
  const { words, argv0 } = build.command(role);
  const child = Bun.spawn([...(options.wrap ?? []), ...words], {
    ...(options.wrap === undefined ? { argv0 } : {}),
    stdio: ["ignore", out, err, requestFd, reportFd, ...(options.fds ?? [])],
    env: { ...options.environment },
  });
  const id = identify(child.pid);
  if (id !== null) running.add(id);
  const outcome = child.exited.then((code): Outcome => {
    if (id !== null) running.delete(id);
    const result = {
      status: code,
      stdout: readFileSync(files[2], "utf8"),
      stderr: readFileSync(files[3], "utf8"),
      reports: parseReports(readFileSync(files[1])),
    };
    for (const file of files) unlinkSync(file);
    return result;
  });
  for (const fd of fds) closeSync(fd);
  return {
    pid: child.pid,
    outcome,
    output: () => readFileSync(files[2], "utf8"),
    kill: (signal) => child.kill(signal),
  };
}

/** Runs the role exec of `build` for `spec` until the program has ended. */
export function runExec(
  build: HelperBuild,
  spec: Partial<ChildSpec>,
  options: RunOptions & { readonly parent?: number; readonly life?: number } = {},
): Promise<Outcome> {
  const request = packSpec({ ...PLAIN, ...spec }, {
    reportFd: 4,
    parent: options.parent ?? process.pid,
    lifeFd: options.life ?? null,
  });
  return startHelper(build, "reeve-exec", request, options).outcome;
}

/** Starts the role init of `build` for `spec`. */
export function startInit(
  build: HelperBuild,
  spec: Partial<ChildSpec>,
  init: Partial<InitOptions> = {},
  options: RunOptions = {},
): Started {
  const request = packInit({ ...PLAIN, ...spec }, { ...PLAIN_INIT, ...init }, { reportFd: null, parent: 1 });
  return startHelper(build, "reeve-init", request, options);
}

function parseReports(bytes: Buffer): Report[] {
  const reports: Report[] = [];
  for (let at = 0; at + 24 <= bytes.length; at += 24) {
    reports.push({
      spawnId: Number(bytes.readBigUInt64LE(at)),
      stage: stageName(bytes.readUInt32LE(at + 8)),
      errno: bytes.readInt32LE(at + 12),
      pid: bytes.readInt32LE(at + 16),
      detail: bytes.readUInt32LE(at + 20),
    });
  }
  return reports;
}
