/**
 * Where a child is put by the tests of the helper's confinement: a root of busybox in a directory of its own,
 * and the host's table of mounts, which is compared before and after each test.
 */
import { afterAll, afterEach, beforeEach, describe, expect } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CLONE_NEW, type Confinement, type MountStep, UNCONFINED } from "../../lib/sys/child/child_spec.ts";
import type { ChildSpec } from "../../lib/sys/child/child_spec.ts";
import { mount, unmount } from "../../lib/sys/host/mounts.ts";
import { missing, needsRoot, testUnless } from "./build.ts";
import { hostMounts } from "./host_mounts.ts";
import {
  endStarted,
  FREESTANDING,
  type HelperBuild,
  OLD_KERNEL,
  OLD_KERNEL_SANITIZED,
  type Outcome,
  runExec,
  SANITIZED,
} from "./helper.ts";

export const ROOM = mkdtempSync(join(tmpdir(), "reeve-confine-"));
const BUSYBOX = "/bin/busybox";
const APPLETS = [
  "sh",
  "cat",
  "ls",
  "id",
  "hostname",
  "ifconfig",
  "mount",
  "umount",
  "stat",
  "touch",
  "true",
  "tty",
];

export const MS = {
  ro: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  remount: 32,
  bind: 4096,
  move: 8192,
  rec: 16384,
  private: 1 << 18,
  shared: 1 << 20,
};
export const MNT_DETACH = 2;
export const READ_ONLY = "ro";

let before: readonly string[] = [];
let serial = 0;
export let root = "";
const mounted: string[] = [];

/** To be called by a file of tests that are about where a child lives. */
export function confineScene(): void {
  beforeEach(() => {
    mkdirSync(ROOM, { recursive: true });
    before = hostMounts(ROOM);
    root = join(ROOM, `root${++serial}`);
    furnish(root);
  });

  afterEach(() => {
    endStarted();
    for (const path of mounted.splice(0).reverse()) unmount(path, MNT_DETACH);
    expect(hostMounts(ROOM)).toEqual([...before]);
    rmSync(root, { recursive: true, force: true });
  });

  afterAll(() => rmSync(ROOM, { recursive: true, force: true }));
}

/** In every build of the helper, on this kernel and as if on an old one. */
export function inEveryBuild(
  about: string,
  tests: (build: HelperBuild, check: (name: string, body: () => Promise<void>) => void) => void,
): void {
  for (const build of [FREESTANDING, SANITIZED, OLD_KERNEL, OLD_KERNEL_SANITIZED]) {
    const reason = build.missing() ?? needsRoot() ?? missing("busybox");
    describe(`${about}, ${build.name}`, () => tests(build, (name, body) => testUnless(reason, name, body)));
  }
}

export function furnish(path: string): void {
  mkdirSync(join(path, "bin"), { recursive: true });
  copyFileSync(BUSYBOX, join(path, "bin/busybox"));
  for (const applet of APPLETS) symlinkSync("busybox", join(path, "bin", applet));
}

/** Mounts on the host, beneath the test's own directory, until the test is over. */
export function hostMount(path: string, type: string, flags: number, data: string | null = null): void {
  mkdirSync(path, { recursive: true });
  mount({ source: type, target: path, type, flags, data });
  mounted.push(path);
}

export function step(kind: MountStep["kind"], more: Partial<MountStep>): MountStep {
  return {
    kind,
    source: "",
    target: "/",
    type: "",
    data: "",
    flags: 0,
    create: false,
    recursive: false,
    optional: false,
    sourceInside: false,
    ...more,
  };
}

export const PROC = step("new", { source: "proc", target: "/proc", type: "proc", create: true });
export const bind = (source: string, target: string, more: Partial<MountStep> = {}): MountStep =>
  step("bind", { source, target, create: true, ...more });

export function confined(more: Partial<Confinement> = {}): Confinement {
  return {
    ...UNCONFINED,
    unshare: CLONE_NEW.mnt | CLONE_NEW.uts,
    root: { path: root, how: "pivot" },
    mounts: [PROC],
    ...more,
  };
}

/** Runs a shell line inside. */
export function inside(
  build: HelperBuild,
  line: string,
  confinement: Partial<Confinement>,
  more: Partial<ChildSpec> = {},
): Promise<Outcome> {
  return runExec(build, {
    args: ["sh", "-c", line],
    file: { path: "/bin/sh", searchPath: null },
    environment: ["PATH=/bin"],
    confinement: confined(confinement),
    ...more,
  });
}

export function inProgram(more: Partial<ChildSpec>): Partial<ChildSpec> {
  const file = { path: "/bin/sh", searchPath: null };
  return { args: ["sh", "-c", "echo started"], file, environment: ["PATH=/bin"], ...more };
}

export interface Mount {
  readonly point: string;
  readonly root: string;
  readonly options: readonly string[];
  readonly type: string;
}

export function parseMounts(text: string): Mount[] {
  return text.trim().split("\n").map((line) => {
    const [, , , root = "", point = "", options = "", ...rest] = line.split(" ");
    return { point, root, options: options.split(","), type: rest[rest.indexOf("-") + 1] ?? "" };
  });
}

/** What the child sees mounted. */
export async function mountsInside(
  build: HelperBuild,
  mounts: readonly MountStep[],
  more: Partial<Confinement> = {},
): Promise<Mount[]> {
  const outcome = await inside(build, "cat /proc/self/mountinfo", { mounts: [...mounts, PROC], ...more });
  expect(outcome).toMatchObject({ status: 0, reports: [], stderr: "" });
  return parseMounts(outcome.stdout);
}

export const at = (mounts: readonly Mount[], point: string): Mount => {
  const found = mounts.filter((mount) => mount.point === point).at(-1);
  if (found === undefined) throw new Error(`nothing is mounted on ${point}`);
  return found;
};

/** It fails at that mount, with that errno, and nothing was executed. */
export async function failsAtMount(
  build: HelperBuild,
  mounts: readonly MountStep[],
  errno: number,
  more: Partial<Confinement> = {},
): Promise<void> {
  const outcome = await inside(build, "echo executed", { mounts, ...more });
  expect(outcome).toMatchObject({ status: 125, stdout: "" });
  expect(outcome.reports).toMatchObject([{ stage: "mount", errno, detail: mounts.length - 1 }]);
}

export const ENOENT = 2;
export const EINVAL = 22;
export const EROFS = 30;
export const ELOOP = 40;
export const ENODEV = 19;
export const ENOTDIR = 20;
