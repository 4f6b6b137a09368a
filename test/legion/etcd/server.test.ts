/** Nodes of a legion against real servers of etcd, in this process; the guard is a stand-in. */
import { afterAll, describe, expect } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LOOP_TIMERS } from "../../../lib/sys/timers.ts";
import type { NodeId } from "../../../lib/legion/election/announcement.ts";
import type { ElectorEvents, Term } from "../../../lib/legion/election/elector.ts";
import { EtcdCandidate } from "../../../lib/legion/etcd/candidate.ts";
import { EtcdClient } from "../../../lib/legion/etcd/client.ts";
import { directoryKeys } from "../../../lib/legion/etcd/directory.ts";
import { openHttp, type TlsFiles } from "../../../lib/legion/etcd/http.ts";
import { EtcdSession } from "../../../lib/legion/etcd/session.ts";
import { attemptPatience } from "../../../lib/legion/etcd/times.ts";
import type { GuardEvents, LordGuard } from "../../../lib/legion/guard/port.ts";
import { bootTime } from "../../../lib/sys/process/identity.ts";
import { until } from "../../e2e/wait.ts";
import { ETCD_MISSING, EtcdServers, etcdTest, makeCertificates } from "./servers.ts";

const NO_TLS: TlsFiles = { ca: null, cert: null, key: null };
const TTL = 2;

interface NodeOptions {
  readonly valor?: number;
  readonly tls?: TlsFiles;
  readonly user?: { readonly name: string; readonly password: () => string };
  readonly legion?: string;
}

/** Killed at its deadline, as the real one; until then it answers. */
class StandIn implements LordGuard {
  readonly place = { initPid: 1, pidNamespaceFd: 0 };
  deadline: number;
  readonly #events: GuardEvents;
  #timer: { cancel(): void };

  constructor(deadline: number, events: GuardEvents) {
    this.deadline = deadline;
    this.#events = events;
    this.#timer = this.#arm();
    queueMicrotask(() => events.ready());
  }

  push(deadline: number): boolean {
    this.deadline = deadline;
    this.#timer.cancel();
    this.#timer = this.#arm();
    return true;
  }

  watch(): boolean {
    return true;
  }

  hush(): void {}

  kill(): void {
    this.#timer.cancel();
    queueMicrotask(() => this.#events.ended(null));
  }

  #arm(): { cancel(): void } {
    return LOOP_TIMERS.after(this.deadline - bootTime(), () => this.#events.ended(null));
  }
}

/** A node whose legion says yes to everything at once. */
class TestNode implements ElectorEvents, AsyncDisposable {
  readonly id: NodeId;
  readonly candidate: EtcdCandidate;
  readonly lines: string[] = [];
  readonly events: string[] = [];
  term: Term | null = null;

  constructor(urls: readonly string[], name: string, options: NodeOptions = {}) {
    this.id = { uuid: crypto.randomUUID(), name, valor: options.valor ?? 1 };
    const client = new EtcdClient({
      urls,
      user: options.user ?? null,
      http: openHttp(options.tls ?? NO_TLS),
      now: bootTime,
      patience: () => attemptPatience(TTL * 1000),
    });
    this.candidate = new EtcdCandidate({
      self: this.id,
      session: new EtcdSession(client, directoryKeys("/reeve/", options.legion ?? "test"), this.id, TTL),
      url: () => client.url,
      urls,
      grace: 100,
      startGuard: (deadline, events) => new StandIn(deadline, events),
      timers: LOOP_TIMERS,
      now: bootTime,
      log: (level, text) => this.lines.push(`${level} ${text}`),
    });
    void this.candidate.start(this);
  }

  get isLord(): boolean {
    return this.term !== null;
  }

  log(): string {
    return this.lines.join("\n");
  }

  chosen(term: Term): void {
    this.term = term;
    this.chosenAt = bootTime();
    this.events.push("chosen");
    this.candidate.confirm();
  }

  /** Its daemons do not end when they are asked to. */
  isDeaf = false;
  /** Boot-time milliseconds. */
  chosenAt = 0;

  deposed(why: string): void {
    this.term = null;
    this.events.push(`deposed: ${why}`);
    if (!this.isDeaf) this.candidate.vacated();
  }

  joined(): void {
    this.events.push("joined");
  }

  nodeJoined(id: NodeId): void {
    this.events.push(`+${id.name}`);
  }

  nodeLeft(id: NodeId): void {
    this.events.push(`-${id.name}`);
  }

