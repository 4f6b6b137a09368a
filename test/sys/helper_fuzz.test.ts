import { afterAll, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import fc from "fast-check";
import { drainReports } from "../../lib/sys/reports.ts";
import { spawnChild } from "../../lib/sys/spawn.ts";
import { reap } from "../../lib/sys/reap.ts";
import { closePidfd } from "../../lib/sys/pidfd.ts";
import { stageName } from "../../lib/sys/stage.ts";
import { anySpec } from "./specs.ts";
import { until } from "./until.ts";

const NULL = openSync("/dev/null", "r");
afterAll(() => closeSync(NULL));

test("the helper takes every request that the packer makes, and says at which stage it failed", async () => {
  const stages = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(anySpec, async (random) => {
      drainReports();
      // Nothing may really be executed, and only descriptors that are open can be handed down.
      const file = "fd" in random.file
        ? { fd: NULL }
        : random.file.path.includes("/")
        ? { path: `/nonexistent${random.file.path}`, searchPath: null }
        : { path: random.file.path, searchPath: "/nonexistent" };
      const fds = new Map(
        [...random.fds].map(([target, source]) => [target, source === "null" ? source : NULL]),
      );
      const child = spawnChild({ ...random, file, fds });
      const status = await until("the helper has ended", () => reap(child.pid));
      if (child.pidfd !== null) closePidfd(child.pidfd);
      const reports = drainReports();
      expect(reports.length).toBe(1);
      expect(reports[0]).toMatchObject({ spawnId: random.spawnId, pid: child.pid });
      const stage = stageName(reports[0]!.stage);
      expect(stage).not.toBe("request");
      expect(status.kind).toBe("exited");
      stages.set(stage, (stages.get(stage) ?? 0) + 1);
    }),
    { numRuns: 300 },
  );
  expect(stages.size).toBeGreaterThan(2);
}, 60_000);
