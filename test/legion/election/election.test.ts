import { describe, expect, test } from "bun:test";
import { announcements, deeds, ElectionDriver, nodeId, UNIX } from "./driver.ts";

const WEAK = nodeId("1", 10);
const STRONG = nodeId("9", 90);
const ARBITER = nodeId("a", 0);

describe("a node that hears nobody", () => {
  test("runs the setup hooks and says that it is there", () => {
    const node = new ElectionDriver();
    expect(deeds(node.effects)).toEqual(["setup", "announce"]);
    expect(node.said).toMatchObject({ legion: "mylegion", pid: 7, lord: 0, dead: false, unix: UNIX + 1 });
  });

  test("is lord after two times freq, not before: its daemons start when the lord hooks are done", () => {
    const node = new ElectionDriver();
    node.pass(1999);
    expect(node.isLord).toBe(false);
    expect(deeds(node.pass(1))).toEqual(["lord", "becomeLord", "announce"]);
    expect(node.said?.lord).toBe(UNIX + 3);
    expect(node.log).toContain("attempting to become the Lord of the Legion mylegion");
    expect(node.log).toContain("i am now the Lord of the Legion mylegion");
  });

  test("has the join hooks run once, when there is a quorum first", () => {
    const node = new ElectionDriver();
    node.pass(60_000);
    expect(deeds(node.effects).filter((deed) => deed === "join")).toEqual(["join"]);
  });

  test("announces itself at every freq", () => {
    const node = new ElectionDriver();
    node.pass(10_000);
    const before = announcements(node.effects).length;
    node.pass(10_000);
    expect(announcements(node.effects).length - before).toBe(10);
  });

  test("is never lord as an arbiter", () => {
    const node = new ElectionDriver({ self: nodeId("5", 0) });
    node.pass(60_000);
    expect(node.isLord).toBe(false);
    expect(node.said).toMatchObject({ lordUuid: "", lordValor: 0 });
  });
});

describe("who is the right lord", () => {
  test("the highest valor", () => {
    const node = new ElectionDriver();
    node.agreeFor(3000, [WEAK], node.settings.self);
    expect(node.isLord).toBe(true);
    const other = new ElectionDriver();
    other.agreeFor(3000, [STRONG], STRONG);
    expect(other.isLord).toBe(false);
    expect(other.said).toMatchObject({ lordUuid: STRONG.uuid, lordValor: 90 });
  });

  test("of the same valor the greater uuid, byte by byte", () => {
    const lesser = new ElectionDriver();
    lesser.hear(nodeId("6", 50));
    expect(lesser.state.candidateUuid).toBe(nodeId("6", 50).uuid);
    const greater = new ElectionDriver();
    greater.hear(nodeId("4", 50));
    expect(greater.state.candidateUuid).toBe(greater.settings.self.uuid);
  });

  test("never an arbiter, which votes", () => {
    const node = new ElectionDriver({ self: nodeId("5", 1), quorum: 2, freq: 1000, tolerance: 5000 });
    node.pass(4000);
    node.agreeFor(2000, [ARBITER], node.settings.self);
    expect(node.isLord).toBe(true);
    expect(node.state.votes).toBe(2);
  });
});

describe("votes, as uWSGI counts them", () => {
  test("one that knows other nodes undoes them all", () => {
    const node = new ElectionDriver();
    node.pass(1000);
    node.agree(WEAK, node.settings.self, [ARBITER]);
    node.agree(ARBITER, node.settings.self, [WEAK]);
    expect(node.state.votes).toBe(3);
    node.agree(ARBITER, node.settings.self);
    expect(node.state.votes).toBe(0);
  });

  test("one that names another lord undoes them all, and nobody becomes lord", () => {
    const node = new ElectionDriver();
    node.agreeFor(10_000, [WEAK], WEAK);
    expect(node.state.votes).toBe(0);
    expect(node.isLord).toBe(false);
  });

  test("one that names nobody yet gives none, and leaves the lord alone", () => {
    const node = new ElectionDriver();
    node.pass(3000);
    const heard = node.hear(WEAK);
    expect(node.state.votes).toBe(0);
    expect(deeds(heard)).not.toContain("ceaseLord");
  });

  test("the checksum is the sum of valors and bytes of uuids, in 64 bits", () => {
    const node = new ElectionDriver({ self: { ...nodeId("5", 0), valor: Number.MAX_SAFE_INTEGER } });
    const bytes = [...node.settings.self.uuid].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
    expect(node.said?.checksum).toBe(BigInt(Number.MAX_SAFE_INTEGER) + BigInt(bytes));
  });
});

