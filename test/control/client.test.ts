/** The client of the control socket, against a server that says what a test tells it to. */
import { afterEach, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConnectionLost, ControlClient } from "../../lib/control/client.ts";
import { errorCode } from "../../lib/sys/errno.ts";
import { ownCredentials } from "../../lib/sys/process/own_process.ts";

// The native library may have to be compiled first.
beforeAll(() => void ownCredentials(), 60_000);

const opened: { stop(): void }[] = [];
afterEach(() => opened.splice(0).forEach((one) => one.stop()));

interface Server {
  readonly path: string;
  readonly requests: string[];
  connections: number;
}

/** Answers each request with the next of the texts, byte by byte; null: ends the connection. */
function serve(...answers: readonly (string | null)[]): Server {
  const directory = mkdtempSync(join(tmpdir(), "reeve-client-"));
  const server: Server = { path: join(directory, "control"), requests: [], connections: 0 };
  const left = [...answers];
  const listener = Bun.listen({
    unix: server.path,
    socket: {
      open: () => void server.connections++,
      async data(socket, bytes) {
        server.requests.push(bytes.toString());
        const answer = left.shift() ?? null;
        for (const byte of Buffer.from(answer ?? "")) {
          socket.write(Buffer.from([byte]));
          if (byte === 10) await Bun.sleep(0);
        }
        if (answer === null || !/Content-Length|chunked/.test(answer)) socket.end();
      },
    },
  });
  opened.push({
    stop: () => {
      listener.stop(true);
      rmSync(directory, { recursive: true });
    },
  });
  return server;
}

const json = (value: unknown, head = "HTTP/1.1 200 OK"): string => {
  const text = JSON.stringify(value);
  return `${head}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
};

test("questions go over one connection, one after the other", async () => {
  const server = serve(json({ a: "ä" }), json([1], "HTTP/1.1 404 Not Found"));
  const client = await ControlClient.open(server.path);
  expect(await client.ask("GET", "/v1/x")).toEqual({ status: 200, body: { a: "ä" } });
  expect(await client.ask("POST", "/v1/y", { b: "ö" })).toEqual({ status: 404, body: [1] });
  client.close();
  expect(server.requests).toEqual([
    "GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "POST /v1/y HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n" +
    '{"b":"ö"}',
  ]);
  expect(server.connections).toBe(1);
});

test("where the server ends the connection the next question opens another", async () => {
  const closing = json(1).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
  const server = serve(closing, "HTTP/1.1 200 OK\r\n\r\n2", json(3));
  const client = await ControlClient.open(server.path);
  for (const body of [1, 2, 3]) expect(await client.ask("GET", "/")).toEqual({ status: 200, body });
  expect(server.connections).toBe(3);
  client.close();
});

test("a stream is its lines, whatever pieces they come in", async () => {
  const chunks = ["ab", "c\nde\nf", "\n"].map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join(
    "",
  );
  const server = serve(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
  const client = await ControlClient.open(server.path);
  const lines: string[] = [];
  for await (const line of await client.follow("/v1/events", () => {})) lines.push(line);
  expect(lines).toEqual(["abc", "de", "f"]);
  client.close();
});

test("a stream is ended while its next line is awaited", async () => {
  const server = serve("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na\n\r\n");
  const client = await ControlClient.open(server.path);
  const lines = await client.follow("/v1/events", () => {});
  expect(await lines.next()).toEqual({ done: false, value: "a" });
  const next = lines.next();
  await lines.return?.();
  expect(await next).toEqual({ done: true, value: undefined });
  client.close();
});

test("a stream that is refused has an answer in its place", async () => {
  const server = serve(json({ type: "error" }, "HTTP/1.1 403 Forbidden"));
  const client = await ControlClient.open(server.path);
  const refused = client.follow("/v1/events", ({ status, body }) => {
    throw new Error(`${status} ${JSON.stringify(body)}`);
  });
  expect(refused).rejects.toThrow('403 {"type":"error"}');
  await refused.catch(() => {});
  client.close();
});

test.each([
  ["is ended before the answer", null],
  ["is ended in its head", "HTTP/1.1 200 OK\r\nA: b"],
  ["speaks something else", "SSH-2.0-OpenSSH\r\n"],
])("where the connection %s it is lost", async (_name, answer) => {
  const server = serve(answer);
  const client = await ControlClient.open(server.path);
  expect(client.ask("GET", "/")).rejects.toBeInstanceOf(ConnectionLost);
  await client.ask("GET", "/").catch(() => {});
  client.close();
});

test("where nobody serves the socket the reason is the system's", async () => {
  const server = serve();
  opened.splice(0).forEach((one) => one.stop());
  const open = ControlClient.open(server.path);
  expect(await open.then(() => null, errorCode)).toBe("ENOENT");
});

test("a path that is longer than a socket's is connected to all the same", async () => {
  const server = serve(json(1));
  const long = join(server.path, "..", ...Array.from({ length: 12 }, () => "a".repeat(20)), "..");
  mkdirSync(join(server.path, "..", ...Array.from({ length: 12 }, () => "a".repeat(20))), {
    recursive: true,
  });
  const client = await ControlClient.open(`${long}/${"../".repeat(11)}control`);
  expect(await client.ask("GET", "/")).toMatchObject({ body: 1 });
  client.close();
});
