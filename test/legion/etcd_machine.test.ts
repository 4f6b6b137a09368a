/** One node in a legion that etcd decides: events by hand, a clock by hand, and the effects that come of it. */
import { describe, expect, test } from "bun:test";
import { EtcdMachine } from "../../lib/legion/etcd_machine.ts";
import type { Directory, EtcdEffect, EtcdEvent, Lease, LordKey } from "../../lib/legion/etcd_state.ts";
import type { NodeId } from "../../lib/legion/announcement.ts";

const uuid = (digit: number): string => `${digit}`.repeat(36);
const SELF: NodeId = { uuid: uuid(5), name: "self", valor: 10 };
const TTL = 10_000;
/** 10 s less its margin of 5 %. */
const USABLE = 9500;

function node(digit: number, valor: number): NodeId {
  return { uuid: uuid(digit), name: `node${digit}`, valor };
}

class Scene {
  readonly machine: EtcdMachine;
  time = 1000;

  constructor(self: NodeId = SELF, grace = 2000) {
    this.machine = new EtcdMachine({ self, grace });
  }

  get role(): string {
    return this.machine.status.role;
  }

  /** What an event leads to, without the timers. */
  send(event: EtcdEvent): EtcdEffect[] {
    return this.all(event).filter((effect) => !["setTimer", "clearTimer", "log"].includes(effect.do));
  }

  all(event: EtcdEvent): readonly EtcdEffect[] {
    return this.machine.handle(event, this.time);
  }

  lease(id = "7"): Lease {
    return { id, sentAt: this.time, ttl: TTL };
  }

  directory(lord: LordKey | null, ...others: NodeId[]): EtcdEvent {
    const directory: Directory = { lord, candidates: [this.machine.settings.self, ...others] };
    return { type: "directoryRead", directory };
  }

  own(token = "42"): LordKey {
    return { ...this.machine.settings.self, since: 0, lease: "7", token };
  }

  stand(): this {
    this.send({ type: "wanted" });
    this.send({ type: "joined", lease: this.lease() });
    return this;
  }

  rule(): this {
    this.stand();
    this.send(this.directory(null));
    this.time += 300;
    this.send({ type: "claimDue" });
    this.send({ type: "claimed", token: "42" });
    this.renewed();
    this.send({ type: "armed" });
    return this;
  }

  renewed(): EtcdEffect[] {
    return this.send({ type: "renewed", grant: { sentAt: this.time, ttl: TTL } });
  }

  /** Milliseconds until `timer` by the last effect that set it, of `effects`. */
  static timer(effects: readonly EtcdEffect[], timer: string): number | null {
    const set = effects.findLast((effect) => effect.do === "setTimer" && effect.timer === timer);
    return set?.do === "setTimer" ? set.ms : null;
  }
}

const OTHER: LordKey = { ...node(9, 20), since: 0, lease: "99", token: "30" };

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
    expect(scene.send({ type: "leaveAsked" })).toEqual([{ do: "leave", lease: "7" }]);
    expect(scene.send({ type: "left" })).toEqual([]);
    expect(scene.send({ type: "closeAsked" })).toEqual([{ do: "closed" }]);
  });
});

