/**
 * The same namespace made by uwsgi-core and by reeve, on the same root: what a daemon finds inside must agree
 * but for who is process 1, which is uWSGI's master in the one and reeve's init in the other.
 */
import { expect } from "bun:test";
import { chmodSync, existsSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Scope } from "./harness.ts";
import { busybox, busyboxRoot, hostMounts } from "./jail_root.ts";
import { check, program, reeve, root } from "./need.ts";
import { signal } from "./process.ts";
import { until } from "./wait.ts";

const NEEDS = [reeve, root, busybox, program("uwsgi", "uwsgi-core")];

/** What a daemon looks at; each line of its report is NAME VALUE. */
const LOOK = `#!/bin/sh
{
  echo "hostname $(hostname)"
  cut -d' ' -f2 /proc/self/mounts | sort | while read point; do echo "mount $point"; done
  for entry in $(ls /); do echo "entry $entry"; done
  echo "kept $(cat /kept/file) $(cat /elsewhere/file)"
  test -e /outside && echo outside
  echo "directory $(pwd)"
  echo "first $(cut -d' ' -f4 /proc/1/stat)"
  for one in /proc/[0-9]*; do grep -q reeve-host-sentinel $one/cmdline 2>/dev/null && echo "sees a process of the host"; done
  test $$ -lt 1000 && echo "its number is the namespace's"
} > /tmp/report.new
mv /tmp/report.new /tmp/report
exec sleep 1000
`;

function prepare(scope: Scope): string {
  const path = busyboxRoot(scope);
  for (const applet of ["cut", "sort", "grep", "mv", "mknod"]) {
    if (!existsSync(join(path, "bin", applet))) symlinkSync("busybox", join(path, "bin", applet));
  }
  scope.write("root/bin/look", LOOK);
  chmodSync(join(path, "bin/look"), 0o755);
  // uWSGI's daemons cannot start without; reeve would bind the host's.
  expect(Bun.spawnSync(["mknod", "-m", "666", join(path, "dev/null"), "c", "1", "3"]).success).toBe(true);
  for (const directory of ["kept", "elsewhere"]) scope.directoryFor(`root/${directory}`);
  scope.directoryFor("host");
  scope.write("host/file", "of-the-host");
  scope.write("root/kept/file", "in-the-root");
  return path;
}

async function report(scope: Scope, explain: () => string): Promise<readonly string[]> {
  await until("the daemon's report", () => existsSync(scope.path("root/tmp/report")), { explain });
  return scope.read("root/tmp/report").trimEnd().split("\n");
}

check("a namespace is the same inside under uWSGI and under reeve", NEEDS, async (scope) => {
  const path = prepare(scope);
  const mounts = hostMounts();
  const lines = [
    `namespace = ${path}:both-alike`,
    `namespace-keep-mount = ${path}/kept`,
    `namespace-keep-mount = ${scope.path("host")}:/elsewhere`,
    "attach-daemon = /bin/look",
  ];
  scope.start(["sh", "-c", "sleep 86371; : reeve-host-sentinel"]);
  // Its jail outlives uWSGI, and ends with a namespace around both.
  const uwsgi = scope.uwsgi(scope.config(lines, "uwsgi.ini"), {
    wrap: ["unshare", "--pid", "--fork", "--kill-child"],
  });
  const theirs = await report(scope, () => uwsgi.log());
  signal(uwsgi.id, "SIGKILL");
  await until("uWSGI's jail ended", () => scope.matching(/^\/bin\/sh \/bin\/look|^sleep 1000$/).length === 0);
  Bun.spawnSync(["rm", scope.path("root/tmp/report")]);

  const supervisor = scope.reeve(scope.config([...lines, "namespace-bare = true"], "reeve.ini"));
  const ours = await report(scope, () => supervisor.log());
  expect(ours).toEqual(theirs);
  expect(ours).toContain("hostname both-alike");
  expect(ours.filter((line) => line.startsWith("mount"))).toEqual([
    "mount /",
    "mount /elsewhere",
    "mount /kept",
    "mount /proc",
  ]);
  expect(ours).toContain("kept in-the-root of-the-host");
  expect(ours).not.toContain("sees a process of the host");
  expect((await supervisor.stop()).code).toBe(0);
  expect(hostMounts()).toBe(mounts);
  // uWSGI makes a directory for its set-up and removes it; reeve makes none.
  expect(readdirSync(path).filter((name) => name.startsWith("."))).toEqual([]);
});
