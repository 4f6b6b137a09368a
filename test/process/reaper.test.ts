import { expect, test } from "bun:test";
import type { ExitCause } from "../../lib/sys/process_id.ts";
import { reapAll, type ReaperDeps } from "../../lib/process/reaper.ts";
import { type Owner, Registry, type SetupFailure } from "../../lib/process/registry.ts";

const FAILURE: SetupFailure = { stage: "exec", errno: 2 };

/** Zombies in the order in which the kernel hands them out, two at a time. */
function world(...zombies: (readonly [number, ExitCause])[]) {
  const told: string[] = [];
  const calls: string[] = [];
  const registry = new Registry();
  const system: ReaperDeps = {
    reapDead: () => zombies.splice(0, 2).map(([pid, cause]) => ({ pid, cause })),
    failureOf: (pid) => {
      calls.push(`failureOf ${pid}`);
      return FAILURE;
    },
    forget: (pid) => void calls.push(`forget ${pid}`),
  };
  const owner = (name: string): Owner => ({
    reaped: (pid, cause, failure) => {
      const how = cause.kind === "exited" ? cause.code : cause.kind;
      told.push(`${name} ${pid} ${how}${failure === null ? "" : ` ${failure.stage}`}`);
    },
  });
  const run = () => reapAll(system, registry, (pid) => void told.push(`stranger ${pid}`));
  return { told, calls, registry, owner, run, zombies };
}

const exited = (code: number): ExitCause => ({ kind: "exited", code });

test("one signal may stand for many deaths: all are collected, each is told to its owner", () => {
  const { registry, owner, run, told } = world([10, exited(0)], [11, exited(3)], [12, exited(0)]);
  registry.set(10, owner("a"));
  registry.set(11, owner("b"));
  expect(run()).toEqual({ strangers: 1 });
  expect(told).toEqual(["a 10 0", "b 11 3", "stranger 12"]);
  expect(registry.pids()).toEqual([]);
});

test("no death, no owner's business", () => {
  const { run, told } = world();
  expect(run()).toEqual({ strangers: 0 });
  expect(told).toEqual([]);
});

test("the reason of a failed set-up is asked for where the exit code allows for one", () => {
  const { registry, owner, run, told, calls } = world([10, exited(126)], [11, exited(124)], [12, {
    kind: "killed",
    signal: 9,
  }]);
  for (const pid of [10, 11, 12]) registry.set(pid, owner("x"));
  run();
  expect(told).toEqual(["x 10 126 exec", "x 11 124", "x 12 killed"]);
  expect(calls.filter((call) => call.startsWith("failureOf"))).toEqual(["failureOf 10"]);
});

test("the number is free before its owner hears of the death: the owner may start another process", () => {
  const { registry, run, zombies } = world([10, exited(1)]);
  const next: Owner = { reaped: () => {} };
  registry.set(10, {
    reaped: () => {
      expect(registry.has(10)).toBe(false);
      registry.set(10, next); // The kernel gave the same number again.
    },
  });
  run();
  expect(registry.get(10)).toBe(next);
  expect(zombies).toEqual([]);
});

test("the registry gives a number up only for the one who holds it", () => {
  const registry = new Registry();
  const before: Owner = { reaped: () => {} };
  const now: Owner = { reaped: () => {} };
  registry.set(10, before);
  registry.set(10, now);
  registry.delete(10, before);
  expect(registry.get(10)).toBe(now);
});

test("a number that the first owner's new process gets is not taken for one of the same batch", () => {
  const { registry, owner, run, told } = world([10, exited(1)], [11, exited(2)]);
  const next: Owner = { reaped: () => told.push("the new process") };
  registry.set(10, { reaped: () => registry.set(11, next) }); // 11 is free: the kernel may give it at once.
  registry.set(11, owner("b"));
  run();
  expect(told).toEqual(["b 11 2"]);
  expect(registry.get(11)).toBe(next);
});
