/**
 * A legion over etcd in trouble: nodes and servers of etcd in network namespaces of their own behind one
 * bridge, cores that are stopped and killed, guards as well, links that are cut, servers that hang or die.
 * What the daemons wrote down about themselves says whether two ever ran at once. Ends what it started, by
 * pid, and takes its namespaces away.
 */
import { generator } from "../support/random.ts";
import { mkdirSync } from "node:fs";
import { fixture } from "../fixtures/compile.ts";
import { type Life, overlapOf, readLives } from "../fixtures/lives.ts";
import { EtcdServers } from "../legion/etcd/servers.ts";
import type { Scope, Supervisor } from "./harness.ts";
import { REEVE } from "./need.ts";
import { allProcesses, descendants, type ProcessId, signal } from "./process.ts";
import { until } from "./wait.ts";

export interface ChaosOptions {
  readonly members: number;
  readonly nodes: number;
  readonly seed: number;
  readonly say?: (line: string) => void;
}

const TTL = 2;
/** A third of the lease, and then some. */
const LONGEST_TROUBLE_MS = 3500;

function ip(...words: string[]): void {
  const run = Bun.spawnSync(["ip", ...words], { stderr: "pipe" });
  if (!run.success) throw new Error(`ip ${words.join(" ")}: ${run.stderr}`);
}

/** Namespaces joined by a bridge; each end of a link can be cut, or moved to another bridge. */
class Network {
  readonly #prefix = `rv${process.pid % 100_000}`;
  readonly #made: string[] = [];

  constructor() {
    this.#add("hub");
    for (const bridge of ["br0", "br1"]) {
      ip("-n", this.name("hub"), "link", "add", bridge, "type", "bridge");
      ip("-n", this.name("hub"), "link", "set", bridge, "up");
    }
  }

  name(host: string): string {
    return `${this.#prefix}${host}`;
  }

  join(host: string, address: string): void {
    const hub = this.name("hub");
    this.#add(host);
    ip("-n", hub, "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", this.name(host));
    ip("-n", hub, "link", "set", host, "master", "br0", "up");
    ip("-n", this.name(host), "link", "set", "lo", "up");
    ip("-n", this.name(host), "address", "add", `${address}/24`, "dev", "eth0");
    ip("-n", this.name(host), "link", "set", "eth0", "up");
  }

  cut(host: string): void {
    ip("-n", this.name("hub"), "link", "set", host, "down");
  }

  heal(host: string): void {
    ip("-n", this.name("hub"), "link", "set", host, "up");
  }

  /** Those on the far side reach each other, and nobody else. */
  moveAway(host: string): void {
    ip("-n", this.name("hub"), "link", "set", host, "master", "br1");
  }

  moveBack(host: string): void {
    ip("-n", this.name("hub"), "link", "set", host, "master", "br0");
  }

  within(host: string): string[] {
    return ["ip", "netns", "exec", this.name(host)];
  }

  #add(host: string): void {
    ip("netns", "add", this.name(host));
    this.#made.push(host);
  }

  close(): void {
    for (const host of this.#made) Bun.spawnSync(["ip", "netns", "del", this.name(host)]);
  }
}

interface Node {
  readonly host: string;
  readonly config: string;
  supervisor: Supervisor;
}

export class Chaos implements AsyncDisposable {
  readonly #scope: Scope;
  readonly #network = new Network();
  readonly #random: () => number;
  readonly #say: (line: string) => void;
  readonly #directory: string;
  readonly #etcd: EtcdServers;
  readonly #nodes: Node[] = [];

  constructor(scope: Scope, options: ChaosOptions) {
    this.#scope = scope;
    this.#random = generator(options.seed);
    this.#say = options.say ?? (() => {});
    this.#directory = scope.path("lives");
    mkdirSync(this.#directory);
    const addresses = Array.from({ length: options.members }, (_, index) => `10.99.0.${index + 1}`);
    addresses.forEach((address, index) => this.#network.join(`m${index}`, address));
    this.#etcd = new EtcdServers(options.members, {
      wrap: (index) => this.#network.within(`m${index}`),
      addresses: addresses.map((address) => ({ client: `${address}:2379`, peer: `${address}:2380` })),
    });
    for (let index = 0; index < options.nodes; index++) {
      const host = `n${index}`;
      this.#network.join(host, `10.99.0.${100 + index}`);
      const config = this.#configure(host, index);
      this.#nodes.push({ host, config, supervisor: this.#start(host, config) });
    }
  }

