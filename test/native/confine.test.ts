/**
 * Where a child lives, as the helper makes it: in every build, on this kernel and as if on an old one. Each
 * child has a mount namespace of its own; whatever it does, and wherever it fails, the host's table of mounts
 * is compared before and after.
 */
import { afterAll, afterEach, beforeEach, describe, expect } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CLONE_NEW, type Confinement, type MountStep, UNCONFINED } from "../../lib/sys/child/child_spec.ts";
import type { ChildSpec } from "../../lib/sys/child/child_spec.ts";
import { openPipe } from "../../lib/sys/file/descriptor.ts";
import { mount, unmount } from "../../lib/sys/host/mounts.ts";
import { missing, needsRoot, program, run, testUnless } from "./build.ts";
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

const ROOM = mkdtempSync(join(tmpdir(), "reeve-confine-"));
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

const MS = {
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
const MNT_DETACH = 2;
const READ_ONLY = "ro";

let before: readonly string[] = [];
let serial = 0;
let root = "";
const mounted: string[] = [];

beforeEach(() => {
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

function furnish(path: string): void {
  mkdirSync(join(path, "bin"), { recursive: true });
  copyFileSync(BUSYBOX, join(path, "bin/busybox"));
  for (const applet of APPLETS) symlinkSync("busybox", join(path, "bin", applet));
}

/** Mounts on the host, beneath the test's own directory, until the test is over. */
function hostMount(path: string, type: string, flags: number, data: string | null = null): void {
  mkdirSync(path, { recursive: true });
  mount({ source: type, target: path, type, flags, data });
  mounted.push(path);
}

function step(kind: MountStep["kind"], more: Partial<MountStep>): MountStep {
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

const PROC = step("new", { source: "proc", target: "/proc", type: "proc", create: true });
const bind = (source: string, target: string, more: Partial<MountStep> = {}): MountStep =>
  step("bind", { source, target, create: true, ...more });

function confined(more: Partial<Confinement> = {}): Confinement {
  return {
    ...UNCONFINED,
    unshare: CLONE_NEW.mnt | CLONE_NEW.uts,
    root: { path: root, how: "pivot" },
    mounts: [PROC],
    ...more,
  };
}

/** Runs a shell line inside. */
function inside(
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

function inProgram(more: Partial<ChildSpec>): Partial<ChildSpec> {
  const file = { path: "/bin/sh", searchPath: null };
  return { args: ["sh", "-c", "echo started"], file, environment: ["PATH=/bin"], ...more };
}

interface Mount {
  readonly point: string;
  readonly root: string;
  readonly options: readonly string[];
  readonly type: string;
}

function parseMounts(text: string): Mount[] {
  return text.trim().split("\n").map((line) => {
    const [, , , root = "", point = "", options = "", ...rest] = line.split(" ");
    return { point, root, options: options.split(","), type: rest[rest.indexOf("-") + 1] ?? "" };
  });
}

/** What the child sees mounted. */
async function mountsInside(
  build: HelperBuild,
  mounts: readonly MountStep[],
  more: Partial<Confinement> = {},
): Promise<Mount[]> {
  const outcome = await inside(build, "cat /proc/self/mountinfo", { mounts: [...mounts, PROC], ...more });
  expect(outcome).toMatchObject({ status: 0, reports: [], stderr: "" });
  return parseMounts(outcome.stdout);
}

const at = (mounts: readonly Mount[], point: string): Mount => {
  const found = mounts.filter((mount) => mount.point === point).at(-1);
  if (found === undefined) throw new Error(`nothing is mounted on ${point}`);
  return found;
};

/** It fails at that mount, with that errno, and nothing was executed. */
async function failsAtMount(
  build: HelperBuild,
  mounts: readonly MountStep[],
  errno: number,
  more: Partial<Confinement> = {},
): Promise<void> {
  const outcome = await inside(build, "echo executed", { mounts, ...more });
  expect(outcome).toMatchObject({ status: 125, stdout: "" });
  expect(outcome.reports).toMatchObject([{ stage: "mount", errno, detail: mounts.length - 1 }]);
}

const ENOENT = 2;
const EINVAL = 22;
const EROFS = 30;
const ELOOP = 40;
const ENODEV = 19;
const ENOTDIR = 20;

for (const build of [FREESTANDING, SANITIZED, OLD_KERNEL, OLD_KERNEL_SANITIZED]) {
  const reason = build.missing() ?? needsRoot() ?? missing("busybox");
  const check = (name: string, body: () => Promise<void>): void => testUnless(reason, name, body);

  describe(`confined, ${build.name}`, () => {
    check(
      "a new root has what is mounted in it and nothing else, and no directory is left over",
      async () => {
        writeFileSync(join(ROOM, "kept"), "of the host\n");
        const names = readdirSync(root).sort();
        const outcome = await inside(
          build,
          "cat /proc/self/mountinfo; cat /etc/kept; ls -a /",
          { mounts: [PROC, bind(join(ROOM, "kept"), "/etc/kept")] },
        );
        expect(outcome).toMatchObject({ status: 0, reports: [], stderr: "" });
        const lines = outcome.stdout.split("\n");
        expect(parseMounts(lines.slice(0, 3).join("\n")).map(({ point }) => point)).toEqual([
          "/",
          "/proc",
          "/etc/kept",
        ]);
        expect(lines.slice(3)).toEqual(["of the host", ".", "..", "bin", "etc", "proc", ""]);
        expect(readdirSync(root).sort()).toEqual([...names, "etc", "proc"].sort());
      },
    );

    check("nothing that is mounted on the host below the root comes along", async () => {
      hostMount(join(root, "data"), "tmpfs", 0);
      writeFileSync(join(root, "data/secret"), "");
      const outcome = await inside(build, "ls /data; echo end", {});
      expect(outcome).toMatchObject({ status: 0, stdout: "end\n" });
    });

    check("a root of / leaves all mounts of the host out", async () => {
      const mounts = await mountsInside(build, [], { root: { path: "/", how: "pivot" } });
      expect(mounts.map(({ point }) => point)).toEqual(["/", "/proc"]);
    });

    check("a chroot has the root directory and keeps what is mounted there", async () => {
      hostMount(join(root, "data"), "tmpfs", 0);
      writeFileSync(join(root, "data/file"), "");
      const outcome = await inside(build, "ls / /data", { root: { path: root, how: "chroot" } });
      expect(outcome).toMatchObject({ status: 0, stdout: "/:\nbin\ndata\nproc\n\n/data:\nfile\n" });
    });

    check("without a new root, mounts are seen by the child alone", async () => {
      const target = join(ROOM, "seen");
      const outcome = await inside(build, `touch ${target}/file; ls ${target}`, {
        root: null,
        mounts: [step("new", { source: "tmpfs", target, type: "tmpfs", create: true })],
      });
      expect(outcome).toMatchObject({ status: 0, stdout: "file\n" });
      expect(readdirSync(target)).toEqual([]);
    });

    check("the working directory is the one it was, or the new root", async () => {
      const cwd = await inside(build, "pwd", { root: null, mounts: [] }, { chdir: null });
      expect(cwd.stdout.trim()).toBe(process.cwd());
      expect((await inside(build, "pwd", {})).stdout).toBe("/\n");
    });

    check(
      "a bind keeps read-only, nosuid, nodev and noexec of its source, and gets what is asked for",
      async () => {
        const kept = join(ROOM, "kept-flags");
        hostMount(kept, "tmpfs", MS.ro | MS.nosuid);
        const other = join(ROOM, "other-flags");
        hostMount(other, "tmpfs", MS.nodev);
        const mounts = await mountsInside(build, [
          bind(kept, "/kept"),
          bind(kept, "/more", { flags: MS.noexec }),
          bind(other, "/other", { flags: MS.ro | MS.bind }),
        ]);
        expect(at(mounts, "/kept").options).toEqual(expect.arrayContaining(["ro", "nosuid"]));
        expect(at(mounts, "/more").options).toEqual(expect.arrayContaining(["ro", "nosuid", "noexec"]));
        expect(at(mounts, "/other").options).toEqual(expect.arrayContaining(["ro", "nodev"]));
        expect(at(mounts, "/other").options).not.toContain("nosuid");
      },
    );

    check("what is mounted below a bound directory comes with recursive alone, flags and all", async () => {
      const top = join(ROOM, "top");
      hostMount(top, "tmpfs", 0);
      hostMount(join(top, "below it"), "tmpfs", MS.nosuid); // a blank is \040 in the table
      hostMount(join(top, "below it/deeper"), "tmpfs", 0);
      const mounts = await mountsInside(build, [
        bind(top, "/alone"),
        bind(top, "/all", { recursive: true, flags: MS.ro }),
      ]);
      expect(mounts.map(({ point }) => point)).toEqual([
        "/",
        "/alone",
        "/all",
        "/all/below\\040it",
        "/all/below\\040it/deeper",
        "/proc",
      ]);
      for (const point of ["/all", "/all/below\\040it", "/all/below\\040it/deeper"]) {
        expect([point, at(mounts, point).options[0]]).toEqual([point, READ_ONLY]);
      }
      expect(at(mounts, "/all/below\\040it").options).toContain("nosuid");
      expect(at(mounts, "/alone").options[0]).toBe("rw");
    });

    check(
      "a remount changes the one mount, recursive all below it, and keeps the rest of the flags",
      async () => {
        const below = step("new", {
          source: "t",
          target: "/t",
          type: "tmpfs",
          create: true,
          flags: MS.nosuid,
        });
        const one = await inside(build, "cat /proc/self/mountinfo", {
          mounts: [PROC, below, step("remount", { target: "/", flags: MS.ro })],
        });
        expect(parseMounts(one.stdout).map(({ options }) => options[0])).toEqual([READ_ONLY, "rw", "rw"]);
        const all = await inside(build, "cat /proc/self/mountinfo", {
          mounts: [PROC, below, step("remount", { target: "/", flags: MS.ro, recursive: true })],
        });
        const mounts = parseMounts(all.stdout);
        expect(mounts.map(({ options }) => options[0])).toEqual([READ_ONLY, READ_ONLY, READ_ONLY]);
        expect(at(mounts, "/t").options).toContain("nosuid");
      },
    );

    check("mounts are changed, moved and taken away as mount actions say", async () => {
      const tmpfs = (target: string): MountStep =>
        step("new", { source: "t", target, type: "tmpfs", create: true });
      const mounts = await mountsInside(build, [
        tmpfs("/a"),
        step("plain", { target: "/a", flags: MS.shared }),
        tmpfs("/b"),
        step("plain", {
          source: "/b",
          target: "/b/moved",
          sourceInside: true,
          flags: MS.move,
          optional: true,
        }),
        tmpfs("/c"),
        tmpfs("/c/d"),
        tmpfs("/c/d/e"),
        step("umount", { target: "/c", recursive: true }),
        tmpfs("/f"),
        step("umount", { target: "f/" }),
        tmpfs("/g"),
        step("bind", { source: "/g", target: "/h", sourceInside: true, create: true }),
      ]);
      expect(mounts.map(({ point }) => point)).toEqual(["/", "/a", "/b", "/g", "/h", "/proc"]);
    });

    check("a mount is moved", async () => {
      const mounts = await mountsInside(build, [
        step("new", { source: "t", target: "/b", type: "tmpfs", create: true }),
        step("plain", { source: "/b", target: "/m", sourceInside: true, flags: MS.move, create: true }),
      ]);
      expect(mounts.map(({ point }) => point)).toEqual(["/", "/m", "/proc"]);
    });

    check("missing mount points and their parents are made 0755 and 0644, whatever the umask", async () => {
      const file = join(ROOM, "a-file");
      writeFileSync(file, "x", { mode: 0o600 });
      const umask = process.umask(0o077);
      try {
        const outcome = await inside(build, "umask", { mounts: [PROC, bind(file, "/new/dir/file")] });
        expect(outcome).toMatchObject({ status: 0, stdout: "0077\n" });
      } finally {
        process.umask(umask);
      }
      expect(statSync(join(root, "new")).mode & 0o7777).toBe(0o755);
      expect(statSync(join(root, "new/dir")).mode & 0o7777).toBe(0o755);
      expect(statSync(join(root, "new/dir/file")).mode & 0o7777).toBe(0o644);
      expect(statSync(join(root, "new/dir/file")).size).toBe(0);
    });

    check("links in the root lead nowhere outside it", async () => {
      const outside = join(ROOM, "outside");
      mkdirSync(outside, { recursive: true });
      symlinkSync("/etc", join(root, "proc"));
      mkdirSync(join(root, "etc"));
      symlinkSync(`${"../".repeat(20)}${outside.slice(1)}`, join(root, "up"));
      symlinkSync(outside, join(root, "absolute"));
      const kept = join(ROOM, "kept2");
      writeFileSync(kept, "kept\n");
      // /proc is a link to /etc: proc is mounted on the root's own.
      const outcome = await inside(build, "cat /etc/self/mountinfo", {
        mounts: [PROC, bind(kept, `${"../".repeat(20)}climbed/file`)],
      });
      expect(outcome).toMatchObject({ status: 0, stderr: "", reports: [] });
      expect(parseMounts(outcome.stdout).map(({ point }) => point)).toEqual(["/", "/etc", "/climbed/file"]);
      // What the links name is not there inside, and is not made through them.
      await failsAtMount(build, [bind(kept, "/up")], ELOOP);
      await failsAtMount(build, [PROC, bind(kept, "/absolute")], ELOOP);
      await failsAtMount(build, [bind(kept, "/absolute/file")], ELOOP);
      expect(readdirSync(outside)).toEqual([]);
      // Made to exist inside, they are followed there.
      mkdirSync(join(root, outside), { recursive: true });
      const mounts = await inside(build, "cat /etc/self/mountinfo", {
        mounts: [PROC, bind(kept, "/absolute/file")],
      });
      expect(parseMounts(mounts.stdout).map(({ point }) => point)).toEqual(["/", "/etc", `${outside}/file`]);
      expect(readdirSync(outside)).toEqual([]);
    });

    check("a source beneath the root is what the jail would find, whatever link was put there", async () => {
      mkdirSync(join(root, "etc"));
      writeFileSync(join(root, "etc/shadow"), "of the jail\n");
      symlinkSync("/etc/shadow", join(root, "planted"));
      hostMount(join(root, "disk"), "tmpfs", 0);
      writeFileSync(join(root, "disk/file"), "of the disk\n");
      const outcome = await inside(build, "cat /seen /kept/file", {
        mounts: [PROC, bind(join(root, "planted"), "/seen"), bind(join(root, "disk"), "/kept")],
      });
      expect(outcome).toMatchObject({ status: 0, stdout: "of the jail\nof the disk\n" });
    });

    check(
      "a missing source or target, or one that is no directory, is told with the number of the mount",
      async () => {
        await failsAtMount(build, [PROC, bind("/nonexistent", "/x")], ENOENT);
        await failsAtMount(build, [PROC, bind("/etc", "/x", { create: false })], ENOENT);
        await failsAtMount(build, [bind("/etc/passwd", "/bin")], ENOTDIR);
        await failsAtMount(
          build,
          [PROC, step("new", { source: "x", target: "/bin", type: "no-such-type" })],
          ENODEV,
        );
        await failsAtMount(build, [bind("/etc", "/")], EINVAL);
        await failsAtMount(build, [step("new", { source: "t", target: "/../.", type: "tmpfs" })], EINVAL);
        await failsAtMount(build, [step("umount", { target: "/bin" })], EINVAL);
        await failsAtMount(build, [step("remount", { target: "/bin", flags: MS.ro })], EINVAL);
        await failsAtMount(build, [
          PROC,
          step("bind", { source: "/nothing", target: "/bin", sourceInside: true }),
        ], ENOENT);
        const optional = { optional: true };
        const mounts = await mountsInside(build, [
          bind("/nonexistent", "/x", optional),
          bind("/etc", "/y", { create: false, ...optional }),
          step("umount", { target: "/z", ...optional }),
        ]);
        expect(mounts.map(({ point }) => point)).toEqual(["/", "/proc"]);
      },
    );

    check(
      "a root that is not there, is a file, or has no place for a mount and cannot be written, is told",
      async () => {
        const stage = async (path: string): Promise<unknown> =>
          (await inside(build, "true", { root: { path, how: "pivot" } })).reports.map((
            { stage, errno },
          ) => [stage, errno]);
        expect(await stage("/nonexistent")).toEqual([["root", ENOENT]]);
        expect(await stage("/etc/passwd")).toEqual([["root", ENOTDIR]]);
        const sealed = join(ROOM, "sealed");
        hostMount(sealed, "tmpfs", 0);
        furnish(sealed);
        mount({ source: "none", target: sealed, type: "", flags: MS.remount | MS.ro, data: null });
        await failsAtMount(build, [PROC], EROFS, { root: { path: sealed, how: "pivot" } });
        const outcome = await inside(build, "echo here", {
          root: { path: sealed, how: "pivot" },
          mounts: [
            { ...PROC, optional: true },
            step("devices", { target: "/dev", create: true, optional: true }),
          ],
        });
        expect(outcome).toMatchObject({ status: 0, stdout: "here\n" });
      },
    );

    check("devices: what is missing is bound, terminals are the root's own", async () => {
      const line =
        "for d in null zero full random urandom tty ptmx; do stat -c '%n %t:%T %a' /dev/$d; done; " +
        "echo x >/dev/null; ls /dev/pts; cat /proc/self/mountinfo";
      for (const round of ["made", "left over from before"]) {
        const outcome = await inside(build, line, {
          mounts: [PROC, step("devices", { target: "/dev", create: true })],
        });
        expect([round, outcome.stderr, outcome.reports]).toEqual([round, "", []]);
        expect(outcome.stdout.split("\n").slice(0, 8)).toEqual([
          "/dev/null 1:3 666",
          "/dev/zero 1:5 666",
          "/dev/full 1:7 666",
          "/dev/random 1:8 666",
          "/dev/urandom 1:9 666",
          "/dev/tty 5:0 666",
          "/dev/ptmx 5:2 666",
          "ptmx", // and no terminal of the host
        ]);
        const mounts = parseMounts(outcome.stdout.split("\n").slice(8).join("\n"));
        expect(mounts.map(({ point }) => point).slice(0, 2)).toEqual(["/", "/proc"]);
        expect(mounts.length).toBe(10);
        expect(at(mounts, "/dev/pts").type).toBe("devpts");
      }
      expect(statSync(join(root, "dev/null")).size).toBe(0);
    });

    check("devices: those that work, and what somebody put there, are left alone", async () => {
      mkdirSync(join(root, "dev"));
      execFileSync("mknod", ["-m", "600", join(root, "dev/null"), "c", "1", "3"]);
      writeFileSync(join(root, "dev/zero"), "my own zero");
      symlinkSync("/etc/passwd", join(root, "dev/full"));
      execFileSync("mkfifo", [join(root, "dev/random")]);
      const kept = join(ROOM, "pts-of-another");
      hostMount(kept, "devpts", 0, "newinstance,ptmxmode=0666");
      const mounts = await mountsInside(build, [
        bind(kept, "/dev/pts"),
        step("devices", { target: "/dev" }),
      ]);
      expect(mounts.map(({ point }) => point)).toEqual([
        "/",
        "/dev/pts",
        "/dev/urandom",
        "/dev/tty",
        "/proc",
      ]);
      expect(lstatSync(join(root, "dev/ptmx"))).toMatchObject({ mode: 0o020666, rdev: 5 << 8 | 2 });
      expect(readFileSync(join(root, "dev/zero"), "utf8")).toBe("my own zero");
      expect(lstatSync(join(root, "dev/full")).isSymbolicLink()).toBe(true);
    });

    check("devices: everybody can open a terminal, of the root's own and of a kept /dev/pts", async () => {
      const kept = join(ROOM, "pts-for-root");
      hostMount(kept, "devpts", 0, "newinstance,ptmxmode=0000");
      for (const mounts of [[], [bind(kept, "/dev/pts")]]) {
        const outcome = await inside(build, "exec 3<>/dev/ptmx && ls /dev/pts", {
          mounts: [...mounts, step("devices", { target: "/dev", create: true })],
        }, { uid: 33, gid: 33, groups: [] });
        expect(outcome).toMatchObject({ status: 0, stdout: "0\nptmx\n", stderr: "" });
        rmSync(join(root, "dev"), { recursive: true });
      }
    });

    check("devices: on a nodev file system nodes are no use, so they are bound over", async () => {
      const bare = join(ROOM, "nodev");
      hostMount(bare, "tmpfs", MS.nodev);
      furnish(bare);
      mkdirSync(join(bare, "dev"));
      execFileSync("mknod", ["-m", "666", join(bare, "dev/null"), "c", "1", "3"]);
      const outcome = await inside(build, "echo x >/dev/null && echo written", {
        root: { path: bare, how: "pivot" },
        mounts: [PROC, step("devices", { target: "/dev" })],
      });
      expect(outcome).toMatchObject({ status: 0, stdout: "written\n", stderr: "" });
    });

    check("devices: a /dev that is a link stays inside, also one to /", async () => {
      symlinkSync("/", join(root, "dev"));
      const outcome = await inside(build, "ls -d /null /pts", {
        mounts: [PROC, step("devices", { target: "/dev" })],
      });
      expect(outcome).toMatchObject({ status: 0, stdout: "/null\n/pts\n" });
      expect(existsSync("/null")).toBe(false);
    });

    check(
      "no descriptor is left but its own three, and no environment but the one that was given",
      async () => {
        const extra = openSync("/etc/passwd", "r");
        const shell = inProgram({ args: ["sh", "-c", "ls /proc/$$/fd; true"], confinement: confined() });
        expect((await runExec(build, shell, { fds: [extra, extra] })).stdout).toBe("0\n1\n2\n");
        closeSync(extra);
        const program = { args: ["cat", "/proc/self/environ"], file: { path: "/bin/cat", searchPath: null } };
        const seen = await runExec(build, {
          ...program,
          environment: ["ONLY=this"],
          confinement: confined(),
        });
        expect(seen.stdout).toBe("ONLY=this\0");
      },
    );

    check("/dev/null of a hostile root is not taken for the null device", async () => {
      mkdirSync(join(root, "dev"));
      execFileSync("mkfifo", [join(root, "dev/null")]);
      const outcome = await inside(build, "cat; stat -L -c %t:%T /proc/self/fd/0", {});
      expect(outcome).toMatchObject({ status: 0, stdout: "1:3\n" });
    });

    check("the host name is the namespace's own", async () => {
      const name = readFileSync("/proc/sys/kernel/hostname", "utf8");
      const outcome = await inside(build, "hostname", { hostname: "testns" });
      expect(outcome).toMatchObject({ status: 0, stdout: "testns\n" });
      expect(readFileSync("/proc/sys/kernel/hostname", "utf8")).toBe(name);
    });

    check(
      "a shield: whatever is the host's in a /proc or a /sys is read-only or covered, wherever it is mounted",
      async () => {
        const writes = ["/proc", "/two"].flatMap((top) =>
          ["sys/kernel/core_pattern", "sys/vm", "bus", "irq", "fs"].map((name) => `${top}/${name}`)
        );
        const lines = [
          ...[...writes, "/three/core_pattern", "/sys/kernel", "/sys/power/state"].map((path) =>
            `touch ${path} 2>&1 | grep -o "Read-only.*" || echo ${path}`
          ),
          "cat /proc/keys /two/keys /two/timer_list /proc/interrupts; ls /proc/acpi /sys/firmware | grep -v :",
          "echo 5 > /proc/self/oom_score_adj && cat /proc/self/oom_score_adj",
        ];
        const outcome = await inside(build, lines.join("\n"), {
          shield: true,
          mounts: [
            PROC,
            step("new", { source: "proc", target: "/two", type: "proc", create: true }),
            step("new", { source: "sysfs", target: "/sys", type: "sysfs", create: true }),
            bind("/proc/sys/kernel", "/three", { sourceInside: true }),
            step("new", { source: "proc", target: "/over/proc", type: "proc", create: true }),
            step("new", { source: "tmpfs", target: "/over", type: "tmpfs" }),
          ],
        });
        expect(outcome).toMatchObject({ status: 0, reports: [] });
        const answers = outcome.stdout.split("\n").filter((line) => line !== "");
        expect(answers.slice(0, writes.length + 3)).toEqual(
          Array(writes.length + 3).fill("Read-only file system"),
        );
        expect(answers.slice(writes.length + 3)).toEqual(["5"]);
      },
    );

    check("lo is up in a net namespace when that is asked for", async () => {
      const unshare = CLONE_NEW.mnt | CLONE_NEW.net;
      const up = await inside(build, "ifconfig lo", { unshare, loopback: true });
      expect(up.stdout).toContain("inet addr:127.0.0.1");
      const down = await inside(build, "ifconfig lo", { unshare });
      expect(down.stdout).not.toContain("UP");
    });

    check("a user namespace maps every id to itself and takes the rights over the host", async () => {
      const line = "cat /proc/self/uid_map /proc/self/gid_map; id -u; id -G; " +
        "mount -t tmpfs t /bin 2>&1; hostname other 2>&1; touch /proc/1/oom_score_adj && cat /proc/self/status";
      const outcome = await inside(
        build,
        line,
        { unshare: CLONE_NEW.mnt | CLONE_NEW.uts | CLONE_NEW.user },
        { uid: 0, gid: 0, groups: [4, 33] },
      );
      const whole = readFileSync("/proc/self/uid_map", "utf8");
      expect(outcome.stdout).toStartWith(`${whole}${whole}0\n0 4 33\n`);
      expect(outcome.stdout).toMatch(/mount: .*(denied|permitted)/);
      expect(outcome.stdout).toMatch(/hostname: .*not permitted/);
      const dropped = await inside(
        build,
        "id -u; id -g; cat /proc/self/status",
        { unshare: CLONE_NEW.mnt | CLONE_NEW.user },
        { uid: 33, gid: 44, groups: [] },
      );
      expect(dropped.stdout).toStartWith("33\n44\n");
      expect(dropped.stdout).toMatch(/CapEff:\t0+\n/);
    });

    check("steps that need the host's /proc do not miss it in a root without one", async () => {
      const outcome = await inside(build, "echo here", { mounts: [] }, { oomScoreAdj: 500, nice: 5 });
      expect(outcome).toMatchObject({ status: 0, stdout: "here\n", reports: [] });
      const seen = await inside(build, "cat /proc/self/oom_score_adj", {}, { oomScoreAdj: 500 });
      expect(seen.stdout).toBe("500\n");
    });

    check("without a program it is done after the set-up", async () => {
      const outcome = await runExec(build, { role: "none", args: [], confinement: confined() });
      expect(outcome).toMatchObject({ status: 0, stdout: "", stderr: "", reports: [] });
      expect(existsSync(join(root, "proc"))).toBe(true);
    });

    check("a parent that is gone is noticed by its pipe", async () => {
      const { reader, writer } = openPipe({ nonblock: false });
      const spec = { parentDeathSignal: 9, confinement: confined() };
      const lives = await runExec(build, inProgram(spec), { fds: [reader], life: 5 });
      expect(lives).toMatchObject({ status: 0, stdout: "started\n" });
      closeSync(writer);
      const gone = await runExec(build, inProgram(spec), { fds: [reader], life: 5 });
      expect(gone).toMatchObject({ status: 125, stdout: "" });
      expect(gone.reports).toMatchObject([{ stage: "parent-death signal", errno: 3 }]);
      closeSync(reader);
    });
  });
}

testUnless(
  needsRoot() ?? missing("gcc", "busybox"),
  "a jail and what lives in it are the same as if on an old kernel",
  () => {
    const tests = join(import.meta.dir, "..", "sys", "process", "jail.test.ts");
    const old = program("old_kernel", { flavour: "plain" });
    const result = run([old, "bun", process.execPath, "test", tests]);
    expect(result.output).toMatch(/^ 0 fail$/m);
    expect(result.status).toBe(0);
  },
);
