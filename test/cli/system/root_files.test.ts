/** Looks under a root that somebody hostile filled. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RealPlanDeps } from "../../../lib/cli/system/real_deps.ts";

const OUTSIDE = "outside of the root\n";
let place: string;
let root: string;
const system = new RealPlanDeps();
const read = (path: string) => system.readInRoot(root, path);

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), "reeve-root-"));
  root = join(place, "root");
  mkdirSync(join(root, "etc"), { recursive: true });
  mkdirSync(join(root, "usr/bin"), { recursive: true });
  writeFileSync(join(place, "secret"), OUTSIDE);
  writeFileSync(join(root, "etc/passwd"), "a:x:1:1::/:\n");
  writeFileSync(join(root, "usr/bin/tool"), "");
  chmodSync(join(root, "usr/bin/tool"), 0o755);
  symlinkSync("usr/bin", join(root, "bin"));
  symlinkSync("/etc/passwd", join(root, "etc/inner"));
  symlinkSync(join(place, "secret"), join(root, "etc/absolute"));
  symlinkSync("../../secret", join(root, "etc/relative"));
  symlinkSync("..", join(root, "up"));
  symlinkSync("loop", join(root, "loop"));
  symlinkSync("/proc/self/root", join(root, "etc/magic"));
  symlinkSync("/", join(place, "link"));
  writeFileSync(join(root, "etc/big"), "");
  truncateSync(join(root, "etc/big"), 1 << 30);
  writeFileSync(join(root, "etc/mega"), "");
  truncateSync(join(root, "etc/mega"), 1 << 20);
  expect(spawnSync("mkfifo", [join(root, "etc/fifo")]).status).toBe(0);
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

describe("a file under a root", () => {
  test("is read, through links that stay in it", () => {
    expect(read("/etc/passwd")).toBe("a:x:1:1::/:\n");
    expect(read("etc/passwd")).toBe("a:x:1:1::/:\n");
    expect(read("/etc/inner")).toBe("a:x:1:1::/:\n");
    expect(read("/up/../up/etc/passwd")).toBe("a:x:1:1::/:\n");
  });

  test.each(["/etc/absolute", "/etc/relative", "/../secret", "/up/secret", "/etc/../../secret", "/loop"])(
    "%s leads to nothing outside of it",
    (path) => {
      expect(read(path)).toBeNull();
    },
  );

  test("is a regular one of a MiB at most: no FIFO, no directory, no link of /proc", () => {
    for (const path of ["/etc/fifo", "/etc", "/etc/big", "/etc/none", "/etc/magic/etc/passwd"]) {
      expect(read(path)).toBeNull();
    }
    expect(read("/etc/mega")).toHaveLength(1 << 20);
  });

  test("under no root at all is none", () => {
    expect(system.readInRoot(join(place, "none"), "/etc/passwd")).toBeNull();
    expect(system.readInRoot(join(place, "secret"), "/etc/passwd")).toBeNull();
  });

  test("has a status, and a device is not opened for it", () => {
    expect(system.statInRoot(root, "/bin/tool")).toMatchObject({ kind: "file", mode: 0o755 });
    expect(system.statInRoot(root, "/etc/fifo")).toMatchObject({ kind: "fifo" });
    expect(system.statInRoot(root, "/etc/absolute")).toBeNull();
    expect(system.statInRoot(root, "/")).toMatchObject({ kind: "directory" });
  });

  test("costs no descriptor", () => {
    const count = () => new Set(system.readDirectory("/proc/self/fd")).size;
    const before = count();
    for (let turn = 0; turn < 50; turn++) {
      for (const path of ["/etc/passwd", "/etc/big", "/etc/fifo", "/x"]) read(path);
    }
    expect(count()).toBe(before);
  });
});
