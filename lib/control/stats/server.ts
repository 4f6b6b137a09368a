/**
 * Answers whoever connects with one document, and closes. Must never wait for a reader, nor let readers take
 * more memory than a fixed number of documents.
 */
import { linkSync, lstatSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { errorCode } from "../../sys/errno.ts";
import { temporaryName } from "../../sys/file/atomic_file.ts";
import type { StatsPlan } from "../../config/plan/stats_plan.ts";

type Address = StatsPlan["address"];
type Socket = Bun.Socket<Reader>;

interface Reader {
  /** The rest of the answer; null: it has not asked yet. */
  rest: Uint8Array | null;
  /** It says nothing more: it is let go of when it has taken all. */
  isDone: boolean;
  readonly timer: ReturnType<typeof setTimeout>;
}

interface Listener {
  stop(force?: boolean): void;
}

export interface StatsServer {
  /** Whether its socket is still what the path leads to; true where it has none. */
  isAtPath(): boolean;
  close(): void;
}

/**
 * At the same time: connections, and documents that are not taken yet. For one more the oldest is let go
 * of.
 */
const MOST_READERS = 256;
const MOST_DOCUMENTS = 32;
/** A reader that has not taken all by then is cut off. */
const PATIENCE_MS = 30_000;

const encoder = new TextEncoder();
/** A view of the document, though empty, would keep all of it in memory. */
const ALL_TAKEN = new Uint8Array();

/**
 * `document`: asked for once a reader. Rejects with an Error that names the address. A socket file that
 * nobody serves any more is replaced.
 */
export async function serveStats(
  plan: Pick<StatsPlan, "address" | "http">,
  document: () => string,
  patience = PATIENCE_MS,
): Promise<StatsServer> {
  const server = new Server(plan.http, document, patience);
  await server.listen(plan.address);
  return server;
}

class Server implements StatsServer {
  readonly #http: boolean;
  readonly #document: () => string;
  /** Milliseconds. */
  readonly #patience: number;
  /** The oldest first. */
  readonly #readers = new Set<Socket>();
  /** Those of them that have not taken all. */
  readonly #behind = new Set<Socket>();
  #listener: Listener | null = null;
  #file: SocketFile | null = null;

  constructor(http: boolean, document: () => string, patience: number) {
    this.#http = http;
    this.#document = document;
    this.#patience = patience;
  }

  async listen(address: Address): Promise<void> {
    // Half open: a reader that has nothing to say (nc with no input) may say so at once.
    const options = { allowHalfOpen: true, socket: this.#handlers() };
    try {
      if (address.kind !== "unix") {
        this.#listener = Bun.listen<Reader>({ hostname: address.host, port: address.port, ...options });
        return;
      }
      await removeAbandoned(address.path);
      const listen = (path: string) => Bun.listen<Reader>({ unix: path, ...options });
      this.#listener = listenAt(address.path, listen);
      this.#file = { path: address.path, ...identityOf(address.path) };
    } catch (error) {
      throw new Error(`cannot serve statistics on ${statsAddress(address)}: ${listenProblem(error)}`, {
        cause: error,
      });
    }
  }

  close(): void {
    this.#listener?.stop(true);
    this.#listener = null;
    if (this.#file !== null) removeSame(this.#file);
    this.#file = null;
  }

  isAtPath(): boolean {
    return this.#file === null || isSame(this.#file);
  }

  #handlers(): Bun.SocketHandler<Reader> {
    return {
      open: (socket) => this.#opened(socket),
      // The HTTP request itself does not matter, but an answer before it may cut the connection off.
      data: (socket) => {
        if (!this.#http || socket.data.rest !== null) return;
        this.#answer(socket);
        this.#makeRoom();
      },
      drain: (socket) => this.#write(socket),
      end: (socket) => {
        if (socket.data.rest?.length === 0 || (this.#http && socket.data.rest === null)) socket.terminate();
        else socket.data.isDone = true;
      },
      close: (socket) => {
        clearTimeout(socket.data.timer);
        this.#forget(socket);
      },
      error: (socket) => void socket.terminate(),
    };
  }

  #opened(socket: Socket): void {
    const timer = setTimeout(() => socket.terminate(), this.#patience);
    socket.data = { rest: null, isDone: false, timer };
    this.#readers.add(socket);
    if (!this.#http) this.#answer(socket);
    this.#makeRoom();
  }

  /** Evict a finished reader first, else the oldest: a crowd that reads nothing keeps nobody out. */
  #makeRoom(): void {
    for (const socket of [...this.#behind].slice(0, -MOST_DOCUMENTS)) this.#letGo(socket);
    if (this.#readers.size <= MOST_READERS) return;
    const [oldest] = this.#readers;
    const socket = this.#readers.values().find(({ data }) => data.rest?.length === 0) ?? oldest;
    if (socket !== undefined) this.#letGo(socket);
  }

  #letGo(socket: Socket): void {
    const { rest } = socket.data;
    this.#forget(socket);
    if (rest?.length === 0) socket.end();
    else socket.terminate();
  }

  #forget(socket: Socket): void {
    this.#readers.delete(socket);
    this.#behind.delete(socket);
  }

  #answer(socket: Socket): void {
    const body = encoder.encode(this.#document());
    socket.data.rest = this.#http ? Buffer.concat([encoder.encode(httpHead(body.length)), body]) : body;
    this.#behind.add(socket);
    this.#write(socket);
  }

  #write(socket: Socket): void {
    const { rest } = socket.data;
    if (rest === null) return;
    const taken = socket.write(rest);
    if (taken < 0) return;
    socket.data.rest = taken < rest.length ? rest.subarray(taken) : ALL_TAKEN;
    if (taken < rest.length) return;
    this.#behind.delete(socket);
    // The other half stays open until the reader closes: what it sent unasked must not cut it off.
    if (socket.data.isDone) socket.end();
    else socket.shutdown();
  }
}

export function statsAddress(address: Address): string {
  return address.kind === "unix" ? address.path : `${address.host}:${address.port}`;
}

function httpHead(length: number): string {
  return [
    "HTTP/1.0 200 OK",
    "Connection: close",
    "Content-Type: application/json",
    `Content-Length: ${length}`,
    "",
    "",
  ].join("\r\n");
}

/** A name that a socket can have: sun_path of unix(7) without its NUL. */
const LONGEST_PATH = 107;

/**
 * The runtime removes the path on which it has listened when it stops, whatever is there by then. So it
 * listens on a name that is gone at once, and the socket gets `path` by a link, which replaces nothing.
 */
function listenAt(path: string, listen: (path: string) => Listener): Listener {
  const temporary = `${dirname(path)}/${temporaryName()}`;
  if (Buffer.byteLength(temporary) > LONGEST_PATH) return listen(path);
  const listener = listen(temporary);
  try {
    linkSync(temporary, path);
    unlinkSync(temporary);
    return listener;
  } catch (error) {
    listener.stop(true);
    // A file system without links.
    if (["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(errorCode(error) ?? "")) return listen(path);
    throw error;
  }
}

/** A socket file to which nobody answers. Anything else is left as it is, and then in the way. */
async function removeAbandoned(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isSocket()) return;
  try {
    const socket = await Bun.connect({ unix: path, socket: { data: () => {} } });
    socket.terminate();
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "ECONNREFUSED") unlinkSync(path);
  }
}

function identityOf(path: string): { readonly ino: number; readonly dev: number } {
  const { ino, dev } = lstatSync(path);
  return { ino, dev };
}

interface SocketFile {
  readonly path: string;
  readonly ino: number;
  readonly dev: number;
}

function isSame({ path, ino, dev }: SocketFile): boolean {
  try {
    const found = identityOf(path);
    return found.ino === ino && found.dev === dev;
  } catch {
    return false; // It is gone.
  }
}

function removeSame(file: SocketFile): void {
  try {
    if (isSame(file)) unlinkSync(file.path);
  } catch {
    // It is gone already.
  }
}

function listenProblem(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (code === "EADDRINUSE" || code === "EEXIST") return "address already in use";
  if (code === "EADDRNOTAVAIL") return "no interface of this host has this address";
  return typeof message === "string" ? message : String(error);
}
