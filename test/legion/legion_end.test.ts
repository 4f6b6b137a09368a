/** How a lordship and a legion end, and the order of their hooks. */
import { describe, expect, test } from "bun:test";
import { OTHER, plan, started, TERM, World } from "./legion_scene.ts";

describe("a lord that is deposed", () => {
  test("stops its daemons at once, and is rid of the lordship when they and the hooks are done", async () => {
    const world = await started([["unlord", "cmd:slow"]]);
    world.legion.chosen(TERM);
    await world.settle();
    world.take();
    world.automatic = false;
    world.legion.deposed("quorum");
    expect(world.take()).toEqual(["daemons down"]);
    await world.settle();
    expect(world.take()).toEqual(["run slow"]);
    await world.end();
    expect(world.take()).toEqual([]);
    world.legion.daemonDown();
    expect(world.take()).toEqual([]);
    world.daemonsDown = true;
    world.legion.daemonDown();
    expect(world.take()).toEqual(["vacated"]);
    world.legion.daemonDown();
    expect(world.take()).toEqual([]);
  });

  test("and chosen again waits for its unlord hooks", async () => {
    const world = await started([["unlord", "cmd:slow"], ["lord", "cmd:a"]]);
    world.legion.chosen(TERM);
    await world.settle();
    world.automatic = false;
    world.legion.deposed("quorum");
    await world.settle();
    world.legion.chosen({ number: 2, token: null });
    await world.settle();
    world.take();
    await world.end();
    expect(world.take()).toEqual(["run a"]);
    await world.end();
    expect(world.take()).toEqual(["confirm", "daemons up"]);
  });
});

describe("at the end", () => {
  test("death is announced first, and the death hooks run when the daemons are down, unlord's do not", async () => {
    const world = await started([["unlord", "cmd:u"], ["death", "cmd:d"]]);
    world.legion.chosen(TERM);
    await world.settle();
    world.take();
    world.legion.leave();
    world.legion.deposed("reeve ends");
    await world.settle();
    expect(world.take()).toEqual(["leave", "daemons down"]);
    world.daemonsDown = true;
    world.legion.daemonDown();
    await world.legion.close(true);
    expect(world.take()).toEqual(["run d", "vacated", "close"]);
  });

  test("a reload gives back what the lord hooks took, and runs no death hooks", async () => {
    const world = await started([["lord", "cmd:l"], ["unlord", "cmd:u"], ["death", "cmd:d"]]);
    world.legion.chosen(TERM);
    await world.settle();
    world.take();
    world.legion.leave();
    world.legion.deposed("reeve reloads");
    await world.legion.close(false);
    expect(world.take()).toEqual(["leave", "daemons down", "run u", "vacated", "close"]);
  });

  test("a lordship that is won too late is not taken", async () => {
    const world = await started([["lord", "cmd:l"]]);
    world.legion.leave();
    world.legion.chosen(TERM);
    await world.settle();
    expect(world.take()).toEqual(["leave"]);
  });

  test("hooks that hang are called off", async () => {
    const world = await started([["death", "cmd:hangs"]]);
    world.automatic = false;
    world.legion.leave();
    const closed = world.legion.close(true);
    await world.settle();
    expect(world.running).toEqual(["hangs"]);
    world.legion.callOffHooks();
    await closed;
    expect(world.take()).toEqual(["leave", "run hangs", "vacated", "close"]);
  });
});

describe("hooks", () => {
  test("that hang are killed after their time", async () => {
    const world = await started([["lord", "cmd:hangs"]], { hookTimeout: 0.01 });
    world.automatic = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    world.confirm = resolve;
    world.legion.chosen(TERM);
    await promise;
    expect(world.logs).toContain(
      'lord hook "cmd:hangs" of legion "blue" failed: it took longer than 0.01 s and was killed',
    );
  });

  test("about other nodes hold up no lordship", async () => {
    const world = await started([["node-left", "cmd:mail"], ["lord", "cmd:a"]]);
    world.automatic = false;
    world.legion.nodeLeft(OTHER, false);
    await world.settle();
    expect(world.take()).toEqual(["run mail"]);
    world.automatic = true;
    world.legion.chosen(TERM);
    await world.settle();
    expect(world.take()).toEqual(["run a", "confirm", "daemons up"]);
  });

  test("about other nodes are left out when thousands come and go, and that is said", async () => {
    const world = await started([["node-joined", "cmd:mail"]]);
    world.automatic = false;
    for (let count = 0; count < 10_000; count++) world.legion.nodeJoined(OTHER);
    await world.settle();
    world.automatic = true;
    await world.end();
    await Bun.sleep(0);
    await world.settle();
    expect(world.take()).toHaveLength(64);
    expect(world.logs).toContain(
      '9936 hooks of legion "blue" were left out: nodes come and go faster than they run',
    );
  });

  test("of setup come before those of a lordship, and a node that said it dies has none", async () => {
    const world = new World(plan([["setup", "cmd:s"], ["lord", "cmd:l"], ["node-left", "cmd:never"]]));
    world.automatic = false;
    await world.legion.start();
    world.legion.chosen(TERM);
    world.legion.nodeLeft(OTHER, true);
    await world.settle();
    expect(world.running).toEqual(["s"]);
    await world.end();
    expect(world.running).toEqual(["l"]);
  });
});
