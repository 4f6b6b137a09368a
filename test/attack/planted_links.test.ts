/**
 * Links that another user planted on the way to a file that reeve writes as root.
 */
import { expect } from "bun:test";
import { existsSync, lchownSync, readdirSync, symlinkSync } from "node:fs";
import { check, reeve, root } from "../e2e/need.ts";
import { until } from "../e2e/wait.ts";

check("a smart2 pidfile through a link of another user: nothing is written there, nothing is started", [
  reeve,
  root,
], async (scope) => {
  const target = scope.directoryFor("target");
  scope.directoryFor("shared", 0o1777);
  symlinkSync(target, scope.path("shared", "app"));
  lchownSync(scope.path("shared", "app"), 54327, 54327);
  const pidfile = scope.path("shared", "app", "daemon.pid");
  const supervisor = scope.reeve(scope.config([`smart-attach-daemon2 = ${pidfile} sleep 78601`]));
  await supervisor.untilLog(/cannot write pidfile[^\n]*symbolic link[^\n]*54327/);
  expect(readdirSync(target)).toEqual([]);
  expect(scope.matching(/^sleep 78601/)).toEqual([]);
  expect((await supervisor.stop()).code).toBe(0);
});

check(
  "a smart2 pidfile through a link of root is written where the link leads",
  [reeve, root],
  async (scope) => {
    const target = scope.directoryFor("target");
    symlinkSync(target, scope.path("link"));
    const supervisor = scope.reeve(
      scope.config([`smart-attach-daemon2 = ${scope.path("link", "daemon.pid")} sleep 78602`]),
    );
    await scope.untilOne(/^sleep 78602/);
    await until("the pidfile is where the link leads", () => existsSync(`${target}/daemon.pid`));
    expect((await supervisor.stop()).code).toBe(0);
  },
);
