/**
 * Jails that cannot be made: the stage, the errno, the remedy, exit code 1, and nothing that is mounted or
 * runs.
 */
import { afterEach, beforeEach, expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, renameSync, rmdirSync, rmSync, symlinkSync } from "node:fs";
import type { Exit, Scope } from "./harness.ts";
import { busybox, busyboxRoot, hostMounts } from "./jail_root.ts";
import { check, pidNamespace, program, reeve, root } from "./need.ts";
import { allProcesses, commandLine, signal } from "./process.ts";

const NEEDS = [reeve, root, pidNamespace, busybox];

let mounts = "";
beforeEach(() => {
  mounts = hostMounts();
});
afterEach(() => {
  expect(hostMounts()).toBe(mounts);
  const left = allProcesses().filter((one) => commandLine(one.pid)[0] === "reeve-jail");
  expect(left.filter((one) => commandLine(one.pid).join(" ").includes("83"))).toEqual([]);
});

async function refused(scope: Scope, lines: readonly string[], wrap: readonly string[] = []): Promise<Exit> {
  const before = allProcesses().length;
  const supervisor = scope.reeve(scope.config([...lines, "attach-daemon = sleep 83001"]), { wrap });
  const exit = await supervisor.untilExit();
  expect(allProcesses().filter((one) => commandLine(one.pid).join(" ") === "sleep 83001")).toEqual([]);
  expect(existsSync(scope.path("run/jail"))).toBe(false);
  expect(before).toBeGreaterThan(0);
  return exit;
}

check("a root that is not there, is a file, or is reached by no directory", NEEDS, async (scope) => {
  const missing = await refused(scope, [`namespace = ${scope.path("none")}:x`]);
  expect(missing.code).toBeGreaterThan(0);
  expect(missing.output).toMatch(/none".*no such directory/);
  const file = await refused(scope, [`namespace = ${scope.write("file", "x")}:x`]);
  expect(file.code).toBeGreaterThan(0);
  expect(file.output).toMatch(/it is a file/);
});

check("a read-only root without /proc, and one whose /proc is a file or a link out", NEEDS, async (scope) => {
  busyboxRoot(scope);
  rmdirSync(scope.path("root/proc"));
  scope.write("root/proc", "x");
  const file = await refused(scope, [`namespace = ${scope.path("root")}`]);
  expect(file.code).toBe(1);
  expect(file.output).toContain('cannot make the jail: mount proc on "/proc": not a directory');
  rmSync(scope.path("root/proc"));
  symlinkSync("../../../../etc", scope.path("root/proc"));
  rmSync(scope.path("root/etc"), { recursive: true });
  const away = await refused(scope, [`namespace = ${scope.path("root")}`]);
  expect(away.output).not.toContain("reeve is up");
  expect(away.code).toBe(1);
});

check(
  "a keep-mount whose place in the root is taken by a file: nothing of the jail is left",
  NEEDS,
  async (scope) => {
    busyboxRoot(scope);
    const kept = scope.directoryFor("kept");
    scope.write("root/mnt", "x");
    const exit = await refused(scope, [
      `namespace = ${scope.path("root")}`,
      `namespace-keep-mount = ${kept}:/mnt`,
    ]);
    expect(exit.code).toBe(1);
    expect(exit.output).toMatch(/cannot make the jail: mount ".*kept" on "\/mnt": not a directory \(/);
  },
);

check(
  "a hook in the jail that fails ends the start, and the jail with all that hooks left in it",
  NEEDS,
  async (scope) => {
    const exit = await refused(scope, [
      `namespace = ${busyboxRoot(scope)}`,
      "exec-in-jail = setsid sleep 83011 > /dev/null 2>&1 &",
      "exec-as-root = exit 3",
    ]);
    expect(exit.code).toBe(1);
    expect(exit.output).toContain("exited with non-zero code: 3");
    expect(allProcesses().filter((one) => commandLine(one.pid).join(" ") === "sleep 83011")).toEqual([]);
  },
);

check(
  "without root's rights: said so, and what helps",
  [...NEEDS, program("setpriv", "util-linux")],
  async (scope) => {
    chmodSync(scope.directory, 0o777);
    mkdirSync(scope.path("run"), { mode: 0o777 });
    const config = [`namespace = ${busyboxRoot(scope)}`];
    const user = await refused(scope, config, [
      "setpriv",
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
    ]);
    expect(user.code).toBeGreaterThan(0);
    expect(user.output).toMatch(/root|CAP_SYS_ADMIN/);
    const weak = await refused(scope, config, [
      "setpriv",
      "--bounding-set=-sys_admin",
      "--inh-caps=-sys_admin",
    ]);
    expect(weak.code).toBe(1);
    expect(weak.output).toMatch(
      /cannot make the jail: make its namespaces: operation not permitted \(.*CAP_SYS_ADMIN/,
    );
  },
);

check("a daemon whose own root is missing fails alone, with the stage", NEEDS, async (scope) => {
  busyboxRoot(scope);
  const config = scope.config([
    `attach-daemon2 = cmd=sleep 83021,root=${scope.path("root")}`,
    "attach-daemon = sleep 83022",
  ]);
  const supervisor = scope.reeve(config);
  await supervisor.untilLog(/reeve is up/);
  // It has its root by the time that it is itself.
  const daemon = await scope.untilOne(/^sleep 83021/);
  renameSync(scope.path("root"), scope.path("moved"));
  signal(daemon, "SIGKILL");
  const [line] = await supervisor.untilLog(/cannot start "sleep 83021": .*/);
  expect(line).toContain(
    `root "${scope.path("root")}": no such file or directory (build a root file system there first)`,
  );
  expect((await supervisor.stop()).code).toBe(0);
});
