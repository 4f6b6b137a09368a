/** A node that becomes the lord and is it, event by event. */
import { describe, expect, test } from "bun:test";
import type { EtcdEffect, Tenure } from "../../../lib/legion/etcd/state.ts";
import { OTHER, Scene, SELF, TTL } from "./machine_scene.ts";

/** 10 s less its margin of 5 %. */
const USABLE = 9500;

const RENEW: EtcdEffect = { do: "renew", lease: "7", token: null };

const WRITE: EtcdEffect = { do: "renew", lease: "7", token: "42" };

const GIVE_BACK: EtcdEffect = { do: "leave", lease: "7", tenure: null };

describe("becoming lord", () => {
  test("the guard holds the deadline before anybody is told of the lordship", () => {
    const scene = new Scene().stand();
    scene.send(scene.directory(null));
    scene.time += 300;
    expect(scene.send({ type: "claimDue" })).toEqual([{ do: "claim", lease: "7" }]);
    expect(scene.send({ type: "claimed", token: "42" })).toEqual([RENEW]);
    scene.time += 20;
    scene.send(scene.directory(scene.own()));
    expect(scene.renewed(null)).toEqual([WRITE]);
    const sentAt = scene.time;
    scene.time += 20;
    expect(scene.renewed("50", sentAt)).toEqual([{ do: "arm", deadline: sentAt + USABLE }]);
    expect(scene.send({ type: "armed" })).toEqual([{ do: "choose", token: "42" }]);
  });

  test("what was read before the claim does not count", () => {
    const scene = new Scene().stand();
    scene.send(scene.directory(null));
    scene.time += 300;
    expect(scene.send({ type: "renewDue" })).toEqual([RENEW]);
    scene.send({ type: "claimDue" });
    expect(scene.send({ type: "claimed", token: "42" })).toEqual([]); // one is under way
    expect(scene.renewed(null)).toEqual([RENEW]);
    expect(scene.role).toBe("succeeding");
  });

  test("an unfinished tenure of another is waited for, from when it was first seen as it stands", () => {
    const scene = new Scene().stand();
    scene.send(scene.stands(OTHER, { revision: "30", ttl: 6000, released: false }));
    scene.time += 1000;
    const last: Tenure = { revision: "31", ttl: 6000, released: false };
    const seen = scene.time;
    scene.send(scene.stands(OTHER, last));
    scene.time += 2000;
    scene.send(scene.stands(null, last));
    scene.send({ type: "claimDue" });
    scene.send({ type: "claimed", token: "42" });
    const effects = scene.all(scene.stands(scene.own(), last));
    expect(Scene.timer(effects, "succeed")).toBe(seen + 6000 - scene.time);
    expect(scene.renewed(null)).toEqual([]);
    scene.time = seen + 5999;
    expect(scene.send({ type: "successionDue" })).toEqual([]);
    scene.time = seen + 6000;
    expect(scene.send({ type: "successionDue" })).toEqual([WRITE]);
  });

  test("one that changes once more is waited for anew; one that is released is not", () => {
    const scene = new Scene().claim({ revision: "31", ttl: 6000, released: false });
    scene.time += 100;
    const late = scene.all(scene.stands(scene.own(), { revision: "32", ttl: 6000, released: false }));
    expect(Scene.timer(late, "succeed")).toBe(6000);
    scene.renewed(null);
    expect(scene.send(scene.stands(scene.own(), { revision: "33", ttl: 0, released: true }))).toEqual([
      WRITE,
    ]);
  });

  test("a claim whose answer was lost is found in what stands there", () => {
    const scene = new Scene().stand();
    scene.send(scene.directory(null));
    scene.time += 300;
    scene.send({ type: "claimDue" });
    scene.send({ type: "claimFailed", text: "no answer" });
    expect(scene.send(scene.directory(scene.own("43")))).toEqual([RENEW]);
    expect(scene.role).toBe("succeeding");
  });

  test("a key of an earlier life, with our uuid and another lease, is somebody else's", () => {
    const scene = new Scene().stand();
    expect(scene.send(scene.directory({ ...scene.own(), lease: "6" }))).toEqual([]);
    expect(scene.role).toBe("candidate");
  });

  test("the key is taken away while we wait, or before the guard is up: no lordship", () => {
    const waiting = new Scene().claim();
    expect(waiting.send(waiting.directory(OTHER))).toEqual([GIVE_BACK]);
    const arming = new Scene().claim();
    arming.send(arming.directory(arming.own()));
    arming.renewed(null);
    arming.renewed("50");
    expect(arming.send(arming.directory(OTHER))).toEqual([{ do: "disarm" }, {
      do: "leave",
      lease: "7",
      tenure: "50",
    }]);
    expect(arming.send({ type: "armed" })).toEqual([]);
  });

  test("no guard, no lordship: another node gets its turn", () => {
    const scene = new Scene().claim();
    scene.send(scene.directory(scene.own()));
    scene.renewed(null);
    scene.renewed("50");
    expect(scene.send({ type: "guardEnded", text: "EPERM" })).toEqual([{
      do: "leave",
      lease: "7",
      tenure: "50",
    }]);
    expect(Scene.timer(scene.all({ type: "left" }), "retry")).toBe(30_000);
  });

  test("told to leave while it waits for its turn, it leaves the other's tenure alone", () => {
    const scene = new Scene().claim({ revision: "31", ttl: 6000, released: false });
    expect(scene.send({ type: "leaveAsked" })).toEqual([GIVE_BACK]);
  });
});

