/**
 * A cluster of etcd: asks one of its servers after the other until one answers, each within its time, and
 * signs in where that is wanted. Must never let two clusters pass for one: they would elect two lords.
 */
import {
  type ApiRequest,
  errorOf,
  type Header,
  headerOf,
  NonsenseError,
  parseJson,
  requests,
  tokenOf,
} from "./protocol.ts";
import type { Http } from "./http.ts";
import { errorText } from "../../sys/error_text.ts";

/** Every server would say the same: the others are not asked. */
export class FinalError extends Error {}

/** A request that etcd itself refused. */
export class EtcdRefusal extends Error {
  /** The status code of gRPC. */
  readonly code: number;

  constructor(text: string, code: number) {
    super(text);
    this.code = code;
  }
}

export const NOT_FOUND = 5;
const INVALID_ARGUMENT = 3;
const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;
/** A password costs a server a tenth of a second of hard work, on purpose. */
const SIGN_IN_MS = 1000;
/** All servers would say the same. */
const FINAL_CODES = [NOT_FOUND, PERMISSION_DENIED];

export interface Answer {
  readonly json: Readonly<Record<string, unknown>>;
  /** By the boot-time clock, read before the request was sent. */
  readonly sentAt: number;
}

export interface Server {
  readonly url: string;
  /**
   * Throws EtcdRefusal, NonsenseError, or an Error that says what is wrong with the server. `least`:
   * milliseconds that it has to answer at the least, where nothing is lost by waiting.
   */
  call(request: ApiRequest, least?: number): Promise<Answer>;
}

export interface ClientOptions {
  readonly urls: readonly string[];
  /** Reads the password anew each time that we sign in: it may have been changed. */
  readonly user: { readonly name: string; readonly password: () => string } | null;
  readonly http: Http;
  /** Boot-time milliseconds. */
  readonly now: () => number;
  /** Milliseconds that one request may take. */
  readonly patience: () => number;
}

export class EtcdClient {
  readonly #deps: ClientOptions;
  #current = 0;
  #cluster: string | null = null;
  #token: string | null = null;

  constructor(parts: ClientOptions) {
    this.#deps = parts;
  }

  /** The server that answered last. */
  get url(): string {
    return this.#deps.urls[this.#current] ?? "";
  }

  /**
   * Runs `work` against one server after the other, the one that answered last first, until it succeeds.
   * Rejects with what each of them failed of, or at once with what all would refuse, or when `signal` is
   * aborted.
   */
  async atOne<T>(work: (server: Server) => Promise<T>, signal: AbortSignal): Promise<T> {
    const { urls } = this.#deps;
    const failures: string[] = [];
    for (let tried = 0; tried < urls.length; tried++) {
      const at = (this.#current + tried) % urls.length;
      const url = urls[at]!;
      try {
        const result = await work({ url, call: (request, least) => this.#call(url, request, signal, least) });
        this.#current = at;
        return result;
      } catch (error) {
        if (signal.aborted) throw error;
        if (error instanceof FinalError) throw error;
        if (error instanceof EtcdRefusal && FINAL_CODES.includes(error.code)) throw error;
        failures.push(`${url}: ${errorText(error)}`);
      }
    }
    throw new Error(failures.join("; "));
  }

  /** The messages of a watch at the server that answered last. */
  async *stream(request: ApiRequest, signal: AbortSignal): AsyncIterable<Readonly<Record<string, unknown>>> {
    const token = await this.#signIn(this.url, signal);
    const lines = this.#deps.http.lines(
      this.url + request.path,
      JSON.stringify(request.body),
      token,
      signal,
    );
    for await (const line of lines) {
      const json = parseJson(line);
      const error = errorOf(json);
      if (error !== null) throw this.#refusal(error);
      yield json;
    }
  }

  /** Which cluster it was: it may have been set up anew since. */
  forget(): void {
    this.#cluster = null;
    this.#token = null;
  }

  /** Throws when it belongs to another cluster than the first one that answered. */
  #note(header: Header): void {
    this.#cluster ??= header.cluster;
    if (header.cluster !== this.#cluster) {
      throw new Error(
        `it is of another cluster (${header.cluster}, the first one that answered is of ${this.#cluster})`,
      );
    }
  }

  async #call(url: string, request: ApiRequest, signal: AbortSignal, least?: number): Promise<Answer> {
    const token = await this.#signIn(url, signal);
    try {
      return await this.#post(url, request, token, signal, least);
    } catch (error) {
      const isStale = error instanceof EtcdRefusal && error.code === UNAUTHENTICATED && token !== null;
      if (!isStale) throw error;
      this.#token = null; // it has expired, or the server was started anew
      return await this.#post(url, request, await this.#signIn(url, signal), signal, least);
    }
  }