describe("a lord whose quorum is one", () => {
  test("ceases at once when all agree on a better one, in uWSGI's words and with its scroll", () => {
    const node = new ElectionDriver();
    node.pass(3000);
    const effects = node.agree(STRONG, STRONG, [], { scroll: "i am strong" });
    expect(deeds(effects)).toEqual(["node-joined", "ceaseLord", "unlord", "announce"]);
    expect(node.said).toMatchObject({ lord: 0, holding: true, lordUuid: STRONG.uuid });
    expect(node.log).toContain(`a new Lord (valor: 90 uuid: ${STRONG.uuid}) raised for Legion mylegion...`);
    expect(node.log).toContain("i am strong");
  });

  test("does not show a scroll that is longer than it may be", () => {
    const node = new ElectionDriver({ scrollMaxSize: 10 });
    node.pass(3000);
    node.agree(STRONG, STRONG, [], { scroll: "i am strong" });
    expect(node.log).not.toContain("i am strong");
  });

  test("stays as long as somebody disagrees, but no longer than the tolerance", () => {
    const node = new ElectionDriver();
    node.pass(3000);
    for (let ms = 0; ms < 4500; ms += 500) {
      node.hear(WEAK, { lordUuid: WEAK.uuid, lordValor: 10 });
      node.pass(500);
    }
    expect(node.isLord).toBe(true);
    node.hear(WEAK, { lordUuid: WEAK.uuid, lordValor: 10 });
    const effects = node.pass(500);
    expect(effects).toContainEqual({ do: "ceaseLord", reason: "disagreement" });
    expect(node.log).toContain(
      "i cannot be The Lord of The Legion mylegion: its nodes have disagreed for 5 seconds",
    );
  });

  test("counts the time of disagreement anew after each agreement", () => {
    const node = new ElectionDriver();
    node.pass(3000);
    for (let round = 0; round < 10; round++) {
      node.hear(WEAK, { lordUuid: WEAK.uuid, lordValor: 10 });
      node.pass(1000);
      node.agree(WEAK, node.settings.self);
    }
    expect(node.isLord).toBe(true);
  });
});

