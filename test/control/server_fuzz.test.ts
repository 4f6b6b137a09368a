/**
 * Spoilt requests against the server, over real sockets: every connection ends, nothing stays open, nothing
 * is a fault. FUZZ=1000000 in the environment makes it that many requests; the seed is fixed.
 */
import { expect, test } from "bun:test";
import { answerNow } from "../../lib/control/reply.ts";
import type { Handle } from "../../lib/control/request.ts";
import { ControlServer } from "../../lib/control/server.ts";
import { closeFd } from "../../lib/sys/file/descriptor.ts";
import { watcher } from "../../lib/sys/file/watcher.ts";
import { connectTo, listenAt } from "../../lib/sys/socket/scm.ts";
import { takeOver } from "../../lib/sys/socket/take_over.ts";
import { LOOP_TIMERS } from "../../lib/sys/timers.ts";
import { openDescriptors, openedSince } from "../support/descriptors.ts";
import { generator } from "../support/random.ts";
import { until } from "../support/until.ts";
import { Scratch } from "../sys/file/scratch.ts";

const REQUESTS = Number(process.env["FUZZ"] ?? 5000);
const TIMEOUT_MS = 30_000 + REQUESTS;
const AT_ONCE = 32;
const RULES = { entries: [], uid: process.getuid?.() ?? 0, overflowUid: 65534, overflowGid: 65534 };

const handle: Handle = ({ path, body }) => {
  if (path === "/big") return Promise.resolve(answerNow("x".repeat(100_000)));
  if (path !== "/stream") return Promise.resolve(answerNow({ path, body }));
  const stream = (async function* () {
    for (let count = 0; count < 5; count++) yield await Promise.resolve("x".repeat(count * 1000) + "\n");
  })();
  return Promise.resolve({ status: 200, type: "application/x-ndjson", stream });
};

type Random = (below: number) => number;

function anyRequest(random: Random): Buffer {
  const path = ["/v1/x", "/v1/x?a=b,c", "/big", "/stream"][random(20) === 0 ? 2 + random(2) : random(2)];
  const body = random(3) === 0
    ? JSON.stringify({ text: "y".repeat(random(random(50) === 0 ? 70_000 : 50)) })
    : "";
  const extra = random(200) === 0
    ? `X: ${"z".repeat(65_536)}\r\n`
    : random(4) === 0
    ? "Host: localhost\r\n"
    : "";
  if (body !== "" && random(2) === 0) {
    const size = body.length.toString(16);
    return Buffer.from(
      `POST ${path} HTTP/1.1\r\n${extra}Transfer-Encoding: chunked\r\n\r\n${size}\r\n${body}\r\n0\r\n\r\n`,
    );
  }
  const length = body === "" ? "" : `Content-Length: ${lengthOf(body, random)}\r\n`;
  return Buffer.from(`${body === "" ? "GET" : "POST"} ${path} HTTP/1.1\r\n${extra}${length}\r\n${body}`);
}

function lengthOf(body: string, random: Random): string {
  const bad = ["-1", "999999999999", "0x10", "1048577", "", "5 5", String(body.length + 7)];
  return random(25) === 0 ? bad[random(bad.length)] ?? "" : String(body.length);
}

/** Several in a row, some of them spoilt. */
function anyBytes(random: Random): { readonly bytes: Buffer; readonly count: number } {
  const count = 1 + random(60);
  const bytes = Buffer.concat(Array.from({ length: count }, () => anyRequest(random)));
  if (random(3) === 0) {
    for (let turns = 1 + random(5); turns > 0; turns--) bytes[random(bytes.length)] = random(256);
  }
  return { bytes: random(5) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes, count };
}

/** Sends them in pieces; how the client ends is random as well. Resolves when the server has ended it. */
function talk(path: string, random: Random): { readonly count: number; readonly ended: Promise<void> } {
  const { bytes, count } = anyBytes(random);
  const { promise, resolve } = Promise.withResolvers<void>();
  const isRude = random(8) === 0;
  let at = 0;
  const send = (socket: Bun.Socket): void => {
    while (at < bytes.length) {
      const piece = bytes.subarray(at, at + 1 + random(random(4) === 0 ? 5000 : 200_000));
      const taken = socket.write(piece);
      if (taken < 0) return;
      at += taken;
      if (taken < piece.length) return;
      if (isRude && random(20) === 0) return void socket.terminate();
    }
    socket.shutdown();
  };
  takeOver(connectTo(path), {
    open: send,
    drain: send,
    data: () => {},
    end: (socket) => void socket.end(),
    close: () => resolve(),
    error: () => {},
  }).catch(() => resolve());
  return { count, ended: promise };
}

test(
  `${REQUESTS} requests, many of them spoilt, leave no connection, no descriptor and no fault`,
  async () => {
    using scratch = new Scratch();
    const path = scratch.at("control");
    const fd = listenAt(path, 0o600, { backlog: 256 });
    const complaints: string[] = [];
    const server = new ControlServer({ fd, rules: RULES, mostFds: 1024 }, {
      handle,
      watcher: watcher(),
      timers: LOOP_TIMERS,
      now: () => performance.now(),
      complain: (text) => void complaints.push(text),
    });
    const next = generator(1);
    const random: Random = (below) => Math.floor(next() * below);
    const before = openDescriptors();
    let asked = 0;
    let memory = 0;
    while (asked < REQUESTS) {
      const talks = Array.from({ length: AT_ONCE }, () => talk(path, random));
      for (const { count, ended } of talks) {
        asked += count;
        await ended;
      }
      if (memory === 0 && asked > REQUESTS / 4) {
        Bun.gc(true);
        memory = process.memoryUsage.rss();
      }
    }
    await until(() => server.size === 0, "the server has let go of all clients");
    Bun.gc(true);
    const grown = process.memoryUsage.rss() - memory;
    server.close();
    closeFd(fd);
    expect(complaints).toEqual([]);
    expect(openedSince(before).filter((one) => one.includes("socket"))).toEqual([]);
    // The collector takes its time; a connection that is kept for good would be some 10 KB for each of them.
    expect(grown).toBeLessThan(100 << 20);
  },
  TIMEOUT_MS,
);
