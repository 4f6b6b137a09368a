/** Nodes that elect over packets: an exchange in memory, one clock that the test moves. */
import { describe, expect, test } from "bun:test";
import type { LegionPlan } from "../../../lib/config/plan/legion_plan.ts";
import type { ElectorEvents, Term } from "../../../lib/legion/election/elector.ts";
import { PacketElector } from "../../../lib/legion/packets/elector.ts";
import { Packets } from "../../../lib/legion/packets/packets.ts";
import { Refusals } from "../../../lib/legion/packets/refusals.ts";
import type { Heard, Transport } from "../../../lib/legion/packets/transport.ts";
import { FakeTimers } from "../../sys/fake_timers.ts";

const ORIGIN = { file: "x.ini", line: 1 };
const START = 1_800_000_000_000;

class Exchange {
  readonly timers = new FakeTimers();
  readonly nodes: Node[] = [];
  /** Milliseconds that the wall clock is off the other. */
  wallOffset = 0;
  /** Milliseconds that have gone by without any timer: the machine slept. */
  slept = 0;

  node(valor: number, changes: Partial<LegionPlan> = {}): Node {
    const node = new Node(this, this.nodes.length + 1, valor, changes);
    this.nodes.push(node);
    return node;
  }

  async advance(ms: number): Promise<void> {
    for (let step = 0; step < ms; step += 50) {
      this.timers.advance(50);
      await settle();
    }
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

class Node implements Transport, ElectorEvents {
  readonly address: string;
  readonly nodes: readonly string[] = ["all"];
  readonly seen: string[] = [];
  readonly logs: string[] = [];
  readonly sent: Uint8Array[] = [];
  readonly elector: PacketElector;
  readonly packets: Packets;
  problem: string | null = null;
  isConnected = true;
  term: Term = { number: 0, token: null };
  #heard: Heard = () => {};
  readonly #exchange: Exchange;

  constructor(exchange: Exchange, index: number, valor: number, changes: Partial<LegionPlan>) {
    this.#exchange = exchange;
    this.address = `node${index}`;
    const uuid = `${index}`.repeat(8) + "-0000-0000-0000-000000000000";
    const plan: LegionPlan = {
      name: "blue",
      valor,
      transport: {
        kind: "udp",
        listen: { kind: "udp4", address: "127.0.0.1", port: 1 },
        multicast: false,
        multicastInterface: null,
        broadcast: false,
        nodes: [],
        cipher: "aes-128-cbc",
        secret: "s",
        iv: null,
        authSecret: null,
      },
      quorum: 0,
      freq: 1,
      tolerance: 4,
      skewTolerance: 60,
      deathOnLordError: null,
      scroll: `scroll of ${this.address}`,
      scrollMaxSize: 4096,
      scrollListMaxSize: 32_768,
      hookTimeout: 60,
      hooks: [],
      origin: ORIGIN,
      ...changes,
    };
    const cipher = { cipher: "aes-128-cbc", secret: "s", iv: null };
    this.packets = new Packets({ legion: "blue", uuid, cipher, authSecret: null, skewTolerance: 60 });
    this.elector = new PacketElector({
      plan,
      self: { uuid, name: this.address, pid: index },
      transport: this,
      packets: this.packets,
      refusals: new Refusals((text) => this.logs.push(text)),
      timers: exchange.timers,
      now: () => exchange.timers.now + exchange.slept,
      wall: () => START + exchange.wallOffset + exchange.timers.now,
      log: (_level, text) => this.logs.push(text),
    });
  }

  get isLord(): boolean {
    return this.seen.findLast((what) => what === "chosen" || what === "deposed") === "chosen";
  }

  open(heard: Heard): Promise<void> {
    this.#heard = heard;
    return Promise.resolve();
  }
  send(packet: Uint8Array): void {
    this.sent.push(packet);
    if (!this.isConnected) return;
    // As multicast has it: the sender hears itself.
    for (const node of this.#exchange.nodes) if (node.isConnected) node.hear(packet, this.address);
  }
  hear(packet: Uint8Array, from: string): void {
    queueMicrotask(() => this.#heard(packet, from));
  }
  mend(): void {}
  close(): void {
    this.isConnected = false;
  }

  chosen(term: Term): void {
    this.term = term;
    this.seen.push("chosen");
  }
  deposed(): void {
    this.seen.push("deposed");
  }
  joined(): void {
    this.seen.push("joined");
  }
  nodeJoined({ name }: { readonly name: string }): void {
    this.seen.push(`+${name}`);
  }
  nodeLeft({ name }: { readonly name: string }): void {
    this.seen.push(`-${name}`);
  }
}

async function started(valors: readonly number[], changes: Partial<LegionPlan> = {}): Promise<Exchange> {
  const exchange = new Exchange();
  for (const valor of valors) await exchange.node(valor, changes).elector.start(exchange.nodes.at(-1)!);
  await exchange.advance(8000);
  return exchange;
}

describe("nodes that speak by packets", () => {
  test("elect the best, and show each other", async () => {
    const { nodes } = await started([5, 9, 0]);
    expect(nodes.map(({ isLord }) => isLord)).toEqual([false, true, false]);
    const state = nodes[0]!.elector.state();
    expect(state.members.map(({ name, valor }) => [name, valor]).sort()).toEqual([["node2", 9], [
      "node3",
      0,
    ]]);
    expect(state).toMatchObject({
      votes: 3,
      quorum: 0,
      lordValor: 9,
      lordScroll: "scroll of node2",
      problem: null,
    });
    expect(state.members.every(({ lastSeen }) => Math.abs(lastSeen - START / 1000 - 8) <= 2)).toBe(true);
    expect(nodes[0]!.seen).toEqual(
      ["+node2", "+node3", "joined"].filter((one) => nodes[0]!.seen.includes(one)),
    );
  });

  test("elect another when the lord is cut off, and the lord has no quorum then", async () => {
    const exchange = await started([9, 5, 4], { quorum: 2 });
    const [first, second] = exchange.nodes;
    first!.isConnected = false;
    await exchange.advance(12_000);
    expect(exchange.nodes.map(({ isLord }) => isLord)).toEqual([false, true, false]);
    expect(first!.seen.at(-1)).toBe("-node3");
    first!.elector.vacated();
    first!.isConnected = true;
    await exchange.advance(12_000);
    second!.elector.vacated();
    await exchange.advance(12_000);
    expect(exchange.nodes.map(({ isLord }) => isLord)).toEqual([true, false, false]);
  });

  test("keep no scroll that is longer than it may be, and show no more of them than may be", async () => {
    const exchange = new Exchange();
    const own = "s".repeat(100);
    const all = [
      exchange.node(9, { scrollMaxSize: 100, scrollListMaxSize: 250 }),
      ...[1, 2, 3].map((valor) => exchange.node(valor, { scroll: own })),
      exchange.node(4, { scroll: `${own}x` }),
    ];
    for (const node of all) await node.elector.start(node);
    await exchange.advance(8000);
    const { members } = all[0]!.elector.state();
    expect(members).toHaveLength(4);
    expect(members.find(({ valor }) => valor === 4)?.scroll).toBeNull();
    expect(members.filter(({ scroll }) => scroll === own)).toHaveLength(2);
  });

  test("keep no scroll that is longer than it may be, and show no more of them than may be", async () => {
    const exchange = new Exchange();
    const own = "s".repeat(100);
    const all = [
      exchange.node(9, { scrollMaxSize: 100, scrollListMaxSize: 250 }),
      ...[1, 2, 3].map((valor) => exchange.node(valor, { scroll: own })),
      exchange.node(4, { scroll: `${own}x` }),
    ];
    for (const node of all) await node.elector.start(node);
    await exchange.advance(8000);
    const { members } = all[0]!.elector.state();
    expect(members).toHaveLength(4);
    expect(members.find(({ valor }) => valor === 4)?.scroll).toBeNull();
    expect(members.filter(({ scroll }) => scroll === own)).toHaveLength(2);
  });

  test("know after a sleep that the votes have lapsed, before any timer or packet says so", async () => {
    const exchange = await started([9, 5, 4], { quorum: 2 });
    const { elector, term, seen } = exchange.nodes[0]!;
    expect(elector.stands(term)).toBe(true);
    expect(elector.stands({ number: term.number - 1, token: null })).toBe(false);
    exchange.slept = 3000;
    expect(elector.stands(term)).toBe(false);
    expect(seen.at(-1)).not.toBe("deposed");
    await exchange.advance(1000);
    expect(seen).toContain("deposed");
  });

  test("take over at once when the lord leaves, but not before its daemons are down", async () => {
    const exchange = await started([9, 5]);
    const [first, second] = exchange.nodes;
    first!.elector.leave();
    await settle();
    expect(first!.seen.at(-1)).toBe("deposed");
    await exchange.advance(1000);
    expect(second!.isLord).toBe(false);
    first!.elector.vacated();
    await settle();
    exchange.timers.advance(50);
    await settle();
    expect(second!.isLord).toBe(true);
    await first!.elector.close();
    const { length } = first!.sent;
    await exchange.advance(5000);
    expect(first!.sent).toHaveLength(length);
  });

  test("are told of a lord hook that failed, and take over while the failed one is suspended", async () => {
    const exchange = await started([9, 5], { deathOnLordError: 20 });
    const [first, second] = exchange.nodes;
    first!.elector.decline(20);
    first!.elector.vacated();
    await exchange.advance(8000);
    expect(exchange.nodes.map(({ isLord }) => isLord)).toEqual([false, true]);
    expect(first!.elector.state().problem).toBe("suspended after a failed lord hook");
    await exchange.advance(20_000);
    second!.elector.vacated();
    await exchange.advance(8000);
    expect(exchange.nodes.map(({ isLord }) => isLord)).toEqual([true, false]);
  });

  test("keep electing when all clocks are set back together", async () => {
    const exchange = await started([9, 5]);
    exchange.wallOffset = -20_000;
    await exchange.advance(30_000);
    exchange.wallOffset = -7_200_000;
    await exchange.advance(30_000);
    expect(exchange.nodes.map(({ isLord }) => isLord)).toEqual([true, false]);
    expect(exchange.nodes.flatMap(({ seen }) => seen).filter((what) => what === "deposed")).toEqual([]);
  });
});

describe("a node", () => {
  test("that cannot hear the others does not elect itself, and says why it takes no part", async () => {
    const exchange = new Exchange();
    const node = exchange.node(5);
    node.problem = "no route";
    await node.elector.start(node);
    await exchange.advance(20_000);
    expect([node.sent.length, node.seen]).toEqual([0, []]);
    expect(node.elector.state().problem).toBe("no route");
    node.problem = null;
    await exchange.advance(5000);
    expect(node.isLord).toBe(true);
    expect(node.elector.state().problem).toBeNull();
  });

  test("whose scroll does not fit into a packet does not begin, one that just fits is heard", async () => {
    const exchange = new Exchange();
    const node = exchange.node(5, { scroll: "x".repeat(65_400) });
    const room = await node.elector.start(node).then(
      () => 0,
      (error: Error) => Number(/for (\d+)$/.exec(error.message)?.[1]),
    );
    expect(room).toBeGreaterThan(64_000);
    const fits = exchange.node(5, { scroll: "x".repeat(room) });
    await fits.elector.start(fits);
    await exchange.advance(5000);
    expect(fits.isLord).toBe(true);
    expect(fits.sent.every(({ length }) => length <= 65_507)).toBe(true);
  });

  test("counts what it refuses, and goes on", async () => {
    const exchange = await started([5, 4]);
    const [node] = exchange.nodes;
    node!.hear(crypto.getRandomValues(new Uint8Array(300)), "stranger");
    node!.hear(new Uint8Array(0), "stranger");
    await exchange.advance(5000);
    expect(node!.elector.state().refused["secret"]).toBe(2);
    expect(node!.logs.filter((line) => line.startsWith("a packet cannot be opened"))).toHaveLength(1);
    expect(node!.isLord).toBe(true);
  });

  test("hears nothing any more once it is closed", async () => {
    const exchange = await started([5, 4]);
    const [node, other] = exchange.nodes;
    await node!.elector.close();
    node!.hear(other!.sent.at(-1)!, "node2");
    await exchange.advance(5000);
    expect(exchange.timers.pending).toBeLessThanOrEqual(1);
  });
});