  async untilLord(): Promise<Term> {
    return await until(`${this.id.name} is lord`, () => this.term, { explain: () => this.log() });
  }

  async untilLine(pattern: RegExp): Promise<void> {
    await until(`a line like ${pattern}`, () => pattern.test(this.log()), { explain: () => this.log() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.candidate.close();
  }
}

let shared: EtcdServers | null = null;
afterAll(async () => await shared?.[Symbol.asyncDispose]());

/** For tests that leave it as it is; each has a legion of its own. */
async function undisturbed(): Promise<EtcdServers> {
  if (shared === null) {
    shared = new EtcdServers(1);
    await shared.ready();
  }
  return shared;
}

const check = (name: string, body: () => Promise<void>): void => etcdTest(name, ETCD_MISSING, body);

describe("one server of etcd", () => {
  check("nodes that start together elect the one of the highest valor, and see each other", async () => {
    const etcd = await undisturbed();
    await using low = new TestNode(etcd.urls, "low", { valor: 1, legion: "elect" });
    await using high = new TestNode(etcd.urls, "high", { valor: 5, legion: "elect" });
    await using arbiter = new TestNode(etcd.urls, "arbiter", { valor: 0, legion: "elect" });
    const term = await high.untilLord();
    await until(
      "all see the lord",
      () =>
        [low, high, arbiter].every(({ candidate }) =>
          candidate.state().lordUuid === high.id.uuid && candidate.state().members.length === 2
        ),
    );
    expect([low.isLord, arbiter.isLord]).toEqual([false, false]);
    expect(BigInt(term.token!)).toBeGreaterThan(0n);
    expect(low.events.toSorted()).toEqual(["+arbiter", "+high", "joined"]);
  });

  check("the lord leaves in order: the next one is lord at once, with a greater token", async () => {
    const etcd = await undisturbed();
    await using first = new TestNode(etcd.urls, "first", { valor: 5, legion: "leave" });
    const before = await first.untilLord();
    await using second = new TestNode(etcd.urls, "second", { legion: "leave" });
    await until("the second stands", () => second.events.includes("joined"));
    first.candidate.leave();
    first.candidate.vacated();
    const began = performance.now();
    const after = await second.untilLord();
    expect(performance.now() - began).toBeLessThan(1700); // its lease would have lasted for 2 s
    expect(BigInt(after.token!)).toBeGreaterThan(BigInt(before.token!));
    await until("it sees that the first is gone", () => second.events.includes("-first"));
  });

  check("etcd is away at the start: one line says so, and the node waits", async () => {
    const etcd = new EtcdServers(1);
    await etcd.ready();
    await etcd.kill(0);
    try {
      await using node = new TestNode(etcd.urls, "node");
      await node.untilLine(/^warning waiting for etcd: http:\/\/127\.0\.0\.1:\d+: connection refused$/m);
      await until("it has tried again", () => node.candidate.state().problem !== null);
      etcd.start(0);
      await node.untilLord();
      expect(node.lines.filter((line) => line.includes("waiting for etcd"))).toHaveLength(1);
    } finally {
      await etcd[Symbol.asyncDispose]();
    }
  });

  check(
    "etcd goes away: the lord steps down, and stands again when it is back",
    async () => {
      await using etcd = new EtcdServers(1);
      await etcd.ready();
      await using node = new TestNode(etcd.urls, "node");
      const { token } = await node.untilLord();
      etcd.signal(0, "SIGSTOP");
      await until("it has stepped down", () => !node.isLord, { explain: () => node.log() });
      etcd.signal(0, "SIGCONT");
      const again = await node.untilLord();
      expect(BigInt(again.token!)).toBeGreaterThan(BigInt(token!));
    },
  );

  check("the lord's key is deleted by hand: the lord ceases to be one at once", async () => {
    const etcd = await undisturbed();
    await using node = new TestNode(etcd.urls, "node", { legion: "deleted" });
    await node.untilLord();
    etcd.ctl("del", "/reeve/deleted/lord");
    await until(
      "it is deposed",
      () => node.events.some((event) => event.startsWith("deposed: the lord's key was taken away")),
    );
    await node.untilLord();
  });

  check(
    "whoever takes a lord's key away gets the lordship, but not before what the lord runs is over",
    async () => {
      const etcd = await undisturbed();
      await using first = new TestNode(etcd.urls, "first", { legion: "usurped" });
      await first.untilLord();
      first.isDeaf = true;
      await using second = new TestNode(etcd.urls, "second", { legion: "usurped", valor: 9 });
      await until("the second stands", () => second.events.includes("joined"));
      const { deadline } = first.candidate.guard as StandIn;
      etcd.ctl("del", "/reeve/usurped/lord");
      await second.untilLord();
      expect(second.chosenAt).toBeGreaterThan(deadline);
      expect(first.isLord).toBe(false);
    },
  );

  check("the lease is revoked by hand: the lord ceases to be one at once, and stands again", async () => {
    await using etcd = new EtcdServers(1);
    await etcd.ready();
    await using node = new TestNode(etcd.urls, "node");
    await node.untilLord();
    const lease = /[0-9a-f]{12,}/.exec(etcd.ctl("lease", "list").output)![0];
    etcd.ctl("lease", "revoke", lease);
    await until("it is deposed", () => node.events.some((event) => event.startsWith("deposed")));
    await node.untilLord();
  });

  check("what stands below the prefix and is not ours does no harm", async () => {
    const etcd = await undisturbed();
    const uuid = "a".repeat(36);
    for (
      const [key, value] of [
        ["candidates/x", "{"],
        ["candidates/y", "[]"],
        [`candidates/${uuid}`, JSON.stringify({ uuid, name: 7, valor: 99 })],
        [`candidates/${"b".repeat(36)}`, JSON.stringify({ uuid, name: "liar", valor: 99 })],
        [`candidates/${"c".repeat(36)}`, JSON.stringify({ uuid: "c".repeat(36), name: "n", valor: 1e300 })],
        ["other", "\u0001\u0002"],
      ]
    ) etcd.ctl("put", `/reeve/foreign/${key}`, value!);
    await using node = new TestNode(etcd.urls, "node", { legion: "foreign" });
    await node.untilLord();
    expect(node.candidate.state().members).toEqual([]);
  });

  check("legions of one prefix do not meet, not even when one's name begins with the other's", async () => {
    const etcd = await undisturbed();
    await using one = new TestNode(etcd.urls, "one", { legion: "test" });
    await using other = new TestNode(etcd.urls, "other", { legion: "test2" });
    await one.untilLord();
    await other.untilLord();
    expect(one.candidate.state().members).toEqual([]);
  });
});

describe("endpoints", () => {
  check("dead ones in the list are passed over", async () => {
    const etcd = await undisturbed();
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const nonsense = Bun.serve({ port: 0, fetch: () => new Response("<html>", { status: 502 }) });
    try {
      const urls = [
        "http://127.0.0.1:1",
        `http://127.0.0.1:${silent.port}`,
        nonsense.url.href.slice(0, -1),
        ...etcd.urls,
      ];
      await using node = new TestNode(urls, "node", { legion: "dead" });
      await node.untilLord();
      expect(node.lines.filter((line) => line.startsWith("warning"))).toEqual([]);
    } finally {
      silent.stop(true);
      await nonsense.stop(true);
    }
  });

  check("each that fails is named with its reason", async () => {
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const nonsense = Bun.serve({ port: 0, fetch: () => new Response("<html>", { status: 502 }) });
    try {
      const urls = ["http://127.0.0.1:1", `http://127.0.0.1:${silent.port}`, nonsense.url.href.slice(0, -1)];
      await using node = new TestNode(urls, "node");
      await node.untilLine(
        /waiting for etcd: http:\/\/127.0.0.1:1: connection refused; http:\S+: no answer in 2.0 s; http:\S+: it answers HTTP 502/,
      );
    } finally {
      silent.stop(true);
      await nonsense.stop(true);
    }
  });

  check("a server of another cluster is not asked twice", async () => {
    await using etcd = new EtcdServers(1);
    await using stranger = new EtcdServers(1);
    await etcd.ready();
    await stranger.ready();
    await using node = new TestNode([...etcd.urls, ...stranger.urls], "node");
    await node.untilLord();
    etcd.signal(0, "SIGSTOP");
    await node.untilLine(/it is of another cluster/);
    await until("it has stepped down", () => !node.isLord);
    etcd.signal(0, "SIGCONT");
  });

  check("an answer without an end is cut off", async () => {
    const endless = Bun.serve({
      port: 0,
      fetch: () => new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(1 << 20)) })),
    });
    try {
      await using node = new TestNode([endless.url.href.slice(0, -1)], "node");
      await node.untilLine(/its answer has no end|no answer in/);
    } finally {
      await endless.stop(true);
    }
  });
});

