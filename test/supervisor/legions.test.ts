/** All legions of an instance, over real sockets of the loopback; the instance is a stand-in. */
import { afterEach, describe, expect, spyOn, test } from "bun:test";
import type { LegionPlan } from "../../lib/config/plan/legion_plan.ts";
import type { LegionDaemons } from "../../lib/supervisor/legion_deps.ts";
import type { CommandRunner } from "../../lib/process/command_runner.ts";
import { Legions } from "../../lib/supervisor/legions.ts";
import type { Logger } from "../../lib/log/logger.ts";
import { SharedParts } from "../../lib/supervisor/shared_parts.ts";
import { until } from "../sys/until.ts";
import { INSTANCE_PLAN } from "../support/plans.ts";

const ORIGIN = { file: "x.ini", line: 1 };

async function freePort(): Promise<number> {
  const socket = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
  const { port } = socket;
  socket.close();
  return port;
}

function legion(name: string, port: number, changes: Partial<LegionPlan> = {}): LegionPlan {
  return {
    name,
    valor: 5,
    transport: {
      kind: "udp",
      listen: { kind: "udp4", address: "127.0.0.1", port },
      multicast: false,
      multicastInterface: null,
      broadcast: false,
      nodes: [],
      cipher: "aes-256-cbc",
      secret: "s",
      iv: null,
      authSecret: null,
    },
    quorum: 0,
    freq: 0.02,
    tolerance: 1,
    skewTolerance: 60,
    deathOnLordError: null,
    scroll: null,
    scrollMaxSize: 4096,
    scrollListMaxSize: 32_768,
    hookTimeout: 5,
    hooks: [],
    origin: ORIGIN,
    ...changes,
  };
}

const all: Legions[] = [];
afterEach(async () => {
  for (const legions of all.splice(0)) {
    legions.leave(true);
    await legions.closed();
  }
});

function world(plans: readonly LegionPlan[]) {
  const lines: string[] = [];
  const changes: string[] = [];
  const down = new Set(plans.map(({ name }) => name));
  const say = (level: string) => (_daemon: string | null, text: string) =>
    void lines.push(`${level} ${text}`);
  const logger = {
    log: (level: string, _daemon: string | null, text: string) => void lines.push(`${level} ${text}`),
    info: say("info"),
    warning: say("warning"),
    error: say("error"),
  } as unknown as Logger;
  const daemons: LegionDaemons = {
    lordChanged: (name) => {
      const isLord = legions.isLord(name);
      changes.push(`${name} ${isLord}`);
      if (isLord) down.delete(name);
    },
    areDown: (name) => down.has(name),
    longestGrace: () => 0,
    signal: () => {},
  };
  const commands: string[] = [];
  const legions = new Legions({
    plan: { instance: { ...INSTANCE_PLAN, legions: plans }, daemons: [], files: [] },
    logger,
    repeats: new SharedParts(logger).repeats,
    jail: null,
    commands: {
      run: (command: { readonly text: string }) => {
        commands.push(command.text);
        return Promise.resolve({ kind: "exited", code: 0 });
      },
    } as unknown as CommandRunner,
    parseCommand: (text) => ({ kind: "words", text, words: text.split(" ") }),
    hooks: { environment: { list: [], path: "" }, cwd: "/" },
  }, 50);
  all.push(legions);
  return {
    daemons,
    legions,
    lines,
    changes,
    down,
    commands,
  };
}

