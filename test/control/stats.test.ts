import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StatsPlan } from "../../lib/config/plan/stats_plan.ts";
import { readStats } from "../../lib/control/stats/client.ts";
import type { Snapshot } from "../../lib/control/snapshot.ts";
import { stateLines } from "../../lib/control/state_lines.ts";
import { statsDocument } from "../../lib/control/stats/document.ts";
import { serveStats, type StatsServer } from "../../lib/control/stats/server.ts";
import { until } from "../sys/until.ts";

const directory = mkdtempSync(join(tmpdir(), "reeve-stats-"));
const servers: StatsServer[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  for (const socket of sockets.splice(0)) socket.destroy();
});
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

/** Readers, and documents that are not taken, at the same time. */
const LIMIT = 256;
const DOCUMENTS = 32;
const CROWD = LIMIT + 40;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

type Where = Pick<StatsPlan, "address" | "http">;

async function tcp(http = false): Promise<Where> {
  return { address: { kind: "tcp", host: "127.0.0.1", port: await freePort() }, http };
}
const unix = (name: string): Where => ({
  address: { kind: "unix", path: join(directory, name) },
  http: false,
});

async function serve(
  where: Where,
  document: () => string = () => '{"a":1}\n',
  patience?: number,
): Promise<void> {
  servers.push(await serveStats(where, document, patience));
}

const openFiles = (): number => readdirSync("/proc/self/fd").length;

/** Connects and never goes by itself. */
function crowd({ address }: Where): Socket {
  if (address.kind !== "tcp") throw new TypeError("no address of TCP");
  const socket = connect({ port: address.port, host: address.host, allowHalfOpen: true });
  socket.on("error", () => {});
  sockets.push(socket);
  return socket;
}

/** Everything that the server says to somebody who says `words`. */
function ask({ address }: Where, words = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = address.kind === "unix" ? connect(address.path) : connect(address.port, address.host);
    sockets.push(socket);
    let text = "";
    socket.on("data", (bytes) => (text += bytes.toString()));
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
    if (words !== "") socket.write(words);
  });
}

