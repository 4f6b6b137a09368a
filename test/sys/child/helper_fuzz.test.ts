import { afterAll, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import fc from "fast-check";
import { drainReports } from "../../../lib/sys/child/reports.ts";
import { spawnChild } from "../../../lib/sys/child/spawn.ts";
import { reap } from "../../../lib/sys/process/reap.ts";
import { closePidfd } from "../../../lib/sys/process/pidfd.ts";
import { stageName } from "../../../lib/sys/child/stage.ts";
import { PLAIN } from "./plain.ts";
import { Scratch } from "../file/scratch.ts";
import { anyConfinement, anySpec } from "./specs.ts";
import { needsRoot, testUnless } from "../../native/build.ts";
import { hostMounts } from "../../native/host_mounts.ts";
import { until } from "../until.ts";

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

testUnless(
  needsRoot(),
  "the helper takes every confinement that the packer makes, and the host sees nothing of it",
  async () => {
    using scratch = new Scratch();
    const before = hostMounts(scratch.path);
    const stages = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        anyConfinement,
        fc.constantFrom("pivot" as const, "chroot" as const),
        async (random, how) => {
          drainReports();
          // Beneath a root of its own: what it creates is in there.
          const confinement = { ...random, join: [], readyFd: null, root: { path: scratch.path, how } };
          const child = spawnChild({
            ...PLAIN,
            file: { path: "/nonexistent", searchPath: null },
            confinement,
          });
          await until("the helper has ended", () => reap(child.pid));
          if (child.pidfd !== null) closePidfd(child.pidfd);
          const [report] = drainReports();
          const stage = stageName(report!.stage);
          expect(stage).not.toBe("request");
          stages.set(stage, (stages.get(stage) ?? 0) + 1);
        },
      ),
      { numRuns: 300 },
    );
    expect(hostMounts(scratch.path)).toEqual(before);
    expect([...stages.keys()].sort()).toEqual(expect.arrayContaining(["exec", "mount"]));
  },
);