describe("the legions of an instance", () => {
  test("give the right to run with a lordship, and what its daemons are told", async () => {
    const { daemons, legions, changes } = world([legion("blue", await freePort())]);
    await legions.start(true, daemons);
    expect([legions.isLord("blue"), legions.lordship("blue"), legions.isLord("green")]).toEqual([
      false,
      null,
      false,
    ]);
    await until("it is lord", () => legions.isLord("blue"));
    expect(changes).toEqual(["blue true"]);
    const names = legions.lordship("blue")?.variables.map(({ name }) => name);
    expect(names).toEqual(["REEVE_LEGION", "REEVE_LEGION_VALOR", "REEVE_LEGION_UUID", "REEVE_LEGION_TERM"]);
    expect(legions.states()[0]).toMatchObject({ name: "blue", isLord: true, votes: 1 });
  });

  test("refuse the first start when one cannot take part, and let go of the others", async () => {
    const [free, taken] = [await freePort(), await freePort()];
    const holder = await Bun.udpSocket({ hostname: "127.0.0.1", port: taken });
    const { daemons, legions } = world([legion("blue", free), legion("green", taken)]);
    await expect(legions.start(true, daemons)).rejects.toThrow(
      `cannot take part in legion "green": cannot listen on 127.0.0.1:${taken}: address already in use`,
    );
    (await Bun.udpSocket({ hostname: "127.0.0.1", port: free })).close();
    holder.close();
  });

  test("after a reload try again until they can take part", async () => {
    const port = await freePort();
    const holder = await Bun.udpSocket({ hostname: "127.0.0.1", port });
    const { daemons, legions, lines } = world([legion("blue", port)]);
    await legions.start(false, daemons);
    expect(lines.join()).toContain(
      `error cannot take part in legion "blue": cannot listen on 127.0.0.1:${port}`,
    );
    expect(legions.isLord("blue")).toBe(false);
    holder.close();
    await until("it is lord", () => legions.isLord("blue"));
  });

  test("run their death hooks once the daemons are down, and are closed then", async () => {
    const port = await freePort();
    const hook = {
      event: "death",
      action: { kind: "cmd", command: "bury" },
      shown: "cmd:bury",
      origin: ORIGIN,
    } as const;
    const { daemons, legions, down, commands } = world([legion("blue", port, { hooks: [hook] })]);
    await legions.start(true, daemons);
    await until("it is lord", () => legions.isLord("blue"));
    legions.leave(true);
    await new Promise((turned) => setImmediate(turned));
    expect(commands).toEqual([]);
    down.add("blue");
    legions.daemonDown("blue");
    await legions.closed();
    expect(commands).toEqual(["bury"]);
    (await Bun.udpSocket({ hostname: "127.0.0.1", port })).close();
  });

  test("start anew after a reload that came to nothing", async () => {
    const port = await freePort();
    const { daemons, legions, down } = world([legion("blue", port)]);
    await legions.start(true, daemons);
    await until("it is lord", () => legions.isLord("blue"));
    const [before] = legions.states();
    legions.leave(false);
    down.add("blue");
    await legions.closed();
    expect(legions.isLord("blue")).toBe(false);
    await legions.start(false, daemons);
    await until("it is lord again", () => legions.isLord("blue"));
    expect(legions.states()[0]?.id.uuid).not.toBe(before?.id.uuid);
  });

  for (const ends of ["well", "badly"]) {
    test(`that are left while a late start is under way are not there twice, though it ends ${ends}`, async () => {
      const port = await freePort();
      const holder = await Bun.udpSocket({ hostname: "127.0.0.1", port });
      const { daemons, legions, lines } = world([legion("blue", port)]);
      await legions.start(false, daemons);
      holder.close();
      const { promise: gate, resolve: open, reject: fail } = Promise.withResolvers<void>();
      const listen = Bun.udpSocket;
      const asked = spyOn(Bun, "udpSocket").mockImplementationOnce(
        (async (options: Parameters<typeof listen>[0]) => {
          await gate;
          return await listen(options);
        }) as typeof listen,
      );
      await until("it is tried again", () => asked.mock.calls.length === 1);
      asked.mockRestore();
      legions.leave(false);
      const closed = legions.closed();
      if (ends === "well") open();
      else fail(new Error("no"));
      await closed;
      await legions.start(false, daemons);
      await until("it is lord", () => legions.isLord("blue"));
      expect(legions.states()).toHaveLength(1);
      expect(lines.filter((line) => line.startsWith("error"))).toHaveLength(1);
    });
  }
});
