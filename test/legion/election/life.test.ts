import { describe, expect, test } from "bun:test";
import { announcements, deeds, ElectionDriver, nodeId } from "./driver.ts";

const WEAK = nodeId("1", 10);
const STRONG = nodeId("9", 90);

describe("a lord that is to stop", () => {
  test("announces its death before its daemons stop, and that they are gone when they are", () => {
    const node = new ElectionDriver();
    node.agreeFor(3000, [WEAK], node.settings.self);
    const effects = node.give({ type: "stopAsked" });
    expect(deeds(effects)).toEqual(["announce", "ceaseLord", "death"]);
    expect(announcements(effects)[0]).toMatchObject({ dead: true, holding: true, lord: 0, lordUuid: "" });
    const last = announcements(node.give({ type: "released" }));
    expect(last).toHaveLength(2);
    expect(last[0]).toMatchObject({ dead: true });
    expect(last[0]?.holding).toBeUndefined();
  });

  test("repeats that it holds what it ran until it does not", () => {
    const node = new ElectionDriver();
    node.pass(3000);
    node.give({ type: "stopAsked" });
    const repeated = announcements(node.pass(3000));
    expect(repeated.map(({ dead, holding }) => [dead, holding])).toEqual(Array(3).fill([true, true]));
    node.give({ type: "released" });
    expect(node.pass(60_000)).toEqual([]);
  });

  test("hears nothing any more and is not lord again", () => {
    const node = new ElectionDriver();
    node.pass(3000);
    node.give({ type: "stopAsked" });
    node.agree(WEAK, node.settings.self);
    expect(deeds(node.give({ type: "stopAsked" }))).toEqual([]);
    node.pass(60_000);
    expect(deeds(node.effects).filter((deed) => deed === "becomeLord")).toHaveLength(1);
  });

  test("takes nobody for gone because it hears nothing, however long its daemons take", () => {
    const node = new ElectionDriver();
    node.agreeFor(3000, [WEAK], node.settings.self);
    node.give({ type: "stopAsked" });
    expect(deeds(node.pass(60_000))).not.toContain("node-left");
    expect(node.effects.filter((effect) => effect.do === "log" && / left Legion/.test(effect.text))).toEqual(
      [],
    );
  });
});

describe("a node that is to stop", () => {
  test("says so, twice, when it is no lord", () => {
    const node = new ElectionDriver();
    node.agree(STRONG, STRONG);
    expect(deeds(node.give({ type: "stopAsked" }))).toEqual(["announce", "announce", "death"]);
  });

  test("says nothing when it has never said that it lives", () => {
    const node = new ElectionDriver({ quorum: 2 });
    expect(deeds(node.give({ type: "stopAsked" }))).toEqual(["death"]);
  });
});

describe("the next lord", () => {
  test("is lord at once when the one before it dies and holds nothing", () => {
    const node = new ElectionDriver();
    node.agreeFor(5000, [STRONG], STRONG, { lord: 5 });
    expect(deeds(node.hear(STRONG, { dead: true }))).toContain("becomeLord");
  });

  test("waits for what a dead lord still holds, and goes on at its last word", () => {
    const node = new ElectionDriver();
    node.agreeFor(5000, [STRONG], STRONG, { lord: 5 });
    expect(deeds(node.hear(STRONG, { dead: true, holding: true }))).not.toContain("becomeLord");
    node.pass(4000);
    node.hear(STRONG, { dead: true, holding: true });
    node.pass(4000);
    expect(node.isLord).toBe(false);
    expect(deeds(node.hear(STRONG, { dead: true }))).toContain("becomeLord");
  });

  test("waits no longer than the tolerance for one that says nothing more", () => {
    const node = new ElectionDriver();
    node.agreeFor(5000, [STRONG], STRONG, { lord: 5 });
    node.hear(STRONG, { dead: true, holding: true });
    node.pass(4999);
    expect(node.isLord).toBe(false);
    node.pass(1);
    expect(node.isLord).toBe(true);
  });

  test("is not held up again by a packet from before the last word", () => {
    const node = new ElectionDriver({ quorum: 2 });
    node.agreeFor(5000, [STRONG, WEAK], STRONG, { lord: 5 });
    node.hear(STRONG, { dead: true });
    node.hear(STRONG, { dead: true, holding: true });
    node.agree(WEAK, node.settings.self);
    expect(node.isLord).toBe(true);
  });
});

describe("a lord hook that fails", () => {
  test("changes nothing without legion-death-on-lord-error", () => {
    const node = new ElectionDriver();
    node.pass(3000);
    expect(deeds(node.give({ type: "lordHookFailed" }))).toEqual([]);
    expect(node.isLord).toBe(true);
    expect(node.log).toContain("a lord hook of the Legion mylegion failed, i stay its Lord");
  });

  test("suspends the node with it: it is dead for the others, says nothing and stands for nothing", () => {
    const node = new ElectionDriver({ suspension: 10_000 });
    node.pass(3000);
    const effects = node.give({ type: "lordHookFailed" });
    expect(deeds(effects)).toEqual(["ceaseLord", "unlord", "announce"]);
    expect(announcements(effects)[0]).toMatchObject({ dead: true, holding: true });
    expect(node.log).toContain('suspending myself from Legion "mylegion" for 10 seconds');
    node.give({ type: "released" });
    node.hear(WEAK);
    expect(deeds(node.pass(9999))).toEqual(["node-left"]);
  });

  test("suspends it for as long as was said, and then it stands again", () => {
    const node = new ElectionDriver({ suspension: 10_000 });
    node.pass(3000);
    node.give({ type: "lordHookFailed" });
    node.give({ type: "released" });
    const effects = node.pass(10_000);
    expect(announcements(effects)[0]).toMatchObject({ dead: false });
    expect(deeds(effects)).toContain("becomeLord");
  });

  test("suspends it until what it ran is gone, though longer than was said", () => {
    const node = new ElectionDriver({ suspension: 2000 });
    node.pass(3000);
    node.give({ type: "lordHookFailed" });
    expect(announcements(node.pass(10_000)).every(({ dead, holding }) => dead && holding === true)).toBe(
      true,
    );
    node.give({ type: "released" });
    expect(node.said?.dead).toBe(false);
  });

  test("is of no account once the lordship is over", () => {
    const node = new ElectionDriver({ suspension: 10_000 });
    node.pass(3000);
    node.agree(STRONG, STRONG);
    expect(deeds(node.give({ type: "lordHookFailed" }))).toEqual([]);
    expect(node.state.life).toBe("running");
  });
});
