/** One connection, with a socket, a clock and a client that the test moves itself. */
import { describe, expect, test } from "bun:test";
import { Connection } from "../../lib/control/connection.ts";
import { MOST_BODY_BYTES } from "../../lib/control/http/request_parser.ts";
import { ResponseParser } from "../../lib/control/http/response_parser.ts";
import { answerNow } from "../../lib/control/reply.ts";
import { Turns } from "../../lib/control/turns.ts";
import type { Handle, Peer, Request } from "../../lib/control/request.ts";

const PEER: Peer = { pid: 1, uid: 0, gid: 0, groups: [], level: "admin" };
const GET = "GET /v1/x HTTP/1.1\r\n\r\n";

class Clock {
  time = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();
  readonly timers = {
    after: (milliseconds: number, run: () => void): { cancel(): void } => {
      const timer = { at: this.time + milliseconds, run };
      this.#timers.add(timer);
      return { cancel: () => void this.#timers.delete(timer) };
    },
  };

  get count(): number {
    return this.#timers.size;
  }

  async pass(milliseconds: number): Promise<void> {
    this.time += milliseconds;
    for (const timer of [...this.#timers]) {
      if (timer.at > this.time || !this.#timers.delete(timer)) continue;
      timer.run();
    }
    await settled();
  }
}

/** Everything that promises make of each other has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
}

class Client {
  readonly clock = new Clock();
  readonly requests: Request[] = [];
  readonly faults: unknown[] = [];
  /** Bytes that it takes before its buffer is full. */
  room = Infinity;
  isPaused = false;
  isShut = false;
  isGone = false;
  behind = 0;
  readonly connection: Connection;
  #taken = Buffer.alloc(0);

  constructor(handle: Handle = () => Promise.resolve(answerNow(null))) {
    this.connection = new Connection(
      {
        write: (bytes) => {
          if (this.isGone) return -1;
          const count = Math.min(this.room, bytes.length);
          this.room -= count;
          this.#taken = Buffer.concat([this.#taken, bytes.subarray(0, count)]);
          return count;
        },
        pause: () => {
          this.isPaused = true;
        },
        resume: () => {
          this.isPaused = false;
        },
        shutdown: () => {
          this.isShut = true;
        },
        terminate: () => {
          this.isGone = true;
        },
      },
      PEER,
      {
        handle: (request) => {
          this.requests.push(request);
          return handle(request);
        },
        timers: this.clock.timers,
        turns: new Turns(this.clock.timers),
        now: () => this.clock.time,
        failed: (error) => this.faults.push(error),
        isBehind: () => this.behind++,
      },
    );
  }

  async send(text: string | Uint8Array): Promise<this> {
    this.connection.received(Buffer.from(text));
    await settled();
    return this;
  }

  async makeRoom(room: number): Promise<void> {
    this.room = room;
    this.connection.drained();
    await settled();
  }

  get text(): string {
    return this.#taken.toString();
  }

  get statuses(): number[] {
    return [...this.text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status));
  }
}

describe("a client", () => {
  test("gets an answer to each of several requests, in their order, and may ask on", async () => {
    const client = new Client(({ path }) => Promise.resolve(answerNow(path)));
    await client.send("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    await client.send("GET /c HTTP/1.1\r\n\r\n");
    await client.clock.pass(0);
    await client.clock.pass(0);
    expect([...client.text.matchAll(/"result":"(.*?)"/g)].map(([, path]) => path)).toEqual([
      "/a",
      "/b",
      "/c",
    ]);
    expect(client.isShut || client.isGone).toBe(false);
  });

  test("that says close, or speaks HTTP/1.0, is let go of after its answer", async () => {
    for (const text of ["GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"]) {
      const client = await new Client().send(text);
      expect(client.statuses).toEqual([200]);
      expect(client.isShut).toBe(true);
      await client.clock.pass(1000);
      expect(client.isGone).toBe(true);
      expect(client.clock.count).toBe(0);
    }
  });

  test("that asks a thousand times in a row has its answers after everything else has had its turns", async () => {
    const client = await new Client().send(GET.repeat(1000));
    client.connection.ended();
    expect(client.statuses.length).toBeLessThan(10);
    let turns = 0;
    for (; client.statuses.length < 1000 && turns < 2000; turns++) await client.clock.pass(0);
    expect(turns).toBeGreaterThan(400);
    expect(client.statuses).toHaveLength(1000);
    expect(client.isGone).toBe(true);
  });

  test("that ends its half after several requests gets all answers", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const client = new Client(() => promise.then(() => answerNow(1)));
    await client.send(GET + GET + GET);
    client.connection.ended();
    resolve();
    await settled();
    await client.clock.pass(0);
    await client.clock.pass(0);
    expect(client.statuses).toEqual([200, 200, 200]);
    expect(client.isGone).toBe(true);
  });

  test("that sends nothing, or a request too slowly, is cut off after ten seconds", async () => {
    const silent = new Client();
    await silent.clock.pass(9999);
    expect(silent.isGone).toBe(false);
    await silent.clock.pass(1);
    expect(silent.isGone).toBe(true);
    const slow = new Client();
    for (let second = 0; second < 12; second++) {
      await slow.send(second === 0 ? "GET /" : "x");
      await slow.clock.pass(1000);
    }
    expect(slow.statuses).toEqual([408]);
    expect(slow.isShut).toBe(true);
    expect(slow.requests).toEqual([]);
  });

  test("that sends empty lines in front of a request gains no time by them", async () => {
    const client = new Client();
    for (let second = 0; second < 12; second++) {
      await client.send("\r\n");
      await client.clock.pass(1000);
    }
    expect(client.isShut || client.isGone).toBe(true);
  });

  test("that keeps its connection is let go of after a minute without a request", async () => {
    const client = await new Client().send(GET);
    await client.clock.pass(59_999);
    expect(client.isGone).toBe(false);
    await client.clock.pass(1);
    expect(client.isGone).toBe(true);
  });

  test("that takes nothing of an answer is cut off, one that takes some is not", async () => {
    const client = new Client(() => Promise.resolve(answerNow("x".repeat(10_000))));
    client.room = 100;
    await client.send(GET);
    expect(client.behind).toBe(1);
    expect(client.connection.unsent).toBeGreaterThan(9000);
    await client.clock.pass(20_000);
    await client.makeRoom(100);
    await client.clock.pass(20_000);
    expect(client.isGone).toBe(false);
    await client.clock.pass(30_000);
    expect(client.isGone).toBe(true);
    expect(client.connection.unsent).toBe(0);
  });

  test("is asked for nothing more while it is answered, however much it sends", async () => {
    const client = new Client(() => new Promise(() => {}));
    await client.send(GET);
    for (let sent = 0; sent <= MOST_BODY_BYTES && !client.isPaused; sent += 100_000) {
      await client.send(Buffer.alloc(100_000, 97));
    }
    expect(client.isPaused).toBe(true);
    expect(client.requests).toHaveLength(1);
  });

  test("of a malformed request is told so, and nothing that it sends afterwards is heard", async () => {
    const client = await new Client().send("nonsense\r\n\r\n");
    await client.send(GET);
    expect(client.statuses).toEqual([400]);
    expect(client.text).toContain("Connection: close");
    expect(client.requests).toEqual([]);
    expect(client.isShut).toBe(true);
  });

  test("of a body that is no JSON, or with another host, is told so and may ask on", async () => {
    const client = new Client();
    await client.send("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{]");
    await client.send('POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n"\xff"');
    await client.send("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    await client.send("GET / HTTP/1.1\r\nHost: reeve\r\n\r\n");
    expect(client.statuses).toEqual([400, 200, 421, 200]);
  });

  test("that waits for 100 Continue is told to go on", async () => {
    const client = new Client();
    await client.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    expect(client.statuses).toEqual([100]);
    await client.send("{}");
    expect(client.statuses).toEqual([100, 200]);
    expect(client.requests[0]?.body).toEqual({});
  });

  test("that goes away aborts what it asked for", async () => {
    const client = new Client(() => new Promise(() => {}));
    await client.send(GET);
    expect(client.requests[0]?.signal.aborted).toBe(false);
    client.connection.close();
    expect(client.requests[0]?.signal.aborted).toBe(true);
    expect(client.clock.count).toBe(0);
  });

  test("of a handler that throws, or answers with what is no JSON, is told so, and reeve hears of it", async () => {
    const throws = await new Client(() => Promise.reject(new Error("boom"))).send(GET);
    expect(throws.statuses).toEqual([500]);
    expect(throws.faults).toHaveLength(1);
    const odd = await new Client(() => Promise.resolve(answerNow(1n))).send(GET);
    expect(odd.faults).toHaveLength(1);
    expect(odd.isGone).toBe(true);
  });
});

describe("a stream", () => {
  const numbers = async function* (count: number, ended: () => void): AsyncGenerator<string> {
    try {
      for (let number = 0; number < count; number++) yield `${number}\n`;
    } finally {
      ended();
    }
  };
  const follow = (count: number, ended: () => void = () => {}): Handle => () =>
    Promise.resolve({ status: 200, type: "application/x-ndjson", stream: numbers(count, ended) });

  test("comes in chunks and ends with its last", async () => {
    const client = await new Client(follow(3)).send(GET);
    const parser = new ResponseParser();
    parser.push(Buffer.from(client.text));
    const parts: Uint8Array[] = [];
    for (let part = parser.read(); part !== null; part = parser.read()) parts.push(part);
    expect(Buffer.concat(parts).toString()).toBe("0\n1\n2\n");
    expect(parser.isComplete).toBe(true);
    expect((await client.send(GET)).statuses).toEqual([200, 200]);
  });

  test("goes to an old client as it is, until the end of the connection", async () => {
    const client = await new Client(follow(3)).send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect(client.text).toEndWith("\r\n\r\n0\n1\n2\n");
    expect(client.isShut).toBe(true);
  });

  test("waits for a client that reads nothing, holding one piece, for as long as it likes", async () => {
    let made = 0;
    const client = new Client(() =>
      Promise.resolve({
        status: 200,
        type: "text/plain",
        stream: (async function* () {
          for (;; made++) yield "x".repeat(100);
        })(),
      })
    );
    client.room = 500;
    await client.send(GET);
    await client.clock.pass(3_600_000);
    expect(client.isGone).toBe(false);
    expect(made).toBeLessThan(6);
    expect(client.connection.unsent).toBeLessThan(200);
    client.connection.close();
  });

  test("is told when its client goes, while it waits and while it has something to say", async () => {
    let ended = 0;
    const client = new Client(follow(1_000_000, () => ended++));
    client.room = 1000;
    await client.send(GET);
    client.connection.close();
    await settled();
    expect(ended).toBe(1);
    const waiting = new Client(({ signal }) =>
      Promise.resolve({
        status: 200,
        type: "text/plain",
        stream: (async function* () {
          yield "first\n";
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          ended += 1;
        })(),
      })
    );
    await waiting.send(GET);
    waiting.connection.close();
    await settled();
    expect(ended).toBe(2);
    expect(waiting.faults).toEqual([]);
  });

  test("that breaks leaves an answer without an end, and reeve hears of it", async () => {
    const client = new Client(() =>
      Promise.resolve({
        status: 200,
        type: "text/plain",
        stream: (async function* () {
          yield "first\n";
          await Promise.reject(new Error("boom"));
        })(),
      })
    );
    await client.send(GET);
    await settled();
    expect(client.text).not.toContain("0\r\n\r\n");
    expect(client.isGone).toBe(true);
    expect(client.faults).toHaveLength(1);
  });
});
