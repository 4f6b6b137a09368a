import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LegionAddress, UdpTransportPlan } from "../../../lib/config/plan/legion_plan.ts";
import type { Transport } from "../../../lib/legion/packets/transport.ts";
import { UdpTransport } from "../../../lib/legion/packets/udp.ts";
import { UnixTransport } from "../../../lib/legion/packets/unix_transport.ts";
import { until } from "../../sys/until.ts";

const ORIGIN = { file: "x.ini", line: 1 };
const open: Transport[] = [];
afterEach(() => {
  for (const transport of open.splice(0)) transport.close();
});

function plan(
  listen: LegionAddress,
  nodes: readonly LegionAddress[],
  changes: Partial<UdpTransportPlan> = {},
): UdpTransportPlan {
  return {
    kind: "udp",
    listen,
    multicast: false,
    multicastInterface: null,
    broadcast: false,
    nodes: nodes.map((address) => ({ address, origin: ORIGIN })),
    cipher: "aes-256-cbc",
    secret: "s",
    iv: null,
    authSecret: null,
    ...changes,
  };
}

interface Heard {
  readonly transport: Transport;
  readonly heard: string[];
  readonly logs: string[];
}

async function listen(wanted: UdpTransportPlan): Promise<Heard> {
  const logs: string[] = [];
  const heard: string[] = [];
  const log = (_level: string, text: string): void => void logs.push(text);
  const transport = wanted.listen.kind === "unix"
    ? new UnixTransport(wanted, log)
    : new UdpTransport(wanted, log);
  open.push(transport);
  await transport.open((packet, from) => heard.push(`${new TextDecoder().decode(packet)} from ${from}`));
  return { transport, heard, logs };
}