  async #signIn(url: string, signal: AbortSignal): Promise<string | null> {
    const { user } = this.#deps;
    if (user === null || this.#token !== null) return this.#token;
    const { json } = await this.#post(
      url,
      requests.authenticate(user.name, user.password()),
      null,
      signal,
      SIGN_IN_MS,
    );
    this.#token = tokenOf(json);
    return this.#token;
  }

  async #post(
    url: string,
    request: ApiRequest,
    token: string | null,
    signal: AbortSignal,
    least = 0,
  ): Promise<Answer> {
    const patience = Math.max(least, this.#deps.patience());
    // One controller a request: `signal` lives as long as the lease, and would remember each that was derived
    // from it.
    const either = new AbortController();
    let isLate = false;
    const giveUp = (): void => either.abort();
    const timer = setTimeout(() => {
      isLate = true;
      giveUp();
    }, patience);
    signal.addEventListener("abort", giveUp);
    const sentAt = this.#deps.now();
    try {
      signal.throwIfAborted();
      const { http } = this.#deps;
      const answer = await http.post(url + request.path, JSON.stringify(request.body), token, either.signal);
      const json = this.#read(answer);
      const inner = json["result"] ?? json; // of a renewal it is wrapped
      if ((inner as typeof json)["header"] !== undefined) this.#note(headerOf(inner as typeof json));
      return { json, sentAt };
    } catch (error) {
      if (isLate && !signal.aborted) {
        throw new Error(`no answer in ${(patience / 1000).toFixed(1)} s`, { cause: error });
      }
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
    }
  }

  #read(answer: { readonly status: number; readonly text: string }): Answer["json"] {
    let json: Answer["json"];
    try {
      json = parseJson(answer.text);
    } catch (error) {
      throw new NonsenseError(
        `it answers HTTP ${answer.status}, and nothing that etcd 3.4 or later says: ${errorText(error)}`,
      );
    }
    const error = errorOf(json);
    if (error !== null) throw this.#refusal(error);
    if (answer.status !== 200) throw new NonsenseError(`it answers HTTP ${answer.status}`);
    return json;
  }

  #refusal({ text, code }: { readonly text: string; readonly code: number }): EtcdRefusal {
    const { user } = this.#deps;
    const short = text.replace(/^etcdserver: /, "").replace(/\s+/g, " ").slice(0, 200);
    if (code === INVALID_ARGUMENT && /user name is empty/.test(text)) {
      return new EtcdRefusal("it wants a user: give one with user=NAME:PASSWORD-FILE", code);
    }
    if (code === INVALID_ARGUMENT && /invalid user ID or password/.test(text)) {
      return new EtcdRefusal(`wrong password, or no such user "${user?.name ?? ""}"`, code);
    }
    if (code === PERMISSION_DENIED) {
      return new EtcdRefusal(
        `the user "${user?.name ?? ""}" may not use the keys of the prefix: ${short}`,
        code,
      );
    }
    return new EtcdRefusal(short, code);
  }
}
