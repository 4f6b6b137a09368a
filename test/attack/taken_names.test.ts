/**
 * A second instance that is given a file by which a running one is reached (pidfile, FIFO, socket): it is
 * refused, and named who has it. What names nobody that runs, or was put there by a stranger, is no reason to
 * refuse a start.
 */
import { expect } from "bun:test";
import { chownSync, utimesSync, writeFileSync } from "node:fs";
import type { Scope } from "../e2e/harness.ts";
import { check, reeve, root } from "../e2e/need.ts";
import { until } from "../e2e/wait.ts";

const ownRun = (scope: Scope, name: string): readonly string[] => [`run-dir = ${scope.path(`run-${name}`)}`];

const FILES = {
  "pidfile": "pidfile",
  "pidfile2": "pidfile",
  "safe-pidfile": "pidfile",
  "master-fifo": "master-fifo",
  "stats": "stats socket",
  "setns-socket": "setns-socket",
} as const;

for (const [option, what] of Object.entries(FILES)) {
  check(`a second instance with the ${option} of a running one is refused, and the first goes on`, [
    reeve,
    ...(option === "setns-socket" ? [root] : []),
  ], async (scope) => {
    const path = scope.path("shared");
    const config = (name: string): string =>
      scope.config(
        [`${option} = ${path}`, ...ownRun(scope, name), "attach-daemon = sleep 78431"],
        `${name}.ini`,
      );
    const first = scope.reeve(config("a"));
    await first.untilLog(/reeve is up/);
    const second = await scope.reeve(config("b")).untilExit();
    expect(second.code).toBe(1);
    expect(second.output).toContain(`"${path}" is the ${what} of the running reeve ${first.id.pid} (`);
    expect(second.output).not.toContain("spawning");
    first.signal("SIGHUP");
    await first.untilLog(/reeve is back/);
    if (what === "pidfile") expect(scope.read("shared")).toBe(`${first.id.pid}\n`);
    // Its own former one: the same again, after the first is gone without a chance to tidy up.
    await first.kill();
    const third = scope.reeve(config("b"));
    await third.untilLog(/reeve is up/);
    expect((await third.stop()).code).toBe(0);
  });
}

check(
  "a pidfile with the pid of another reeve that is older than it, or of a stranger's hand, is written over",
  [reeve, root],
  async (scope) => {
    const other = scope.reeve(
      scope.config([...ownRun(scope, "other"), "attach-daemon = sleep 78432"], "other.ini"),
    );
    await other.untilLog(/reeve is up/);
    const path = scope.path("mine.pid");
    const config = scope.config([`pidfile = ${path}`, "attach-daemon = sleep 78433"], "mine.ini");
    const plant: readonly (() => void)[] = [
      () => utimesSync(path, 1, 1),
      () => chownSync(path, 65534, 65534),
    ];
    for (const change of plant) {
      writeFileSync(path, `${other.id.pid}\n`);
      change();
      const mine = scope.reeve(config);
      await mine.untilLog(/reeve is up/);
      await until("its pid is there", () => scope.read("mine.pid") === `${mine.id.pid}\n`);
      expect((await mine.stop()).code).toBe(0);
    }
    expect((await other.stop()).code).toBe(0);
  },
);
