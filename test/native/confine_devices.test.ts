/** The devices of a child's root, and the shield over what is the host's in its /proc and /sys. */
import { expect } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  at,
  bind,
  confineScene,
  furnish,
  hostMount,
  inEveryBuild,
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

inEveryBuild("devices of a child", (build, check) => {
  check("devices: what is missing is bound, terminals are the root's own", async () => {
    const line = "for d in null zero full random urandom tty ptmx; do stat -c '%n %t:%T %a' /dev/$d; done; " +
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

  check("/dev/null of a hostile root is not taken for the null device", async () => {
    mkdirSync(join(root, "dev"));
    execFileSync("mkfifo", [join(root, "dev/null")]);
    const outcome = await inside(build, "cat; stat -L -c %t:%T /proc/self/fd/0", {});
    expect(outcome).toMatchObject({ status: 0, stdout: "1:3\n" });
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
});
