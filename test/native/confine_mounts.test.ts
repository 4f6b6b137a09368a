/** What is mounted for a child, with which flags, and how a mount that cannot be made is told. */
import { expect } from "bun:test";
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type MountStep } from "../../lib/sys/child/child_spec.ts";
import {
  at,
  bind,
  confineScene,
  EINVAL,
  ELOOP,
  ENODEV,
  ENOENT,
  ENOTDIR,
  failsAtMount,
  hostMount,
  inEveryBuild,
  inside,
  mountsInside,
  MS,
  parseMounts,
  PROC,
  READ_ONLY,
  ROOM,
  root,
  step,
} from "./confine_scene.ts";

confineScene();

inEveryBuild("mounts of a child", (build, check) => {
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
});
