/** Asks a running instance's statistics server. What it answers is not believed: it may be anybody. */
import type { StatsPlan } from "../../config/plan/stats_plan.ts";
import { statsAddress } from "./server.ts";

const PATIENCE_MS = 5000;
const LONGEST = 64 << 20;

/** The document, parsed. Rejects with an Error that names the address: nobody answers, or not with JSON. */
export async function readStats({ address, http }: Pick<StatsPlan, "address" | "http">): Promise<unknown> {
  const where = statsAddress(address);
  const text = await readAll(address, http, where);
  const body = text.startsWith("HTTP/") ? text.slice(text.indexOf("\r\n\r\n") + 4) : text;
  try {
    return JSON.parse(body) as unknown;
  } catch (error) {
    throw new Error(`cannot understand what ${where} answers: it is no JSON`, { cause: error });
  }
}

function readAll(address: StatsPlan["address"], http: boolean, where: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const parts: Uint8Array[] = [];
  let length = 0;
  const fail = (detail: string): void => reject(new Error(`cannot ask ${where}: ${detail}`));
  const socket: Bun.SocketHandler<undefined> = {
    open: (connection) => {
      if (http) connection.write("GET / HTTP/1.0\r\n\r\n");
    },
    data: (connection, bytes) => {
      parts.push(bytes);
      length += bytes.length;
      if (length <= LONGEST) return;
      connection.terminate();
      fail("it answers without end");
    },
    close: () => resolve(Buffer.concat(parts).toString("utf8")),
    error: (_, error) => fail(error.message),
    connectError: (_, error) => fail(connectProblem(error)),
  };
  const connected = address.kind === "unix"
    ? Bun.connect({ unix: address.path, socket })
    : Bun.connect({ hostname: address.host, port: address.port, socket });
  connected.then(
    (connection) =>
      setTimeout(() => {
        connection.terminate();
        fail("it does not answer");
      }, PATIENCE_MS).unref(),
    (error: unknown) => fail(connectProblem(error)),
  );
  return promise;
}

function connectProblem(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (code === "ECONNREFUSED" || code === "ENOENT") return "nobody listens there; does the instance run?";
  return typeof message === "string" ? message : String(error);
}