async function freePort(hostname: string): Promise<number> {
  const socket = await Bun.udpSocket({ hostname, port: 0 });
  const { port } = socket;
  socket.close();
  return port;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("unicast", () => {
  for (const [kind, host] of [["udp4", "127.0.0.1"], ["udp6", "::1"]] as const) {
    test(`over ${kind} reaches every node, and from it comes an answer`, async () => {
      const at = async (): Promise<LegionAddress> => ({ kind, address: host, port: await freePort(host) });
      const [a, b, c] = [await at(), await at(), await at()];
      const first = await listen(plan(a, [b, c]));
      const second = await listen(plan(b, [a, c]));
      const third = await listen(plan(c, [a, b]));
      first.transport.send(bytes("hello"));
      await until("both have heard", () => second.heard.length === 1 && third.heard.length === 1);
      expect(second.heard).toEqual([`hello from ${host}`]);
      third.transport.send(bytes("answer"));
      await until("it is answered", () => first.heard.length === 1);
    });
  }

  for (const dead of [1, 2]) {
    test(`reaches every node also when ${dead} before it are down, every time`, async () => {
      const at = async (): Promise<LegionAddress> => ({
        kind: "udp4",
        address: "127.0.0.1",
        port: await freePort("127.0.0.1"),
      });
      const [own, last] = [await at(), await at()];
      const first = await listen(plan(own, [...await Promise.all(Array.from({ length: dead }, at)), last]));
      const second = await listen(plan(last, []));
      for (let packet = 1; packet <= 20; packet++) {
        first.transport.send(bytes("hello"));
        await until("it is heard", () => second.heard.length === packet);
      }
    });
  }

  test("goes on when a node is away, comes back and goes", async () => {
    const at = async (): Promise<LegionAddress> => ({
      kind: "udp4",
      address: "127.0.0.1",
      port: await freePort("127.0.0.1"),
    });
    const [a, b] = [await at(), await at()];
    const first = await listen(plan(a, [b]));
    first.transport.send(bytes("lost"));
    first.transport.send(bytes("lost"));
    const second = await listen(plan(b, [a]));
    first.transport.send(bytes("found"));
    await until("it is heard", () => second.heard.length === 1);
    expect(second.heard[0]).toBe("found from 127.0.0.1");
  });

  test("that cannot be sent is one line in the log, and one when it can be again", async () => {
    const own: LegionAddress = { kind: "udp4", address: "127.0.0.1", port: await freePort("127.0.0.1") };
    const { transport, logs } = await listen(plan(own, [own]));
    for (let count = 0; count < 3; count++) transport.send(new Uint8Array(66_000));
    transport.send(bytes("x"));
    expect(logs).toEqual([
      `cannot send to node "127.0.0.1:${own.port}": message too long`,
      `node "127.0.0.1:${own.port}" can be sent to again`,
    ]);
  });

  test("where another program listens says so", async () => {
    const own: LegionAddress = {
      kind: "udp4",
      address: "127.0.0.1",
      port: await freePort("127.0.0.1"),
    };
    await listen(plan(own, []));
    await expect(listen(plan(own, []))).rejects.toThrow(
      `cannot listen on 127.0.0.1:${own.port}: address already in use by another program`,
    );
  });

  test("at an address that is not this host's says so", async () => {
    await expect(listen(plan({ kind: "udp4", address: "203.0.113.9", port: 9191 }, []))).rejects.toThrow(
      "cannot listen on 203.0.113.9:9191: no interface of this host has this address",
    );
  });
});

describe("multicast", () => {
  async function group(changes: Partial<UdpTransportPlan> = {}): Promise<UdpTransportPlan> {
    const address: LegionAddress = { kind: "udp4", address: "225.1.1.1", port: await freePort("0.0.0.0") };
    return plan(address, [address], { multicast: true, multicastInterface: "lo", ...changes });
  }

  test("reaches all nodes of one host, the sender too", async () => {
    const wanted = await group();
    const nodes = [await listen(wanted), await listen(wanted), await listen(wanted)];
    nodes[0]!.transport.send(bytes("all"));
    await until("all have heard", () => nodes.every(({ heard }) => heard.length === 1));
    expect(nodes.every(({ transport }) => transport.problem === null)).toBe(true);
  });

  test("takes its interface by address too", async () => {
    const { transport, heard } = await listen(await group({ multicastInterface: "127.0.0.1" }));
    transport.send(bytes("x"));
    await until("it is heard", () => heard.length === 1);
  });

  test("over an interface that is not there is a problem with a name, and is waited for", async () => {
    const { transport, logs } = await listen(await group({ multicastInterface: "reeve9" }));
    expect(transport.problem).toBe(
      'cannot join multicast group 225.1.1.1: no interface of this host is, or has the address, "reeve9"',
    );
    expect(logs).toEqual([`${transport.problem}; tried again until it can be`]);
    transport.send(bytes("x"));
    transport.mend();
    expect(logs).toHaveLength(1);
  });
});

describe("unix sockets", () => {
  const directory = mkdtempSync(join(tmpdir(), "reeve-legion-"));
  const at = (name: string): LegionAddress => ({ kind: "unix", path: join(directory, name) });
  afterEach(() => {
    for (const transport of open.splice(0)) transport.close();
  });

  test("reach every node", async () => {
    const first = await listen(plan(at("a"), [at("b")]));
    const second = await listen(plan(at("b"), [at("a")]));
    first.transport.send(bytes("hello"));
    await until("it is heard", () => second.heard.length === 1);
    expect(second.heard).toEqual(["hello from a local process"]);
  });

  test("of a node that is away are one line in the log, and one when it is back", async () => {
    const { transport, logs } = await listen(plan(at("a"), [at("c")]));
    transport.send(bytes("x"));
    transport.send(bytes("x"));
    await listen(plan(at("c"), [at("a")]));
    transport.send(bytes("x"));
    const path = join(directory, "c");
    expect(logs).toEqual([
      `cannot send to node "${path}": no such file or directory`,
      `node "${path}" can be sent to again`,
    ]);
    rmSync(directory, { recursive: true });
  });
});