describe("the statistics server", () => {
  test("says its document to everybody who connects, and closes", async () => {
    for (const where of [await tcp(), unix("s")]) {
      let asked = 0;
      await serve(where, () => `{"asked":${++asked}}\n`);
      expect(await ask(where)).toBe('{"asked":1}\n');
      expect(await ask(where, "GET / HTTP/1.0\r\n\r\n")).toBe('{"asked":2}\n');
      expect(await readStats(where)).toEqual({ asked: 3 });
    }
  });

  test("speaks HTTP where it is told to, once it is asked", async () => {
    const where = await tcp(true);
    await serve(where);
    const answer = await ask(where, "GET /whatever HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(answer).toBe(
      'HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a":1}\n',
    );
    expect(await readStats(where)).toEqual({ a: 1 });
    const { address } = where;
    if (address.kind === "tcp") {
      expect(await (await fetch(`http://127.0.0.1:${address.port}/`)).json()).toEqual({ a: 1 });
    }
  });

  test("sends 5 MB whole to a reader that takes its time", async () => {
    const where = await tcp();
    const long = JSON.stringify("x".repeat(5_000_000));
    await serve(where, () => long);
    const { address } = where;
    if (address.kind !== "tcp") return;
    const socket = connect(address.port, address.host);
    sockets.push(socket);
    let length = 0;
    let done = false;
    socket.on("data", (bytes) => {
      length += bytes.length;
      socket.pause();
      setImmediate(() => socket.resume());
    });
    socket.on("close", () => (done = true));
    await until("all is read", () => done);
    expect(length).toBe(long.length);
  });

  test("sends all to a reader that says at once that it has nothing to say", async () => {
    const where = await tcp();
    await serve(where, () => "x".repeat(5_000_000));
    const { address } = where;
    if (address.kind !== "tcp") return;
    const socket = connect({ port: address.port, host: address.host, allowHalfOpen: true });
    sockets.push(socket);
    let length = 0;
    let done = false;
    socket.end();
    await until("the server has heard it", () => socket.writableFinished);
    socket.on("data", (bytes) => (length += bytes.length));
    socket.on("end", () => (done = true));
    await until("all is read", () => done);
    expect(length).toBe(5_000_000);
  });

  test("cuts off who takes nothing, and serves the others meanwhile", async () => {
    const where = await tcp();
    // More than the buffers take for the slow one alone: the other is to be quick on a busy machine too.
    let served = 0;
    await serve(where, () => JSON.stringify("x".repeat(served++ === 0 ? 20_000_000 : 10)), 300);
    const { address } = where;
    if (address.kind !== "tcp") return;
    const slow = connect(address.port, address.host);
    sockets.push(slow);
    let ended = false;
    slow.on("close", () => (ended = true));
    slow.on("error", () => (ended = true));
    slow.pause();
    await until("it is served", () => served === 1);
    expect(await ask(where)).toBe('"xxxxxxxxxx"');
    await Bun.sleep(400);
    slow.resume();
    await until("it is cut off", () => ended);
  });

  test("serves a thousand readers at once, each of them", async () => {
    const where = await tcp();
    await serve(where);
    const answers = await Promise.all(Array.from({ length: 1000 }, () => ask(where)));
    expect(answers.filter((answer) => answer === '{"a":1}\n')).toHaveLength(1000);
  });

  for (const http of [false, true]) {
    test(`is not kept from others by a crowd that never goes, ${http ? "with" : "without"} HTTP`, async () => {
      const where = await tcp(http);
      await serve(where);
      const before = openFiles();
      for (let count = 0; count < CROWD; count++) {
        const socket = crowd(where);
        await new Promise((resolve) => socket.once("connect", resolve));
      }
      expect(await readStats(where)).toEqual({ a: 1 });
      await until("there are no more than may be", () => openFiles() <= before + CROWD + LIMIT);
    });
  }

  test("keeps a fixed number of documents for a crowd that takes none", async () => {
    const where = await tcp();
    await serve(where, () => "x".repeat(8_000_000));
    let gone = 0;
    for (let count = 0; count < DOCUMENTS + 5; count++) {
      const socket = crowd(where);
      // It reads a little, so that it hears of its end.
      socket.on("readable", () => socket.read(1));
      socket.on("close", () => gone++);
      await new Promise((resolve) => socket.once("connect", resolve));
    }
    await until("the oldest are let go of", () => gone === 5);
    expect(await ask(where)).toHaveLength(8_000_000);
  });

  test("does not listen where somebody does, and says so", async () => {
    for (const where of [await tcp(), unix("taken")]) {
      await serve(where);
      const { address } = where;
      const shown = address.kind === "unix" ? address.path : `127.0.0.1:${address.port}`;
      await expect(serve(where)).rejects.toThrow(
        `cannot serve statistics on ${shown}: address already in use`,
      );
      expect(await ask(where)).toBe('{"a":1}\n');
    }
  });

  test("replaces a socket that a dead process left, and nothing else", async () => {
    const where = unix("left");
    const { address } = where;
    if (address.kind !== "unix") return;
    const program = `import socket; socket.socket(socket.AF_UNIX).bind("${address.path}")`;
    expect(Bun.spawnSync(["python3", "-c", program]).success).toBe(true);
    await serve(where);
    expect(await ask(where)).toBe('{"a":1}\n');
    servers.splice(0)[0]!.close();
    expect(existsSync(address.path)).toBe(false);
    writeFileSync(address.path, "precious");
    await expect(serve(where)).rejects.toThrow("cannot serve statistics on");
    expect(await Bun.file(address.path).text()).toBe("precious");
  });
});

describe("asking for statistics", () => {
  test("where nobody answers says so", async () => {
    const where = await tcp();
    const { address } = where;
    if (address.kind !== "tcp") return;
    await expect(readStats(where)).rejects.toThrow(
      `cannot ask 127.0.0.1:${address.port}: nobody listens there; does the instance run?`,
    );
    await expect(readStats(unix("nobody"))).rejects.toThrow("nobody listens there");
  });

  test("of somebody who says something else says so", async () => {
    const where = await tcp();
    await serve(where, () => "<html>");
    await expect(readStats(where)).rejects.toThrow("it is no JSON");
  });
});