describe("becoming lord", () => {
  test("the guard holds the deadline before anybody is told of the lordship", () => {
    const scene = new Scene().stand();
    scene.send(scene.directory(null));
    scene.time += 300;
    expect(scene.send({ type: "claimDue" })).toEqual([{ do: "claim", lease: "7" }]);
    expect(scene.send({ type: "claimed", token: "42" })).toEqual([{ do: "renew", lease: "7" }]);
    const sentAt = scene.time;
    scene.time += 20;
    expect(scene.send(scene.directory(scene.own()))).toEqual([]);
    expect(scene.send({ type: "renewed", grant: { sentAt, ttl: TTL } })).toEqual([
      { do: "arm", deadline: sentAt + USABLE },
    ]);
    expect(scene.send({ type: "armed" })).toEqual([{ do: "choose", token: "42" }]);
  });

  test("a renewal that was under way before the claim does not count", () => {
    const scene = new Scene().stand();
    scene.send(scene.directory(null));
    scene.time += 300;
    expect(scene.send({ type: "renewDue" })).toEqual([{ do: "renew", lease: "7" }]);
    const early = scene.time;
    scene.time += 10;
    scene.send({ type: "claimDue" });
    scene.time += 10;
    expect(scene.send({ type: "claimed", token: "42" })).toEqual([]); // one is under way
    expect(scene.send({ type: "renewed", grant: { sentAt: early, ttl: TTL } })).toEqual([{
      do: "renew",
      lease: "7",
    }]);
  });

  test("a claim whose answer was lost is found in what stands there", () => {
    const scene = new Scene().stand();
    scene.send(scene.directory(null));
    scene.time += 300;
    scene.send({ type: "claimDue" });
    scene.send({ type: "claimFailed", text: "no answer" });
    expect(scene.send(scene.directory(scene.own("43")))).toEqual([{ do: "renew", lease: "7" }]);
    expect(scene.role).toBe("arming");
  });

  test("a key of an earlier life, with our uuid and another lease, is somebody else's", () => {
    const scene = new Scene().stand();
    expect(scene.send(scene.directory({ ...scene.own(), lease: "6" }))).toEqual([]);
    expect(scene.role).toBe("candidate");
  });

  test("the key is taken away before the guard is up: no lordship, and the guard goes", () => {
    const scene = new Scene().stand();
    scene.send(scene.directory(null));
    scene.time += 300;
    scene.send({ type: "claimDue" });
    scene.send({ type: "claimed", token: "42" });
    scene.renewed();
    expect(scene.send(scene.directory(OTHER))).toEqual([{ do: "disarm" }, { do: "leave", lease: "7" }]);
    expect(scene.send({ type: "armed" })).toEqual([]);
  });

  test("no guard, no lordship: another node gets its turn", () => {
    const scene = new Scene().stand();
    scene.send(scene.directory(null));
    scene.time += 300;
    scene.send({ type: "claimDue" });
    scene.send({ type: "claimed", token: "42" });
    scene.renewed();
    expect(scene.send({ type: "guardEnded", text: "EPERM" })).toEqual([{ do: "leave", lease: "7" }]);
    expect(Scene.timer(scene.all({ type: "left" }), "retry")).toBe(30_000);
  });

  test("told to leave while the guard starts, the guard goes before the lease", () => {
    const scene = new Scene().stand();
    scene.send(scene.directory(null));
    scene.time += 300;
    scene.send({ type: "claimDue" });
    scene.send({ type: "claimed", token: "42" });
    scene.renewed();
    expect(scene.send({ type: "leaveAsked" })).toEqual([{ do: "disarm" }, { do: "leave", lease: "7" }]);
  });
});

