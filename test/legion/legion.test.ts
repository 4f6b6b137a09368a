import { describe, expect, test } from "bun:test";
import { OTHER, SELF, started, TERM } from "./legion_scene.ts";

describe("a node that is chosen", () => {
  test("runs the lord hooks in order, confirms, and then lets its daemons run", async () => {
    const world = await started([["lord", "cmd:a"], ["unlord", "cmd:x"], ["lord", "log:hi"], [
      "lord",
      "signal:web",
    ], ["lord", "exec:b"]]);
    world.legion.chosen(TERM);
    await world.settle();
    expect(world.take()).toEqual(["run a", "signal web 10", "run b", "confirm", "daemons up"]);
    expect(world.logs).toContain("(phase: lord legion: blue) hi");
    expect(world.legion.isLord).toBe(true);
  });

  test("runs no daemon while a lord hook runs", async () => {
    const world = await started([["lord", "cmd:slow"]]);
    world.automatic = false;
    world.legion.chosen(TERM);
    await world.settle();
    expect(world.take()).toEqual(["run slow"]);
    expect(world.legion.isLord).toBe(false);
    await world.end();
    expect(world.take()).toEqual(["confirm", "daemons up"]);
  });

  test("and deposed while a lord hook runs never lets them run, and undoes what the hooks did", async () => {
    const world = await started([["lord", "cmd:slow"], ["lord", "cmd:never"], ["unlord", "cmd:undo"]]);
    world.automatic = false;
    world.legion.chosen(TERM);
    await world.settle();
    world.legion.deposed("quorum");
    await world.settle();
    expect(world.take()).toEqual(["run slow"]);
    await world.end();
    expect(world.take()).toEqual(["run undo"]);
    await world.end();
    expect(world.take()).toEqual(["vacated"]);
  });

  test("and slept for too long is not the lord any more, though nobody has said so yet", async () => {
    const world = await started([["unlord", "cmd:undo"]]);
    world.legion.chosen(TERM);
    await world.settle();
    expect(world.legion.lordship).not.toBeNull();
    world.take();
    world.hasLapsed = true;
    expect(world.legion.isLord).toBe(false);
    expect(world.legion.lordship).toBeNull();
    world.legion.deposed("quorum");
    await world.settle();
    expect(world.take()).toEqual(["daemons down", "run undo"]);
  });

  test("and slept while a lord hook ran lets no daemon run when that is done", async () => {
    const world = await started([["lord", "cmd:slow"], ["lord", "cmd:never"], ["unlord", "cmd:undo"]]);
    world.automatic = false;
    world.legion.chosen(TERM);
    await world.settle();
    world.hasLapsed = true;
    await world.end();
    expect(world.take()).toEqual(["run slow"]);
    world.legion.deposed("quorum");
    await world.settle();
    expect(world.running).toEqual(["undo"]);
  });

  test("and deposed before its hooks began runs none of them", async () => {
    const world = await started([["join", "cmd:slow"], ["lord", "cmd:never"], ["unlord", "cmd:never"]]);
    world.automatic = false;
    world.legion.joined();
    world.legion.chosen(TERM);
    world.legion.deposed("quorum");
    await world.settle();
    await world.end();
    expect(world.take()).toEqual(["run slow", "vacated"]);
  });

  test("stays lord when a lord hook fails, unless the configuration says otherwise", async () => {
    const world = await started([["lord", "cmd:false"], ["lord", "cmd:b"]]);
    world.legion.chosen(TERM);
    await world.settle();
    expect(world.take()).toEqual(["run false", "run b", "confirm", "daemons up"]);
    expect(world.logs).toContain('lord hook "cmd:false" of legion "blue" failed: code 1');

    const strict = await started([["lord", "cmd:false"], ["lord", "cmd:never"], ["unlord", "cmd:undo"]], {
      deathOnLordError: 9,
    });
    strict.legion.chosen(TERM);
    await strict.settle();
    expect(strict.take()).toEqual(["run false", "decline 9"]);
    strict.legion.deposed("a lord hook failed");
    await strict.settle();
    expect(strict.take()).toEqual(["run undo", "vacated"]);
  });

  test("tells hooks and daemons who they run for", async () => {
    const world = await started([["lord", "cmd:a"], ["unlord", "cmd:b"], ["node-joined", "cmd:c"]]);
    world.legion.chosen({ number: 17, token: "99" });
    await world.settle();
    const common = { REEVE_LEGION: "blue", REEVE_LEGION_VALOR: "7", REEVE_LEGION_UUID: SELF.uuid };
    const term = { REEVE_LEGION_TERM: "17", REEVE_LEGION_TOKEN: "99" };
    expect(Object.fromEntries(world.legion.variables.map(({ name, value }) => [name, value]))).toEqual({
      ...common,
      ...term,
    });
    world.legion.deposed("x");
    world.legion.nodeJoined(OTHER);
    await world.settle();
    expect(world.environments).toContainEqual({ ...common, ...term, REEVE_LEGION_EVENT: "lord" });
    expect(world.environments).toContainEqual({ ...common, ...term, REEVE_LEGION_EVENT: "unlord" });
    expect(world.environments).toContainEqual({
      ...common,
      REEVE_LEGION_EVENT: "node-joined",
      REEVE_LEGION_NODE: "node2",
      REEVE_LEGION_NODE_VALOR: "5",
      REEVE_LEGION_NODE_UUID: OTHER.uuid,
    });
  });
});