const SNAPSHOT: Snapshot = {
  at: 100_000,
  instance: "app",
  pid: 7,
  uid: 0,
  gid: 0,
  cwd: "/",
  jail: { state: "up", pid: 4, root: "/srv" },
  daemons: [{
    name: "web",
    command: "web --x",
    pid: 9,
    respawns: 3,
    state: "running",
    legion: null,
    kind: "dumb",
    desired: "up",
    closed: [],
    since: 40_900,
    isUp: true,
    isOlder: false,
    lastExit: { kind: "killed", signal: 9 },
    nextStart: null,
  }, {
    name: "mail",
    command: "mail",
    pid: 0,
    respawns: 0,
    state: "waiting",
    legion: "blue",
    kind: "dumb",
    desired: "up",
    closed: ["jail"],
    since: 99_000,
    isUp: false,
    isOlder: false,
    lastExit: { kind: "exited", code: 3 },
    nextStart: 102_000,
  }],
  legions: [{
    name: "blue",
    address: "225.1.1.1:9191",
    id: { uuid: "u", name: "node1", valor: 5 },
    nodes: ["225.1.1.1:9191"],
    members: [{
      name: "node2",
      uuid: "v",
      valor: 4,
      checksum: 12n,
      lastSeen: 99,
      lordValor: 5,
      lordUuid: "u",
      scroll: null,
    }],
    checksum: 12n,
    votes: 2,
    quorum: 2,
    isLord: true,
    since: 98,
    lordValor: 5,
    lordUuid: "u",
    lordScroll: "hello",
    problem: null,
    refused: { secret: 4 },
  }],
};

test("the document has uWSGI's names, its order, and respawns that are right", () => {
  const facts = SNAPSHOT;
  const document = JSON.parse(statsDocument(facts, "1.2.3", false)) as Record<string, unknown>;
  expect(Object.keys(document).slice(0, 9)).toEqual([
    "version",
    "listen_queue",
    "listen_queue_errors",
    "signal_queue",
    "load",
    "pid",
    "uid",
    "gid",
    "cwd",
  ]);
  expect(document["daemons"]).toEqual([
    {
      cmd: "web --x",
      pid: 9,
      respawns: 3,
      name: "web",
      state: "running",
      legion: null,
      desired: "up",
      kind: "dumb",
      since: 40,
      last_exit: "signal KILL",
      next_start: null,
      older_command: false,
    },
    expect.objectContaining({ name: "mail", last_exit: "code 3", since: 99, next_start: 102 }),
  ]);
  const [legion] = document["legions"] as Record<string, unknown>[];
  expect(legion).toMatchObject({
    legion: "blue",
    addr: "225.1.1.1:9191",
    uuid: "u",
    valor: 5,
    checksum: 12,
    quorum: 2,
    i_am_the_lord: 98,
    lord_valor: 5,
    lord_uuid: "u",
    nodes: ["225.1.1.1:9191"],
    members: [{ name: "node2", uuid: "v", valor: 4, checksum: 12, last_seen: 99 }],
  });
  const small = statsDocument(facts, "1.2.3", true);
  expect(small).not.toContain("\t");
  expect(JSON.parse(small)).toEqual(document);
  const follower = statsDocument(
    { ...facts, legions: [{ ...facts.legions[0]!, isLord: false }] },
    "1.2.3",
    true,
  );
  expect(follower).toContain('"i_am_the_lord":0');
});

test("the log has a line for the jail, each daemon, each legion and each member of one", () => {
  const lines = stateLines(SNAPSHOT);
  expect(lines.map(({ daemon, text }) => `${daemon}: ${text}`)).toEqual([
    "null: jail: up",
    "web: running",
    "mail: waiting",
    'null: legion "blue": i am the Lord',
    'null: legion "blue": node: node2',
  ]);
  expect(lines[1]?.fields).toEqual({
    desired: "up",
    kind: "dumb",
    pid: 9,
    respawns: 3,
    up: "59s",
    last_exit: "signal KILL",
    command: "web --x",
  });
  expect(lines[2]?.fields).toMatchObject({ last_exit: "code 3", next_start: "2s" });
  expect(lines[3]?.fields).toMatchObject({ lord: "node1", votes: 2, members: 1 });
});