describe("being lord", () => {
  test("each renewal moves the deadline on, from before it was sent", () => {
    const scene = new Scene().rule();
    scene.time += 3000;
    const sentAt = scene.time;
    expect(scene.send({ type: "renewDue" })).toEqual([{ do: "renew", lease: "7" }]);
    scene.time += 700;
    expect(scene.send({ type: "renewed", grant: { sentAt, ttl: TTL } })).toEqual([
      { do: "push", deadline: sentAt + USABLE },
    ]);
  });

  test("etcd does not answer: tried again at once, and given up a grace before the deadline", () => {
    const scene = new Scene().rule();
    const sentAt = scene.time;
    const set = scene.all({ type: "renewed", grant: { sentAt, ttl: TTL } });
    expect(Scene.timer(set, "stepDown")).toBe(USABLE - 2000);
    scene.time += 3500;
    const failed = scene.all({ type: "renewFailed", text: "no answer", gone: false });
    expect(Scene.timer(failed, "renew")).toBe(100);
    scene.time = sentAt + USABLE - 2000;
    const effects = scene.send({ type: "stepDownDue" });
    expect(effects).toMatchObject([{ do: "depose" }]);
    expect(scene.role).toBe("vacating");
  });

  test("a grace longer than a third of the lease is cut to that", () => {
    const scene = new Scene(SELF, 60_000).rule();
    const effects = scene.all({ type: "renewed", grant: { sentAt: scene.time, ttl: TTL } });
    expect(Scene.timer(effects, "stepDown")).toBeCloseTo(USABLE - TTL / 3, 5);
  });

  test("the key or the lease is taken away: killed before anybody is asked", () => {
    const taken = new Scene().rule();
    expect(taken.send(taken.directory(OTHER))).toMatchObject([{ do: "disarm" }, { do: "depose" }]);
    const gone = new Scene().rule();
    expect(gone.send(gone.directory(null))).toMatchObject([{ do: "disarm" }, { do: "depose" }]);
    const expired = new Scene().rule();
    expect(expired.send({ type: "renewFailed", text: "expired", gone: true })).toMatchObject([
      { do: "disarm" },
      { do: "depose" },
    ]);
  });

  test("the guard ended: no lord any more", () => {
    const scene = new Scene().rule();
    expect(scene.send({ type: "guardEnded", text: "the guard ended" })).toMatchObject([{ do: "depose" }]);
  });

  test("the lease is given back only when the daemons are down, and kept until then", () => {
    const scene = new Scene().rule();
    scene.send({ type: "stepDownDue" });
    expect(scene.send({ type: "renewDue" })).toEqual([{ do: "renew", lease: "7" }]);
    expect(scene.renewed()).toMatchObject([{ do: "push" }]);
    expect(scene.send({ type: "vacated" })).toEqual([{ do: "disarm" }]);
    expect(scene.renewed()).toEqual([]);
    expect(scene.send({ type: "disarmed" })).toEqual([{ do: "leave", lease: "7" }]);
    expect(scene.send({ type: "left" })).toEqual([{ do: "join" }]);
  });

  test("told to leave, the lordship lasts until the daemons are down", () => {
    const scene = new Scene().rule();
    expect(scene.send({ type: "leaveAsked" })).toEqual([]);
    expect(scene.renewed()).toMatchObject([{ do: "push" }]);
    expect(scene.send({ type: "closeAsked" })).toEqual([{ do: "disarm" }]);
    expect(scene.send({ type: "disarmed" })).toEqual([{ do: "leave", lease: "7" }]);
    expect(scene.send({ type: "left" })).toEqual([{ do: "closed" }]);
  });

  test("what was killed and hangs in the kernel: the lordship is kept, and not given back at the end either", () => {
    const scene = new Scene().rule();
    scene.send({ type: "stepDownDue" });
    scene.send({ type: "vacated" });
    scene.time += 2000;
    expect(scene.all({ type: "disarmOverdue" })).toMatchObject([{ do: "log", level: "error" }]);
    expect(scene.send({ type: "renewDue" })).toEqual([{ do: "renew", lease: "7" }]);
    expect(Scene.timer(scene.all({ type: "closeAsked" }), "disarm")).toBe(2000);
    expect(scene.send({ type: "disarmOverdue" })).toEqual([{ do: "closed" }]);
  });

  test("a lord hook failed: out of it for as long as was said", () => {
    const scene = new Scene().rule();
    expect(scene.send({ type: "declined", seconds: 5 })).toEqual([{ do: "disarm" }]);
    expect(scene.send({ type: "disarmed" })).toEqual([{ do: "leave", lease: "7" }]);
    expect(Scene.timer(scene.all({ type: "left" }), "retry")).toBe(5000);
    scene.time += 5000;
    expect(scene.send({ type: "retryDue" })).toEqual([{ do: "join" }]);
  });

  test("etcd stays away after the deadline: tried less and less often", () => {
    const scene = new Scene().rule();
    scene.time += USABLE + 1;
    const waits: (number | null)[] = [];
    for (let i = 0; i < 3; i++) {
      waits.push(Scene.timer(scene.all({ type: "renewFailed", text: "no answer", gone: false }), "renew"));
      scene.send({ type: "renewDue" });
    }
    expect(waits).toEqual([250, 500, 1000]);
  });
});
