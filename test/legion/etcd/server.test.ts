/** Nodes of a legion against real servers of etcd, in this process; the guard is a stand-in. */
import { afterAll, describe, expect } from "bun:test";
import { until } from "../../e2e/wait.ts";
import { EtcdServers } from "./servers.ts";
import { check, endShared, StandIn, TestNode, TTL, undisturbed } from "./server_scene.ts";

afterAll(endShared);

describe("one server of etcd", () => {
  check("nodes that start together elect the one of the highest valor, and see each other", async () => {
    const etcd = await undisturbed();
    await using low = new TestNode(etcd.urls, "low", { valor: 1, legion: "elect" });
    await using high = new TestNode(etcd.urls, "high", { valor: 5, legion: "elect" });
    await using arbiter = new TestNode(etcd.urls, "arbiter", { valor: 0, legion: "elect" });
    const term = await high.untilLord();
    await until(
      "all see the lord",
      () =>
        [low, high, arbiter].every(({ candidate }) =>
          candidate.state().lordUuid === high.id.uuid && candidate.state().members.length === 2
        ),
    );
    expect([low.isLord, arbiter.isLord]).toEqual([false, false]);
    expect(BigInt(term.token!)).toBeGreaterThan(0n);
    expect(low.events.toSorted()).toEqual(["+arbiter", "+high", "joined"]);
  });

  check("the lord leaves in order: the next one is lord at once, with a greater token", async () => {
    const etcd = await undisturbed();
    await using first = new TestNode(etcd.urls, "first", { valor: 5, legion: "leave" });
    const before = await first.untilLord();
    await using second = new TestNode(etcd.urls, "second", { legion: "leave" });
    await until("the second stands", () => second.events.includes("joined"));
    first.candidate.leave();
    first.candidate.vacated();
    const began = performance.now();
    const after = await second.untilLord();
    expect(performance.now() - began).toBeLessThan(1700); // its lease would have lasted for 2 s
    expect(BigInt(after.token!)).toBeGreaterThan(BigInt(before.token!));
    await until("it sees that the first is gone", () => second.events.includes("-first"));
  });

  check("etcd is away at the start: one line says so, and the node waits", async () => {
    const etcd = new EtcdServers(1);
    await etcd.ready();
    await etcd.kill(0);
    try {
      await using node = new TestNode(etcd.urls, "node");
      await node.untilLine(/^warning waiting for etcd: http:\/\/127\.0\.0\.1:\d+: connection refused$/m);
      await until("it has tried again", () => node.candidate.state().problem !== null);
      etcd.start(0);
      await node.untilLord();
      expect(node.lines.filter((line) => line.includes("waiting for etcd"))).toHaveLength(1);
    } finally {
      await etcd[Symbol.asyncDispose]();
    }
  });

  check(
    "etcd goes away: the lord steps down, and stands again when it is back",
    async () => {
      await using etcd = new EtcdServers(1);
      await etcd.ready();
      await using node = new TestNode(etcd.urls, "node");
      const { token } = await node.untilLord();
      etcd.signal(0, "SIGSTOP");
      await until("it has stepped down", () => !node.isLord, { explain: () => node.log() });
      etcd.signal(0, "SIGCONT");
      const again = await node.untilLord();
      expect(BigInt(again.token!)).toBeGreaterThan(BigInt(token!));
    },
  );

  check("the lord's key is deleted by hand: the lord ceases to be one at once", async () => {
    const etcd = await undisturbed();
    await using node = new TestNode(etcd.urls, "node", { legion: "deleted" });
    await node.untilLord();
    etcd.ctl("del", "/reeve/deleted/lord");
    await until(
      "it is deposed",
      () => node.events.some((event) => event.startsWith("deposed: the lord's key was taken away")),
    );
    await node.untilLord();
  });

  check(
    "whoever takes a lord's key away gets the lordship, but not before what the lord runs is over",
    async () => {
      const etcd = await undisturbed();
      await using first = new TestNode(etcd.urls, "first", { legion: "usurped" });
      await first.untilLord();
      first.isDeaf = true;
      await using second = new TestNode(etcd.urls, "second", { legion: "usurped", valor: 9 });
      await until("the second stands", () => second.events.includes("joined"));
      const { deadline } = first.candidate.guard as StandIn;
      etcd.ctl("del", "/reeve/usurped/lord");
      await second.untilLord();
      expect(second.chosenAt).toBeGreaterThan(deadline);
      expect(first.isLord).toBe(false);
    },
  );

  check("the lease is revoked by hand: the lord ceases to be one at once, and stands again", async () => {
    await using etcd = new EtcdServers(1);
    await etcd.ready();
    await using node = new TestNode(etcd.urls, "node");
    await node.untilLord();
    const lease = /[0-9a-f]{12,}/.exec(etcd.ctl("lease", "list").output)![0];
    etcd.ctl("lease", "revoke", lease);
    await until("it is deposed", () => node.events.some((event) => event.startsWith("deposed")));
    await node.untilLord();
  });

  check("what stands below the prefix and is not ours does no harm", async () => {
    const etcd = await undisturbed();
    const uuid = "a".repeat(36);
    for (
      const [key, value] of [
        ["candidates/x", "{"],
        ["candidates/y", "[]"],
        [`candidates/${uuid}`, JSON.stringify({ uuid, name: 7, valor: 99 })],
        [`candidates/${"b".repeat(36)}`, JSON.stringify({ uuid, name: "liar", valor: 99 })],
        [`candidates/${"c".repeat(36)}`, JSON.stringify({ uuid: "c".repeat(36), name: "n", valor: 1e300 })],
        ["other", "\u0001\u0002"],
      ]
    ) etcd.ctl("put", `/reeve/foreign/${key}`, value!);
    await using node = new TestNode(etcd.urls, "node", { legion: "foreign" });
    await node.untilLord();
    expect(node.candidate.state().members).toEqual([]);
  });

  check("legions of one prefix do not meet, not even when one's name begins with the other's", async () => {
    const etcd = await undisturbed();
    await using one = new TestNode(etcd.urls, "one", { legion: "test" });
    await using other = new TestNode(etcd.urls, "other", { legion: "test2" });
    await one.untilLord();
    await other.untilLord();
    expect(one.candidate.state().members).toEqual([]);
  });
});

describe("three servers of etcd", () => {
  check("one is killed, another is stopped: who can reach a majority is lord, and nobody else", async () => {
    await using etcd = new EtcdServers(3);
    await etcd.ready();
    await using node = new TestNode(etcd.urls, "node");
    const { token } = await node.untilLord();
    await etcd.kill(0);
    await Bun.sleep(TTL * 1000 + 500); // a lease's time: had it not been renewed, it would be gone
    expect(node.term?.token).toBe(token);
    etcd.signal(1, "SIGSTOP");
    await until("without a majority it steps down", () => !node.isLord, { explain: () => node.log() });
    etcd.signal(1, "SIGCONT");
    await node.untilLord();
  });
});
