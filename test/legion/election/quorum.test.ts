import { describe, expect, test } from "bun:test";
import { deeds, ElectionDriver, nodeId } from "./driver.ts";

const WEAK = nodeId("1", 10);
const VOTER = nodeId("2", 20);
const STRONG = nodeId("9", 90);
const BETTER = nodeId("8", 80);

/** With freq 1 s and tolerance 5 s: a vote carries 2.75 s, a name binds 3.5 s. */
const LEASE = 2750;
const LOCK = 3500;

/** A node of three whose quorum is two, past its silence at the start. */
function awake(): ElectionDriver {
  const node = new ElectionDriver({ quorum: 2 });
  node.pass(LOCK);
  return node;
}

function lordOf(): ElectionDriver {
  const node = awake();
  node.agreeFor(1000, [WEAK, VOTER], node.settings.self);
  expect(node.isLord).toBe(true);
  return node;
}

describe("at its start", () => {
  test("a node is silent until nobody can count on what it named before", () => {
    const node = new ElectionDriver({ quorum: 2 });
    expect(node.said).toBeUndefined();
    node.pass(LOCK - 1);
    expect(node.said).toBeUndefined();
    node.pass(1);
    expect(node.said).toBeDefined();
  });

  test("it is not lord before that, whoever votes for it", () => {
    const node = new ElectionDriver({ quorum: 2 });
    node.agreeFor(3000, [WEAK], node.settings.self);
    expect(node.isLord).toBe(false);
    node.agreeFor(1000, [WEAK], node.settings.self);
    expect(node.isLord).toBe(true);
  });
});

describe("without its quorum", () => {
  test("a node alone is never lord, and says so once a minute", () => {
    const node = awake();
    node.pass(119_000);
    expect(node.isLord).toBe(false);
    const lines = node.log.filter((line) => line.startsWith("no quorum"));
    expect(lines[0]).toBe("no quorum: only 1 vote(s) for Legion mylegion, 2 needed to elect a Lord");
    expect(lines).toHaveLength(2);
  });

  test("a lord ceases in the round in which the votes for it lapse, however shortly after the last warning", () => {
    const node = lordOf();
    for (let round = 0; round < 3; round++) {
      const end = node.state.leaseEndsAt - node.clock;
      expect(end).toBe(LEASE - 1000);
      expect(deeds(node.pass(end - 1))).not.toContain("ceaseLord");
      expect(node.pass(1)).toContainEqual({ do: "ceaseLord", reason: "quorum" });
      node.give({ type: "released" });
      node.agreeFor(1000, [WEAK, VOTER], node.settings.self);
      expect(node.isLord).toBe(true);
    }
    expect(node.log).toContain("i cannot be The Lord of The Legion mylegion without a quorum ...");
  });

  test("one vote less than the quorum is too few, also when most are fresh", () => {
    const node = new ElectionDriver({ quorum: 3 });
    node.pass(LOCK);
    node.agreeFor(1000, [WEAK, VOTER], node.settings.self);
    expect(node.isLord).toBe(true);
    node.agreeFor(LEASE - 1000, [WEAK], node.settings.self);
    expect(node.isLord).toBe(false);
  });

  test("a lord ceases at once when those who voted for it name nobody any more", () => {
    const node = lordOf();
    node.hear(WEAK);
    expect(node.isLord).toBe(true);
    expect(node.hear(VOTER)).toContainEqual({ do: "ceaseLord", reason: "quorum" });
  });

  test("nobody becomes lord by votes that have lapsed", () => {
    const node = awake();
    node.agree(WEAK, STRONG, [VOTER, STRONG]);
    node.agree(VOTER, node.settings.self, [WEAK]);
    node.pass(LEASE);
    node.agree(WEAK, nodeId("7", 70), [VOTER]);
    expect(node.isLord).toBe(false);
  });
});