describe("who may", () => {
  const tlsTest = (name: string, body: () => Promise<void>): void =>
    etcdTest(name, ETCD_MISSING ?? (Bun.which("openssl") === null ? `needs "openssl"` : null), body);

  tlsTest(
    "TLS with the authority's certificate, and the client's own, works; without either it is said what is missing",
    async () => {
      const room = new EtcdServers(0);
      const files = makeCertificates(room.directory);
      await using etcd = new EtcdServers(1, {
        tls: { cert: files.cert, key: files.key, ca: files.ca, wantsClient: true },
      });
      const ctl = [`--cacert=${files.ca}`, `--cert=${files.clientCert}`, `--key=${files.clientKey}`];
      await etcd.ready(...ctl);
      try {
        await using good = new TestNode(etcd.urls, "good", {
          tls: { ca: files.ca, cert: files.clientCert, key: files.clientKey },
        });
        await good.untilLord();
        await using unknown = new TestNode(etcd.urls, "unknown", {
          tls: { ...NO_TLS, cert: files.clientCert, key: files.clientKey },
        });
        await unknown.untilLine(/its certificate's authority is not known: name the authority with ca=FILE/);
        await using wrong = new TestNode(etcd.urls, "wrong", {
          tls: { ca: files.strangerCa, cert: files.clientCert, key: files.clientKey },
        });
        await wrong.untilLine(/waiting for etcd: https:\S+: its certificate/);
        await using anonymous = new TestNode(etcd.urls, "anonymous", { tls: { ...NO_TLS, ca: files.ca } });
        await anonymous.untilLine(/waiting for etcd: https/);
        const otherName = etcd.urls[0]!.replace("127.0.0.1", "localhost");
        await using named = new TestNode([otherName], "named", {
          tls: { ca: files.ca, cert: files.clientCert, key: files.clientKey },
        });
        await named.untilLine(/its certificate is for another name/);
        expect([unknown, wrong, anonymous, named].some((node) => node.isLord)).toBe(false);
      } finally {
        await room[Symbol.asyncDispose]();
      }
    },
  );

  check(
    "a user and a password; a wrong one is said, and tried again with what the file says by then",
    async () => {
      await using etcd = new EtcdServers(1);
      await etcd.ready();
      for (
        const words of [
          ["user", "add", "root:secret"],
          ["user", "grant-role", "root", "root"],
          ["user", "add", "reeve:good"],
          ["role", "add", "reeve"],
          ["role", "grant-permission", "reeve", "--prefix=true", "readwrite", "/reeve/test/"],
          ["user", "grant-role", "reeve", "reeve"],
          ["auth", "enable"],
        ]
      ) {
        const run = etcd.ctl(...words);
        if (!run.success && !run.output.includes("role root")) {
          const added = etcd.ctl("role", "add", "root");
          if (!added.success || !etcd.ctl(...words).success) {
            throw new Error(
              `${words.join(" ")}: ${run.output}`,
            );
          }
        }
      }
      const file = join(etcd.directory, "password");
      writeFileSync(file, "bad\n");
      chmodSync(file, 0o600);
      let password = "bad";
      await using node = new TestNode(etcd.urls, "node", {
        user: { name: "reeve", password: () => password },
      });
      await node.untilLine(/wrong password, or no such user "reeve"/);
      await using anonymous = new TestNode(etcd.urls, "anonymous");
      await anonymous.untilLine(/it wants a user: give one with user=NAME:PASSWORD-FILE/);
      password = "good";
      await node.untilLord();
      await using outside = new TestNode(etcd.urls, "outside", {
        user: { name: "reeve", password: () => password },
        legion: "elsewhere",
      });
      await outside.untilLine(/the user "reeve" may not use the keys of the prefix/);
    },
  );
});

describe("three servers of etcd", () => {
  check("one is killed, another is stopped: who can reach a majority is lord, and nobody else", async () => {
    await using etcd = new EtcdServers(3);
    await etcd.ready();
    await using node = new TestNode(etcd.urls, "node");
    const { token } = await node.untilLord();
    await etcd.kill(0);
    await Bun.sleep(TTL * 1000 + 500); // a lease's time: had it not been renewed, it would be gone
    expect(node.term?.token).toBe(token);
    etcd.signal(1, "SIGSTOP");
    await until("without a majority it steps down", () => !node.isLord, { explain: () => node.log() });
    etcd.signal(1, "SIGCONT");
    await node.untilLord();
  });
});
