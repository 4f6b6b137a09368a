/** The server among many clients of one user: what they may hold, and who has to go for the next. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { answerNow } from "../../lib/control/reply.ts";
import type { Handle } from "../../lib/control/request.ts";
import { ControlServer } from "../../lib/control/server.ts";
import { closeFd } from "../../lib/sys/file/descriptor.ts";
import { watcher } from "../../lib/sys/file/watcher.ts";
import { connectTo, listenAt } from "../../lib/sys/socket/scm.ts";
import { takeOver } from "../../lib/sys/socket/take_over.ts";
import { LOOP_TIMERS } from "../../lib/sys/timers.ts";
import { until } from "../support/until.ts";
import { Scratch } from "../sys/file/scratch.ts";

const MEGABYTE = 1 << 20;
const GET = "GET / HTTP/1.1\r\n\r\n";

let scratch: Scratch;
let fd: number;
let time: number;
let server: ControlServer | null;
const clients: Client[] = [];
const complaints: string[] = [];

beforeEach(() => {
  scratch = new Scratch();
  fd = listenAt(scratch.at("control"), 0o600, { backlog: 256 });
  time = 0;
});

afterEach(() => {
  for (const client of clients.splice(0)) client.socket?.terminate();
  server?.close();
  closeFd(fd);
  scratch[Symbol.dispose]();
  expect(complaints.splice(0)).toEqual([]);
});

function serve(handle: Handle, mostFds = 1024): ControlServer {
  const uid = process.getuid?.() ?? 0;
  server = new ControlServer({ fd, mostFds, rules: { entries: [], uid, overflowUid: -1, overflowGid: -1 } }, {
    handle,
    watcher: watcher(),
    timers: LOOP_TIMERS,
    now: () => time,
    complain: (text) => void complaints.push(text),
  });
  return server;
}

interface Client {
  socket: Bun.Socket | null;
  text: string;
  isGone: boolean;
}

async function connect(say: string, isReading = true): Promise<Client> {
  const client: Client = { socket: null, text: "", isGone: false };
  clients.push(client);
  client.socket = await takeOver(connectTo(scratch.at("control")), {
    open: (socket) => {
      if (!isReading) socket.pause();
      socket.write(say);
    },
    data: (_, bytes) => {
      client.text += bytes.toString();
    },
    close: () => {
      client.isGone = true;
    },
    error: () => {},
  });
  return client;
}

const endless: Handle = () => new Promise(() => {});

test("of what nobody reads no more is kept than for some clients: the one that waits longest is cut off", async () => {
  const document = "x".repeat(10 * MEGABYTE);
  const control = serve(() => Promise.resolve(answerNow(document)));
  for (let count = 0; count < 10; count++) {
    time += 1;
    await connect(GET, false);
    await until(() => control.unsent > Math.min(count + 1, 5) * 9 * MEGABYTE, "the answer waits");
    expect(control.unsent).toBeLessThan(64 * MEGABYTE);
  }
  expect(control.size).toBeLessThan(8);
});

test("where all are waited for by reeve itself the next is told to try again", async () => {
  const control = serve(endless);
  for (let count = 0; count < 64; count++) await connect(GET);
  await until(() => control.size === 64, "64 are connected");
  time += 10_000;
  const next = await connect(GET);
  await until(() => next.text !== "", "it has its answer");
  expect(next.text).toStartWith("HTTP/1.1 503");
  expect(next.text).toContain('"kind":"busy"');
  expect(control.size).toBe(64);
});

test("one that says nothing has to go for the next once it has kept reeve waiting for a second", async () => {
  const control = serve(() => Promise.resolve(answerNow(1)));
  const first = await connect("");
  await until(() => control.size === 1, "the first is connected");
  time += 1;
  for (let count = 1; count < 64; count++) await connect("");
  await until(() => control.size === 64, "64 are connected");
  const early = await connect(GET);
  await until(() => early.text !== "", "it has its answer");
  expect(early.text).toStartWith("HTTP/1.1 503");
  time += 1000;
  const late = await connect(GET);
  await until(() => late.text !== "", "it has its answer");
  expect(late.text).toStartWith("HTTP/1.1 200");
  await until(() => first.isGone, "the first is gone");
  expect(clients.filter(({ isGone }) => isGone)).toEqual([first, early]);
});

test("descriptors are left for the daemons", async () => {
  const probe = connectTo(scratch.at("control"));
  closeFd(probe);
  const control = serve(endless, probe + 16);
  for (let count = 0; count < 10; count++) await connect(GET);
  await until(
    () => clients.filter(({ isGone }) => isGone).length > 5,
    "most are refused",
  );
  expect(control.size).toBeLessThan(4);
});
