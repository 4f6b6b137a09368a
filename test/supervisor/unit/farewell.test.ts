/** What is said of those that a stop leaves running, or waits for. */
import { expect, test } from "bun:test";
import type { DaemonPlan } from "../../../lib/config/plan/daemon_plan.ts";
import { OPEN } from "../../../lib/daemon/gates.ts";
import { Farewell } from "../../../lib/supervisor/unit/farewell.ts";
import { DaemonUnit } from "../../../lib/supervisor/unit/unit.ts";
import { DUMB_PLAN, SMART2_PLAN } from "../../support/plans.ts";
import { UnitWorld } from "./world.ts";

function scene() {
  const world = new UnitWorld();
  const lines: string[] = [];
  const farewell = new Farewell({
    logger: {
      info: (name, text, fields) =>
        void lines.push(`${name ?? "reeve"}: ${text}${fields === undefined ? "" : ` (${fields["pid"]})`}`),
    },
    timers: world.timers,
    now: () => world.timers.now,
  });
  const unit = (plan: DaemonPlan): DaemonUnit => {
    const one = new DaemonUnit({ plan }, world, world);
    one.start(OPEN);
    world.settle();
    return one;
  };
  return { world, lines, farewell, unit };
}

test("each smart daemon that runs on is named with its pid, and no other", () => {
  const { lines, farewell, unit } = scene();
  const units = [
    unit({ ...DUMB_PLAN, name: "dumb" }),
    unit({ ...SMART2_PLAN, name: "smart" }),
    unit({ ...SMART2_PLAN, name: "of a legion", legion: "blue" }),
  ];
  const held = unit({ ...SMART2_PLAN, name: "held" });
  held.setGates({ ...OPEN, person: "closed" });
  farewell.sayWhoLivesOn([...units, held]);
  const pid = units[1]?.status.main?.pid;
  expect(lines).toEqual([`smart: lives on without reeve, which knows it again at the next start (${pid})`]);
});

test("of a crowd ten are named, and the others counted", () => {
  const { lines, farewell, unit } = scene();
  farewell.sayWhoLivesOn(
    Array.from({ length: 25 }, (_, index) => unit({ ...SMART2_PLAN, name: `d${index}` })),
  );
  expect(lines).toHaveLength(11);
  expect(lines.at(-1)).toBe("reeve: 15 more live on without reeve");
});

test("a stop that takes its time says for whom it waits and since when, less often the longer it lasts", () => {
  const { world, lines, farewell, unit } = scene();
  world.obedient = false;
  const slow = unit({ ...DUMB_PLAN, name: "slow", stopTimeout: 60 });
  slow.setGates({ ...OPEN, shutdown: "stop" });
  world.settle();
  farewell.begin(() => [slow]);
  world.advance(1999);
  expect(lines).toEqual([]);
  world.advance(1);
  const pid = slow.status.main?.pid;
  expect(lines).toEqual([
    `slow: still waits for its end, 2 s after the stop began: it is killed after 60 s (${pid})`,
  ]);
  world.advance(28_000);
  expect(lines).toHaveLength(4);
  farewell.end();
  world.advance(60_000);
  expect(lines).toHaveLength(4);
});