describe("a name is a promise", () => {
  test("who has named one names nobody while another that it prefers could not be named yet", () => {
    const node = awake();
    node.agreeFor(1000, [BETTER], BETTER, { lord: 5 });
    expect(node.said?.lordUuid).toBe(BETTER.uuid);
    node.hear(STRONG);
    expect(node.said?.lordUuid).toBe("");
    const named = node.clock;
    for (; node.said?.lordUuid !== STRONG.uuid && node.clock < named + 10_000; node.pass(100)) {
      node.hear(STRONG);
      node.hear(BETTER, { lord: 5 });
    }
    expect(node.clock - named).toBeGreaterThan(LOCK - 1000);
    expect(node.clock - named).toBeLessThanOrEqual(LOCK + 100);
  });

  test("it is released by one who has given up being lord and stands anew", () => {
    const node = awake();
    node.agree(BETTER, BETTER, [], { lord: 5 });
    node.hear(STRONG);
    node.hear(BETTER, { lord: 0 });
    expect(node.said?.lordUuid).toBe("");
    node.hear(BETTER, { candidacy: 1 });
    expect(node.said?.lordUuid).toBe(STRONG.uuid);
  });

  test("it says for which candidacy it is, and only a later one releases it", () => {
    const node = awake();
    node.agree(BETTER, BETTER, [], { candidacy: 2 });
    expect(node.said?.votedCandidacy).toBe(2);
    node.hear(STRONG);
    node.hear(BETTER, { candidacy: 1 });
    node.hear(BETTER, { candidacy: 2 });
    expect(node.said?.lordUuid).toBe("");
    node.hear(BETTER, { candidacy: 3 });
    expect(node.said?.lordUuid).toBe(STRONG.uuid);
  });

  test("it is released by the death of who was named", () => {
    const node = awake();
    node.agree(BETTER, BETTER, [], { lord: 5 });
    node.hear(STRONG);
    node.hear(BETTER, { dead: true });
    expect(node.said?.lordUuid).toBe(STRONG.uuid);
  });

  test("it binds who would be lord itself", () => {
    const node = awake();
    node.agreeFor(1000, [BETTER, WEAK], BETTER, { lord: 5 });
    node.agreeFor(4200, [WEAK], node.settings.self);
    expect(node.state.candidateUuid).toBe(node.settings.self.uuid);
    expect(node.isLord).toBe(false);
    node.agreeFor(2000, [WEAK], node.settings.self);
    expect(node.isLord).toBe(true);
  });

  test("one that has been silent for a lease is not named any more", () => {
    const node = awake();
    node.agree(BETTER, BETTER);
    node.pass(LEASE - 1);
    expect(node.said?.lordUuid).toBe(BETTER.uuid);
    node.pass(1);
    expect(node.said?.lordUuid).toBe("");
  });
});

describe("a better node", () => {
  test("takes over when the voters leave the lord, which sets them free", () => {
    const node = lordOf();
    node.hear(STRONG);
    expect(node.isLord).toBe(true);
    expect(node.said?.lordUuid).toBe(node.settings.self.uuid);
    node.hear(WEAK);
    const effects = node.hear(VOTER);
    expect(effects).toContainEqual({ do: "ceaseLord", reason: "superseded" });
    expect(node.said).toMatchObject({ lord: 0, lordUuid: STRONG.uuid, holding: true, candidacy: 1 });
  });

  test("that nobody else hears does not depose the lord before the tolerance", () => {
    const node = lordOf();
    const stay = () => {
      node.agree(WEAK, node.settings.self, [VOTER]);
      node.agree(VOTER, node.settings.self, [WEAK]);
      node.hear(STRONG, { lordUuid: STRONG.uuid, lordValor: 90 });
      return node.pass(1000);
    };
    for (let second = 0; second < 4; second++) stay();
    expect(node.isLord).toBe(true);
    expect([...stay(), ...stay()]).toContainEqual({ do: "ceaseLord", reason: "disagreement" });
  });

  test("is not lord as long as the one before it calls itself lord, up to the tolerance", () => {
    const node = new ElectionDriver({ quorum: 2, self: nodeId("9", 90) });
    node.agreeFor(LOCK + 4000, [WEAK, VOTER], node.settings.self, { lord: 5 });
    expect(node.isLord).toBe(false);
    expect(node.log).toContain(
      "elected Lord of the Legion mylegion, waiting until host-1 has stopped what it runs",
    );
    node.agreeFor(3000, [WEAK, VOTER], node.settings.self, { lord: 5 });
    expect(node.isLord).toBe(true);
  });

  test("waits as long as one says that it holds what it ran, and not a moment longer", () => {
    const node = new ElectionDriver({ quorum: 2, self: nodeId("9", 90) });
    node.agreeFor(LOCK + 60_000, [WEAK], node.settings.self, { holding: true });
    expect(node.isLord).toBe(false);
    expect(deeds(node.agree(WEAK, node.settings.self))).toContain("becomeLord");
  });
});