describe("members", () => {
  test("are known by a hook and a line when they are heard first", () => {
    const node = new ElectionDriver();
    const effects = node.hear(ARBITER);
    expect(effects).toContainEqual({ do: "runHooks", event: "node-joined", node: ARBITER });
    expect(node.log).toContain(`arbiter: host-a valor: 0 uuid: ${ARBITER.uuid} joined Legion mylegion`);
    expect(deeds(node.hear(ARBITER))).not.toContain("node-joined");
  });

  test("are gone after the tolerance without a word", () => {
    const node = new ElectionDriver();
    node.hear(WEAK);
    node.pass(4999);
    expect(node.state.members).toHaveLength(1);
    const effects = node.pass(1);
    expect(effects).toContainEqual({ do: "runHooks", event: "node-left", node: WEAK });
    expect(node.log).toContain(`node: host-1 valor: 10 uuid: ${WEAK.uuid} left Legion mylegion`);
  });

  test("are gone at once when they announce their death, without a hook", () => {
    const node = new ElectionDriver();
    node.hear(WEAK);
    const effects = node.hear(WEAK, { dead: true });
    expect(node.state.members).toHaveLength(0);
    expect(deeds(effects)).not.toContain("node-left");
    expect(node.log).toContain(
      `node: host-1 valor: 10 uuid: ${WEAK.uuid} announced its death to Legion mylegion`,
    );
  });

  test("are not brought back by a packet from before their death", () => {
    const node = new ElectionDriver();
    node.hear(WEAK);
    node.pass(2000);
    node.hear(WEAK, { dead: true });
    node.hear(WEAK, { unix: node.moment.unix });
    expect(node.state.members).toHaveLength(0);
    node.hear(WEAK, { unix: node.moment.unix + 1 });
    expect(node.state.members).toHaveLength(1);
  });

  test("the node itself is none, also not when another took its uuid", () => {
    const node = new ElectionDriver();
    node.hear(node.settings.self);
    node.hear({ ...node.settings.self, valor: 99, name: "thief" });
    expect(node.state.members).toEqual([]);
  });

  test("of one uuid there is one: a new name or valor takes the place of the old", () => {
    const node = new ElectionDriver();
    node.hear(WEAK);
    expect(deeds(node.hear({ ...WEAK, valor: 11 }))).toContain("node-left");
    expect(node.state.members.map(({ id }) => id.valor)).toEqual([11]);
  });

  test("are 1,024 at most, and whoever sends more is said once a minute", () => {
    const node = new ElectionDriver();
    for (let index = 0; index < 1100; index++) {
      node.hear({ ...nodeId("1", 1), uuid: index.toString(16).padStart(36, "0") });
    }
    expect(node.state.members).toHaveLength(1024);
    expect(node.log.filter((line) => line.startsWith("cannot add a node"))).toHaveLength(1);
  });
});

describe("what is news", () => {
  test("goes out at once", () => {
    const node = new ElectionDriver();
    node.pass(2500);
    expect(announcements(node.hear(WEAK))).toHaveLength(1);
    expect(announcements(node.hear(WEAK, { dead: true }))).toHaveLength(1);
  });

  test("goes out no more than five times in a row and then five times in a freq, however much there is", () => {
    const node = new ElectionDriver();
    node.pass(10_000);
    let sent = 0;
    for (let ms = 0; ms < 1000; ms++) {
      sent += announcements(node.hear({ ...nodeId("1", 1), uuid: ms.toString(16).padStart(36, "0") })).length;
      sent += announcements(node.pass(1)).length;
    }
    expect(sent).toBeGreaterThanOrEqual(5);
    expect(sent).toBeLessThanOrEqual(11);
    node.pass(200);
    expect(node.said?.checksum).toBe(node.state.checksum);
  });
});

test("the state that a step was given is as it was", () => {
  const node = new ElectionDriver();
  node.pass(3000);
  const before = structuredClone(node.state);
  const { state } = node;
  node.agree(STRONG, STRONG);
  expect(state).toEqual(before);
});

test("a lordship's number is the time, and greater than that of every lord that was heard of", () => {
  const node = new ElectionDriver();
  node.hear(WEAK, { lord: UNIX + 1000 });
  node.hear(WEAK, { lord: UNIX + 10_000_000, unix: UNIX + 1 });
  node.pass(20_000);
  expect(node.state.term).toBe(UNIX + 1001);
});

test("the quorum is reported once for each change, in uWSGI's words", () => {
  const node = new ElectionDriver();
  node.pass(3000);
  node.agreeFor(10_000, [WEAK], node.settings.self);
  const reports = node.log.filter((line) => line.startsWith("--- WE HAVE QUORUM"));
  const { uuid } = node.settings.self;
  expect(reports.at(-1)).toBe(
    `--- WE HAVE QUORUM FOR LEGION mylegion !!! (valor: 50 uuid: ${uuid} checksum: ${node.state.checksum} votes: 2) ---`,
  );
  expect(reports).toHaveLength(2);
});
