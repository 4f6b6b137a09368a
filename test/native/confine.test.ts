/**
 * Where a child lives, as the helper makes it: its root, namespaces, name and descriptors. Each child has a
 * mount namespace of its own; whatever it does, and wherever it fails, nothing is left on the host.
 */
import { expect } from "bun:test";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CLONE_NEW } from "../../lib/sys/child/child_spec.ts";
import { openPipe } from "../../lib/sys/file/descriptor.ts";
import { mount } from "../../lib/sys/host/mounts.ts";
import { missing, needsRoot, program, run, testUnless } from "./build.ts";
import { runExec } from "./helper.ts";
import {
  bind,
  confined,
  confineScene,
  ENOENT,
  ENOTDIR,
  EROFS,
  failsAtMount,
  furnish,
  hostMount,
  inEveryBuild,
  inProgram,
  inside,
  mountsInside,
  MS,
  parseMounts,
  PROC,
  ROOM,
  root,
  step,
} from "./confine_scene.ts";

confineScene();

inEveryBuild("confined", (build, check) => {
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

  check("the host name is the namespace's own", async () => {
    const name = readFileSync("/proc/sys/kernel/hostname", "utf8");
    const outcome = await inside(build, "hostname", { hostname: "testns" });
    expect(outcome).toMatchObject({ status: 0, stdout: "testns\n" });
    expect(readFileSync("/proc/sys/kernel/hostname", "utf8")).toBe(name);
  });

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