  get lives(): Life[] {
    return readLives(this.#directory);
  }

  /** Milliseconds in which two daemons ran at once. */
  get overlap(): number {
    return overlapOf(this.lives);
  }

  /** Waits until a daemon runs: it wrote something down a moment ago. */
  async untilRunning(): Promise<Life> {
    return await until("a daemon of the legion runs", () => {
      const before = this.lives;
      Bun.sleepSync(3);
      return this.lives.find((life) =>
        before.some((one) => one.first === life.first && one.last < life.last)
      ) ?? null;
    }, { seconds: 30, explain: () => this.#scope.explain() });
  }

  /** The lord's core stands still until another node has taken over. */
  async takeOver(): Promise<void> {
    const before = await this.untilRunning();
    const { supervisor } = this.#nodes.find(({ host }) => host === before.name)!;
    supervisor.freeze();
    await until(
      "another node has taken over",
      () => this.lives.some((life) => life.first > before.last && life.name !== before.name),
      {
        seconds: 20,
        explain: () => this.#scope.explain(),
      },
    );
    supervisor.thaw();
  }

  /** One or two troubles, for a while; then all is well again, and a daemon runs. */
  async round(): Promise<void> {
    const running = await this.untilRunning();
    const lord = this.#nodes.find(({ host }) => host === running.name)!;
    const ends: (() => void | Promise<void>)[] = [];
    const count = this.#random() < 0.3 ? 2 : 1;
    for (let i = 0; i < count; i++) {
      const victim = this.#random() < 0.75 ? lord : this.#pick(this.#nodes);
      ends.push(await this.#trouble(victim));
    }
    await Bun.sleep(50 + this.#random() * LONGEST_TROUBLE_MS);
    for (const end of ends) await end();
    await this.untilRunning();
  }

  async #trouble(victim: Node): Promise<() => void | Promise<void>> {
    const { host, supervisor } = victim;
    const member = Math.floor(this.#random() * this.#etcd.urls.length);
    const kinds: Record<string, () => (() => void | Promise<void>) | Promise<() => void | Promise<void>>> = {
      [`stop the core of ${host}`]: () => {
        supervisor.freeze();
        return () => supervisor.thaw();
      },
      [`stop the core and the guard of ${host}`]: () => {
        const guard = this.#guardOf(victim);
        supervisor.freeze();
        if (guard !== null) signal(guard, "SIGSTOP");
        return () => {
          if (guard !== null) signal(guard, "SIGCONT");
          supervisor.thaw();
        };
      },
      [`kill the core of ${host}`]: async () => {
        await supervisor.kill();
        return () => {
          // Two troubles may have met on one node.
          if (victim.supervisor === supervisor) victim.supervisor = this.#start(host, victim.config);
        };
      },
      [`kill the guard of ${host}`]: () => {
        const guard = this.#guardOf(victim);
        if (guard !== null) signal(guard, "SIGKILL");
        return () => {};
      },
      [`cut off ${host}`]: () => {
        this.#network.cut(host);
        return () => this.#network.heal(host);
      },
      // Perhaps with the leader of etcd, which believes to be one for a while.
      [`part ${host} and etcd's m${member} from the rest`]: () => {
        for (const one of [host, `m${member}`]) this.#network.moveAway(one);
        return () => {
          for (const one of [host, `m${member}`]) this.#network.moveBack(one);
        };
      },
      [`cut off etcd's m${member}`]: () => {
        this.#network.cut(`m${member}`);
        return () => this.#network.heal(`m${member}`);
      },
      [`stop etcd's m${member}`]: () => {
        this.#etcd.signal(member, "SIGSTOP");
        return () => this.#etcd.signal(member, "SIGCONT");
      },
      [`kill etcd's m${member}`]: async () => {
        await this.#etcd.kill(member);
        return () => {
          if (this.#etcd.pid(member) === null) this.#etcd.start(member);
        };
      },
    };
    const name = this.#pick(Object.keys(kinds));
    this.#say(name);
    return await kinds[name]!();
  }

  #guardOf({ supervisor }: Node): ProcessId | null {
    const all = allProcesses();
    return descendants(supervisor.id.pid, all).find((one) =>
      one.name === "reeve-guard" && one.parent === supervisor.id.pid
    ) ?? null;
  }

  /**
   * Three kinds of daemon: one that ends when told, one that only KILL ends, one that forks away and into
   * another session.
   */
  #configure(host: string, index: number): string {
    const run = `${fixture("keep_time")} ${this.#directory} ${host}`;
    const commands = [run, `${run} ignore`, `sh -c "setsid ${run} ignore & sleep 1000"`];
    return this.#scope.write(
      `${host}.ini`,
      [
        "[uwsgi]",
        `run-dir = ${this.#scope.path(`run-${host}`)}`,
        `legion-etcd = chaos ${this.#etcd.urls.join(",")} ${index + 1} ttl=${TTL}`,
        "reload-mercy = 1",
        `legion-attach-daemon = chaos ${commands[index % commands.length]}`,
        "",
      ].join("\n"),
    );
  }

  #start(host: string, config: string): Supervisor {
    return this.#scope.start([REEVE, config], { wrap: this.#network.within(host) });
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { supervisor } of this.#nodes) {
      supervisor.thaw();
      signal(supervisor.id, "SIGKILL");
    }
    await this.#etcd[Symbol.asyncDispose]();
    this.#network.close();
  }
}