test("a node that names itself no longer, though it never was lord, stands anew", () => {
  const node = awake();
  expect(node.said).toMatchObject({ lordUuid: node.settings.self.uuid });
  node.hear(STRONG);
  expect(node.said).toMatchObject({ lordUuid: STRONG.uuid, candidacy: 1 });
  expect(new ElectionDriver({ quorum: 2 }).state.candidacy).toBe(0);
});

describe("a lord that gave way", () => {
  function gaveWay(): ElectionDriver {
    const node = lordOf();
    node.hear(STRONG);
    node.hear(WEAK);
    node.hear(VOTER);
    node.give({ type: "released" });
    node.hear(STRONG, { dead: true });
    return node;
  }

  test("is lord again at once by votes for it as it stands now", () => {
    const node = gaveWay();
    node.agree(WEAK, node.settings.self, [VOTER], { votedCandidacy: 1 });
    node.agree(VOTER, node.settings.self, [WEAK], { votedCandidacy: 1 });
    expect(node.isLord).toBe(true);
  });

  test("is not by votes for it as it stood before, and by those that do not tell only when all older ones have lapsed", () => {
    const node = gaveWay();
    const start = node.clock;
    while (!node.isLord && node.clock < start + 20_000) {
      node.agree(WEAK, node.settings.self, [VOTER]);
      node.agree(VOTER, node.settings.self, [WEAK]);
      node.pass(250);
    }
    expect(node.clock - start).toBe(LEASE + 2 * (LOCK - LEASE) + 250);
    const other = gaveWay();
    other.state = { ...other.state, candidacy: 2 };
    for (let ms = 0; ms < 20_000; ms += 500) {
      other.agree(WEAK, other.settings.self, [VOTER], { votedCandidacy: 1 });
      other.agree(VOTER, other.settings.self, [WEAK], { votedCandidacy: 1 });
      other.pass(500);
    }
    expect(other.isLord).toBe(false);
  });
});

describe("a lord that slept", () => {
  test("for longer than its votes carry is none when it wakes, before it hears what waited for it", () => {
    const node = lordOf();
    node.clock += 60_000;
    const effects = node.agree(WEAK, node.settings.self, [VOTER]);
    expect(deeds(effects)[0]).toBe("ceaseLord");
    node.agree(VOTER, node.settings.self, [WEAK]);
    expect(node.isLord).toBe(false);
  });

  test("takes no packet that waited for a new vote", () => {
    const node = lordOf();
    const end = node.state.leaseEndsAt;
    node.clock = end - 500;
    node.agree(WEAK, node.settings.self, [VOTER]);
    node.agree(VOTER, node.settings.self, [WEAK]);
    expect(node.state.leaseEndsAt).toBe(end);
    node.pass(300);
    node.agree(WEAK, node.settings.self, [VOTER]);
    expect(node.state.leaseEndsAt).toBe(node.clock + LEASE);
  });

  test("names nobody for what it hears then, until it is heard again", () => {
    const node = awake();
    node.agree(BETTER, BETTER);
    node.clock += 60_000;
    node.hear(BETTER);
    expect(node.said?.lordUuid).toBe("");
    node.pass(300);
    node.hear(BETTER);
    expect(node.said?.lordUuid).toBe(BETTER.uuid);
  });

  test("drops nobody before it has had a chance to hear them", () => {
    const node = lordOf();
    node.clock += 60_000;
    node.give({ type: "tick" });
    expect(node.state.members).toHaveLength(2);
    node.pass(2000);
    expect(node.state.members).toHaveLength(0);
  });
});