describe("being lord", () => {
  test("each renewal writes the tenure, and moves the deadline on from before it was sent", () => {
    const scene = new Scene().rule();
    scene.time += 3000;
    const sentAt = scene.time;
    expect(scene.send({ type: "renewDue" })).toEqual([WRITE]);
    scene.time += 700;
    expect(scene.renewed("51", sentAt)).toEqual([{ do: "push", deadline: sentAt + USABLE }]);
  });

  test("a lease that was renewed without the tenure moves nothing", () => {
    const scene = new Scene().rule();
    scene.time += 3000;
    expect(scene.renewed(null)).toEqual([]);
  });

  test("etcd does not answer: tried again at once, and given up a grace before the deadline", () => {
    const scene = new Scene().rule();
    const sentAt = scene.time;
    const set = scene.all({ type: "renewed", grant: { sentAt, ttl: TTL }, tenure: "51" });
    expect(Scene.timer(set, "stepDown")).toBe(USABLE - 2000);
    scene.time += 3500;
    const failed = scene.all({ type: "renewFailed", text: "no answer", gone: false });
    expect(Scene.timer(failed, "renew")).toBe(100);
    scene.time = sentAt + USABLE - 2000;
    const effects = scene.send({ type: "stepDownDue" });
    expect(effects).toMatchObject([{ do: "hush" }, { do: "depose" }]);
    expect(scene.role).toBe("vacating");
  });

  test("a grace longer than a third of the lease is cut to that", () => {
    const scene = new Scene(SELF, 60_000).rule();
    const effects = scene.all({ type: "renewed", grant: { sentAt: scene.time, ttl: TTL }, tenure: "51" });
    expect(Scene.timer(effects, "stepDown")).toBeCloseTo(USABLE - TTL / 3, 5);
  });

  test("the key or the lease is taken away: the daemons are asked to stop, and have until the deadline that stands", () => {
    const taken = new Scene().rule();
    expect(taken.send(taken.directory(OTHER))).toMatchObject([{ do: "hush" }, { do: "depose" }]);
    expect(taken.renewed(null)).toEqual([]);
    const expired = new Scene().rule();
    expect(expired.send({ type: "renewFailed", text: "expired", gone: true })).toMatchObject([
      { do: "hush" },
      { do: "depose" },
    ]);
    expect(expired.send({ type: "renewDue" })).toEqual([]);
    // What nothing runs under any more is given back all the same: others wait for it.
    expired.send({ type: "vacated" });
    expect(expired.send({ type: "disarmed" })).toEqual([{ do: "leave", lease: null, tenure: "50" }]);
  });

  test("the guard ended: no lord any more", () => {
    const scene = new Scene().rule();
    expect(scene.send({ type: "guardEnded", text: "the guard ended" })).toMatchObject([{ do: "hush" }, {
      do: "depose",
    }]);
  });

  test("tenure and lease are given back only when nothing is left, and kept until then", () => {
    const scene = new Scene().rule();
    scene.send({ type: "stepDownDue" });
    expect(scene.send({ type: "renewDue" })).toEqual([WRITE]);
    expect(scene.renewed("52")).toMatchObject([{ do: "push" }]);
    expect(scene.send({ type: "vacated" })).toEqual([{ do: "disarm" }]);
    expect(scene.send({ type: "renewDue" })).toEqual([RENEW]);
    expect(scene.renewed(null)).toEqual([]);
    expect(scene.send({ type: "disarmed" })).toEqual([{ do: "leave", lease: "7", tenure: "52" }]);
    expect(scene.send({ type: "left" })).toEqual([{ do: "join" }]);
  });

  test("its own tenure, which nothing runs under any more, is not waited for", () => {
    const scene = new Scene().rule();
    scene.send({ type: "stepDownDue" });
    scene.send({ type: "vacated" });
    scene.send({ type: "disarmed" });
    scene.send({ type: "left" });
    scene.claim({ revision: "50", ttl: TTL, released: false });
    expect(scene.send(scene.stands(scene.own(), { revision: "50", ttl: TTL, released: false }))).toEqual([]);
    expect(scene.renewed(null)).toEqual([WRITE]);
  });

  test("told to leave, the lordship lasts until the daemons are down", () => {
    const scene = new Scene().rule();
    expect(scene.send({ type: "leaveAsked" })).toEqual([{ do: "hush" }]);
    expect(scene.renewed("52")).toMatchObject([{ do: "push" }]);
    expect(scene.send({ type: "closeAsked" })).toEqual([{ do: "disarm" }]);
    expect(scene.send({ type: "disarmed" })).toEqual([{ do: "leave", lease: "7", tenure: "52" }]);
    expect(scene.send({ type: "left" })).toEqual([{ do: "closed" }]);
  });

  test("what was killed and hangs in the kernel: the lordship is kept, and nothing is given back at the end either", () => {
    const scene = new Scene().rule();
    scene.send({ type: "stepDownDue" });
    scene.send({ type: "vacated" });
    scene.time += 2000;
    expect(scene.all({ type: "disarmOverdue" })).toMatchObject([{ do: "log", level: "error" }]);
    expect(scene.send({ type: "renewDue" })).toEqual([RENEW]);
    expect(Scene.timer(scene.all({ type: "closeAsked" }), "disarm")).toBe(2000);
    expect(scene.send({ type: "disarmOverdue" })).toEqual([{ do: "closed" }]);
  });

  test("a lord hook failed: out of it for as long as was said", () => {
    const scene = new Scene().rule();
    expect(scene.send({ type: "declined", seconds: 5 })).toEqual([{ do: "disarm" }]);
    expect(scene.send({ type: "disarmed" })).toEqual([{ do: "leave", lease: "7", tenure: "50" }]);
    expect(Scene.timer(scene.all({ type: "left" }), "retry")).toBe(5000);
    scene.time += 5000;
    expect(scene.send({ type: "retryDue" })).toEqual([{ do: "join" }]);
  });

  test("etcd stays away after the lease: tried less and less often", () => {
    const scene = new Scene().rule();
    scene.time += USABLE + 1;
    const waits: (number | null)[] = [];
    for (let i = 0; i < 3; i++) {
      const failed = scene.all({ type: "renewFailed", text: "no answer", gone: false });
      waits.push(Scene.timer(failed, "renew"));
      scene.send({ type: "renewDue" });
    }
    expect(waits).toEqual([250, 500, 1000]);
  });
});
