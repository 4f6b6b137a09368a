/**
 * One node in a legion that etcd decides: events by hand, a clock by hand, and the effects that come of it.
 */
import { describe, expect, test } from "bun:test";
import type { NodeId } from "../../../lib/legion/election/announcement.ts";
import { node, OTHER, Scene, TTL } from "./machine_scene.ts";

describe("standing", () => {
  test("etcd away at start is said once, and tried again less and less often", () => {
    const scene = new Scene();
    expect(scene.send({ type: "wanted" })).toEqual([{ do: "join" }]);
    const waits: (number | null)[] = [];
    let lines = 0;
    for (let i = 0; i < 8; i++) {
      const effects = scene.all({ type: "joinFailed", text: "waiting for etcd: refused" });
      lines += effects.filter(({ do: what }) => what === "log").length;
      waits.push(Scene.timer(effects, "retry"));
      expect(scene.send({ type: "retryDue" })).toEqual([{ do: "join" }]);
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
    expect(lines).toBe(1);
  });

  test("a lease is renewed when a third of it is over, counted from before it was asked for", () => {
    const scene = new Scene();
    scene.send({ type: "wanted" });
    const lease = scene.lease();
    scene.time += 100;
    expect(Scene.timer(scene.all({ type: "joined", lease }), "renew")).toBeCloseTo(TTL / 3 - 100, 5);
  });

  test("an arbiter never claims", () => {
    const scene = new Scene(node(5, 0)).stand();
    expect(Scene.timer(scene.all(scene.directory(null)), "claim")).toBeNull();
  });

  test("the best candidate claims first, each other a step later for every better one", () => {
    const wait = (...others: NodeId[]): number | null => {
      const scene = new Scene().stand();
      scene.time += 1000;
      scene.send(scene.directory(OTHER, ...others));
      return Scene.timer(scene.all(scene.directory(null, ...others)), "claim");
    };
    expect(wait()).toBe(0);
    expect(wait(node(1, 9))).toBe(0);
    expect(wait(node(9, 0))).toBe(0);
    expect(wait(node(1, 11))).toBe(300);
    expect(wait(node(4, 10))).toBe(0);
    expect(wait(node(6, 10))).toBe(300);
    expect(wait(node(6, 10), node(7, 12))).toBe(600);
  });

  test("nobody claims while there is a lord", () => {
    const scene = new Scene().stand();
    scene.send(scene.directory(null));
    scene.send(scene.directory(OTHER));
    expect(scene.send({ type: "claimDue" })).toEqual([]);
    expect(scene.role).toBe("candidate");
  });

  test("a lease that is gone is not mourned: a new one is asked for", () => {
    const scene = new Scene().stand();
    expect(scene.send({ type: "renewFailed", text: "expired", gone: true })).toEqual([{ do: "join" }]);
    expect(scene.role).toBe("joining");
  });

  test("a lord's key that has no lease would stand for ever: that is said once", () => {
    const scene = new Scene().stand();
    const lines = [1, 2, 3].flatMap(() => scene.all(scene.directory({ ...OTHER, lease: "0" })));
    expect(lines.filter(({ do: what }) => what === "log")).toHaveLength(1);
  });

  test("told to leave, the lease is given back and nothing more is done", () => {
    const scene = new Scene().stand();
    expect(scene.send({ type: "leaveAsked" })).toEqual([{ do: "leave", lease: "7", tenure: null }]);
    expect(scene.send({ type: "left" })).toEqual([]);
    expect(scene.send({ type: "closeAsked" })).toEqual([{ do: "closed" }]);
  });
});
