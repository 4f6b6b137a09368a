/** A stranger's packets at the rate of a fast sender, over real sockets of the loopback. */
import { afterAll, expect, test } from "bun:test";
import type { LegionPlan } from "../../../lib/config/plan/legion_plan.ts";
import { openElector } from "../../../lib/legion/open_elector.ts";
import type { Elector, ElectorEvents } from "../../../lib/legion/election/elector.ts";
import { until } from "../../sys/until.ts";

const ORIGIN = { file: "x.ini", line: 1 };
const PACKETS = 20_000;
const IN_A_ROW = 100;

async function freePort(): Promise<number> {
  const socket = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
  const { port } = socket;
  socket.close();
  return port;
}

function plan(port: number, peer: number, valor: number): LegionPlan {
  const at = (number: number) => ({ kind: "udp4", address: "127.0.0.1", port: number } as const);
  return {
    name: "blue",
    valor,
    transport: {
      kind: "udp",
      listen: at(port),
      multicast: false,
      multicastInterface: null,
      broadcast: false,
      nodes: [{ address: at(peer), origin: ORIGIN }],
      cipher: "bf-cbc",
      secret: "s",
      iv: null,
      authSecret: null,
    },
    quorum: 2,
    freq: 0.1,
    tolerance: 1,
    skewTolerance: 60,
    deathOnLordError: null,
    scroll: null,
    scrollMaxSize: 4096,
    scrollListMaxSize: 32_768,
    hookTimeout: 60,
    hooks: [],
    origin: ORIGIN,
  };
}

class Node implements ElectorEvents {
  elector!: Elector;
  isLord = false;
  changes = 0;
  readonly logs: string[] = [];
  async start(port: number, peer: number, valor: number): Promise<void> {
    const log = (_level: string, text: string): void => void this.logs.push(text);
    this.elector = await openElector({ plan: plan(port, peer, valor), grace: 0, within: () => null, log });
    await this.elector.start(this);
  }
  chosen(): void {
    this.isLord = true;
    this.changes += 1;
  }
  deposed(): void {
    this.isLord = false;
    this.changes += 1;
    this.elector.vacated();
  }
  joined(): void {}
  nodeJoined(): void {}
  nodeLeft(): void {}
}

const nodes = [new Node(), new Node()];
afterAll(async () => {
  for (const { elector } of nodes) await elector.close();
});

test(`${PACKETS} packets of a stranger neither disturb the election nor stay in memory`, async () => {
  const [first, second] = nodes as [Node, Node];
  const [a, b] = [await freePort(), await freePort()];
  await first.start(a, b, 9);
  await second.start(b, a, 5);
  await until("the best is lord", () => first.isLord);
  const before = process.memoryUsage.rss();
  const stranger = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
  const noise = crypto.getRandomValues(new Uint8Array(60_000));
  noise[0] = 109;
  for (let sent = 0; sent < PACKETS; sent++) {
    // Most as long as an announcement, some as long as can be; each with a length that fits, as of somebody
    // who knows the form.
    const length = sent % 100 === 0 ? 50_000 : 312;
    noise[1] = (length - 8) & 0xff;
    noise[2] = (length - 8) >> 8;
    noise[3] = 0;
    stranger.send(noise.subarray(0, length + 4), a, "127.0.0.1");
    if (sent % IN_A_ROW === 0) await Bun.sleep(5);
  }
  stranger.close();
  await until("what was sent is read", () => (first.elector.state().refused["secret"] ?? 0) > PACKETS / 2);
  Bun.gc(true);
  expect(process.memoryUsage.rss() - before).toBeLessThan(64e6);
  expect([first.isLord, second.isLord, first.changes]).toEqual([true, false, 1]);
  expect(first.logs.filter((line) => line.includes("cannot be opened"))).toHaveLength(1);
}, 30_000);
