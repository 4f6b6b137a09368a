import { describe, expect, test } from "bun:test";
import { type Arrival, ReplayGuard, type ReplayVerdict } from "../../../lib/legion/packets/replay_guard.ts";

const START = 1_800_000_000;

class Peer {
  readonly guard = new ReplayGuard(60);
  /** `at`: seconds after the start that it arrives; `stamp`: seconds after the start that it says. */
  hears(at: number, stamp: number, more: Partial<Arrival> = {}): ReplayVerdict {
    return this.guard.judge({
      uuid: "a",
      unix: START + stamp,
      sequence: null,
      dead: false,
      wall: START + at,
      now: at * 1000,
      ...more,
    });
  }
}

describe("a sender without sequence numbers", () => {
  test("is heard as often as it speaks within one second", () => {
    const peer = new Peer();
    expect([0, 0.2, 0.4, 0.9, 1.4].map((at) => peer.hears(at, 0))).toEqual(Array(5).fill("news"));
  });

  test("is not kept alive by its last packet", () => {
    const peer = new Peer();
    expect(peer.hears(0, 0)).toBe("news");
    expect(peer.hears(3.1, 0)).toBe("replay");
    expect(peer.hears(30, 0)).toBe("replay");
  });

  test("is not kept alive by its packets of the last minute, played again in order", () => {
    const peer = new Peer();
    for (let second = 0; second < 50; second++) peer.hears(second, second);
    for (let second = 0; second < 49; second++) expect(peer.hears(50 + second / 10, second)).toBe("replay");
  });

  test("that announced its death is not brought back by what it said in the same second", () => {
    const peer = new Peer();
    expect(peer.hears(0, 0)).toBe("news");
    expect(peer.hears(0.1, 0, { dead: true })).toBe("news");
    expect(peer.hears(0.2, 0)).toBe("replay");
    expect(peer.hears(1.2, 1)).toBe("news");
  });

  test("that announced its death is heard when it says in the same second that what it ran is gone", () => {
    const peer = new Peer();
    expect(peer.hears(0, 0, { dead: true })).toBe("news");
    expect(peer.hears(0.1, 0, { dead: true })).toBe("news");
  });

  test("whose clock was set back by some seconds is heard again once it has caught up", () => {
    const peer = new Peer();
    expect(peer.hears(10, 10)).toBe("news");
    expect([11, 12, 13, 14].map((at) => peer.hears(at, at - 4))).toEqual(Array(4).fill("replay"));
    expect(peer.hears(15, 11)).toBe("news");
  });
});

test("when this clock is set back far, senders whose clocks were too are heard at once", () => {
  const peer = new Peer();
  expect(peer.hears(10_000, 10_000)).toBe("news");
  const back = { wall: START + 100, now: 10_001_000 };
  expect(peer.hears(0, 100, back)).toBe("news");
  expect(peer.hears(0, 99, back)).toBe("replay");
  expect(peer.hears(0, 10_000, back)).toBe("clock");
});

describe("a sender with sequence numbers", () => {
  test("is heard once for each, whatever its clock says", () => {
    const peer = new Peer();
    expect(peer.hears(0, 5, { sequence: 1 })).toBe("news");
    expect(peer.hears(0, 5, { sequence: 1 })).toBe("replay");
    expect(peer.hears(1, 0, { sequence: 2 })).toBe("news");
    expect(peer.hears(9, 0, { sequence: 3 })).toBe("news");
    expect(peer.hears(9, 9, { sequence: 2 })).toBe("replay");
  });
});

describe("the memory of senders", () => {
  const name = (index: number): Partial<Arrival> => ({ uuid: `u${index}` });

  test("is bounded, and those who are in it are heard on", () => {
    const peer = new Peer();
    for (let index = 0; index < 4096; index++) expect(peer.hears(0, 0, name(index))).toBe("news");
    expect(peer.hears(1, 1, name(5000))).toBe("crowd");
    expect(peer.hears(1, 1, name(7))).toBe("news");
    expect(peer.guard.size).toBe(4096);
  });

  test("lets go of those whose copies the clock refuses by now", () => {
    const peer = new Peer();
    for (let index = 0; index < 4096; index++) peer.hears(0, 0, name(index));
    expect(peer.hears(61, 61, name(5000))).toBe("news");
    expect(peer.guard.size).toBe(1);
    expect(peer.hears(61, 0, name(7))).toBe("clock");
  });
});
