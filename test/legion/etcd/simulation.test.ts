/**
 * A whole legion in simulated time: machines as they are, an etcd that is one server which revokes leases
 * whenever it likes, a network that delays, loses and is cut, people who delete the lord's key, cores that
 * are stopped and killed, clocks that run at rates of their own, daemons that ignore their stop signal. What
 * must hold: two daemons never run at once, and after it all there is a lord again.
 */
import { expect, test } from "bun:test";

import { SimNode } from "./simulated_node.ts";
import { World } from "./simulated_world.ts";

function simulate(seed: number): World {
  const world = new World(seed);
  const count = 2 + Math.floor(world.random() * 4);
  const nodes = Array.from(
    { length: count },
    (_, index) => new SimNode(world, index, 1 + Math.floor(world.random() * 3)),
  );
  for (const node of nodes) world.at(world.random() * 500, () => node.start());
  const trouble = (): void => {
    const node = nodes[Math.floor(world.random() * nodes.length)]!;
    const lord = nodes.find((one) => one.isLord);
    const victim = lord !== undefined && world.random() < 0.6 ? lord : node;
    const kind = world.random();
    const length = 50 + world.random() * 5000;
    if (kind < 0.35) {
      victim.isCut = true;
      world.at(world.time + length, () => {
        victim.isCut = false;
      });
    } else if (kind < 0.75) {
      victim.isStopped = true;
      world.at(world.time + length, () => victim.resume());
    } else if (kind < 0.88) victim.restart();
    // An old leader of etcd that wakes up does so, and people do.
    else if (world.lord !== null) {
      if (world.random() < 0.5) world.revoke(world.lord.lease);
      else world.lord = null;
    }
    if (world.time < 60_000) world.at(world.time + world.random() * 3000, trouble);
  };
  world.at(2000, trouble);
  const looks = (): void => {
    for (const node of nodes) if (!node.isStopped) node.look();
    world.at(world.time + 200, looks);
  };
  world.at(0, looks);
  world.runUntil(70_000);
  world.isLossy = false;
  for (const node of nodes) {
    node.isCut = false;
    node.resume();
  }
  return world;
}

const SEEDS = Number(process.env["SEEDS"] ?? 500);

test(`two daemons never run at once, and there is a lord again when all is well: ${SEEDS} simulated minutes of trouble`, () => {
  let starts = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = simulate(seed);
    world.runUntil(world.time + 15_000);
    if (world.running === null) throw new Error(`seed ${seed}: no lord 15 s after the last trouble`);
    starts += world.starts;
  }
  // A simulation in which little happens would prove little.
  expect(starts).toBeGreaterThan(SEEDS * 5);
});
