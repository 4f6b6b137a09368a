/**
 * Machines of a legion: network namespaces joined by a bridge, in which reeve and uWSGI are started with the
 * same configuration. Each runs a daemon that notes when it comes and goes, in one file for all. Nothing is
 * left of it when the scope ends.
 */
import { Scope, type StartOptions, type Supervisor } from "./harness.ts";
import { REEVE } from "./need.ts";
import { identify } from "./process.ts";
import { until } from "./wait.ts";

export type Kind = "reeve" | "uwsgi";

export interface LegionOptions {
  readonly quorum: number;
  readonly freq: number;
  readonly tolerance: number;
  /** As OpenSSL names it. */
  readonly cipher: string;
  /** That the daemon takes to stop; 0 unless told. */
  readonly stopSeconds?: number;
  /** The environment of uWSGI. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A coming or going of a node's daemon; milliseconds since 1970. */
export interface Beat {
  readonly node: string;
  readonly event: "up" | "down";
  readonly time: number;
}

export class LegionLab {
  readonly scope: Scope;
  readonly nodes: readonly LegionNode[];
  readonly options: LegionOptions;
  readonly #bridge: number;

  private constructor(
    scope: Scope,
    valors: readonly number[],
    options: LegionOptions,
    bridge: number,
    holders: readonly number[],
  ) {
    this.scope = scope;
    this.options = options;
    this.#bridge = bridge;
    this.nodes = valors.map((valor, index) => new LegionNode(this, index + 1, valor, holders[index]!));
  }

  static async make(scope: Scope, valors: readonly number[], options: LegionOptions): Promise<LegionLab> {
    const bridge = await holdNamespaces(scope, "bridge");
    const holders = await Promise.all(valors.map((_, index) => holdNamespaces(scope, `n${index + 1}`)));
    const lab = new LegionLab(scope, valors, options, bridge, holders);
    lab.#wire();
    return lab;
  }

  node(name: string): LegionNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found === undefined) throw new Error(`no node "${name}"`);
    return found;
  }

  #wire(): void {
    ip(this.#bridge, ["link add br0 type bridge", "link set br0 up"]);
    ip(
      this.#bridge,
      this.nodes.flatMap(({ port, holder, hardware }) => [
        `link add ${port} type veth peer name eth0 address ${hardware} netns ${holder}`,
        `link set ${port} master br0 up`,
      ]),
    );
    for (const node of this.nodes) {
      ip(node.holder, [
        `addr add ${node.address}/16 dev eth0`,
        "link set lo up",
        "link set eth0 up",
        // The kernel's table of neighbours is one for all namespaces, and too small for what many nodes would
        // look up.
        ...this.nodes.filter((other) => other !== node)
          .map(({ address, hardware }) => `neigh add ${address} lladdr ${hardware} dev eth0 nud permanent`),
      ]);
    }
  }

  /** The machine's cable: both directions at once. */
  cable(node: LegionNode, state: "up" | "down"): void {
    ip(this.#bridge, [`link set ${node.port} ${state}`]);
  }

  beats(): Beat[] {
    return this.scope.read("beats").split("\n").flatMap((line) => {
      const [node, event, time] = line.split(" ");
      return node === undefined || time === undefined || (event !== "up" && event !== "down")
        ? []
        : [{ node, event, time: Number(time) / 1e6 }];
    });
  }

  /** Names of the nodes whose daemons run, by their own notes. */
  running(): string[] {
    const last = new Map(this.beats().map(({ node, event }) => [node, event]));
    return [...last].filter(([, event]) => event === "up").map(([node]) => node);
  }

  /** Waits until the node's daemon runs and no other does; resolves with when it came. */
  async untilRuns(name: string, seconds = 15): Promise<number> {
    return await until(`the daemon of ${name} runs, and no other`, () => {
      const running = this.running();
      if (running.length !== 1 || running[0] !== name) return null;
      return this.beats().findLast(({ node, event }) => node === name && event === "up")?.time;
    }, { seconds, explain: () => this.scope.read("beats") });
  }

  /**
   * Milliseconds for which two daemons ran at once, at most. A machine that was killed takes its daemon's
   * note with it.
   */
  overlap(): number {
    const running = new Set<string>();
    let since: number | null = null;
    let longest = 0;
    for (const { node, event, time } of this.beats()) {
      if (event === "up") running.add(node);
      else running.delete(node);
      if (running.size > 1) since ??= time;
      else if (since !== null) {
        longest = Math.max(longest, time - since);
        since = null;
      }
    }
    return longest;
  }
}

export class LegionNode {
  readonly name: string;
  readonly address: string;
  readonly hardware: string;
  /** The process that holds its namespaces. */
  readonly holder: number;
  readonly valor: number;
  /** Its end of the cable at the bridge. */
  readonly port: string;
  readonly #lab: LegionLab;
  #supervisor: Supervisor | null = null;

  constructor(lab: LegionLab, index: number, valor: number, holder: number) {
    this.#lab = lab;
    this.holder = holder;
    this.name = `n${index}`;
    this.address = `10.77.0.${index}`;
    this.hardware = `02:00:00:00:00:${index.toString(16).padStart(2, "0")}`;
    this.port = `p${index}`;
    this.valor = valor;
  }

  get supervisor(): Supervisor {
    if (this.#supervisor === null) throw new Error(`${this.name} was not started`);
    return this.#supervisor;
  }

  start(kind: Kind, more: readonly string[] = []): void {
    const { scope, options } = this.#lab;
    const config = this.#config(more);
    const command = kind === "reeve"
      ? [REEVE, config]
      : ["uwsgi", "--ini", config, "--master", "--die-on-term"];
    const wrapped: StartOptions = {
      wrap: ["nsenter", `--target=${this.holder}`, "--net", "--uts", "--"],
      environment: options.environment ?? {},
    };
    this.#supervisor = scope.start(command, wrapped);
  }

  /** What a killed supervisor's daemon cannot say itself. */
  async kill(): Promise<number> {
    const time = Date.now();
    await this.supervisor.kill();
    const { scope } = this.#lab;
    // uWSGI's daemons survive it; the machine did not.
    for (const one of scope.matching(new RegExp(`/beat ${this.name}$`))) process.kill(one.pid, "SIGKILL");
    this.#note("down", time);
    return time;
  }

  #note(event: Beat["event"], time: number): void {
    const { scope } = this.#lab;
    scope.write("beats", `${scope.read("beats")}${this.name} ${event} ${time * 1e6}\n`);
  }

  #config(more: readonly string[]): string {
    const { nodes, options, scope } = this.#lab;
    const { quorum, freq, tolerance, cipher } = options;
    const beat = scope.write(
      "beat",
      `#!/bin/sh
note() { echo "$1 $2 $(date +%s%N)" >> ${scope.path("beats")}; }
trap 'sleep ${options.stopSeconds ?? 0}; note "$1" down; exit 0' TERM
note "$1" up
while :; do sleep 0.05; done
`,
      0o755,
    );
    return scope.write(
      `${this.name}.ini`,
      [
        "[uwsgi]",
        `run-dir = ${scope.path(`run.${this.name}`)}`,
        `legion = my ${this.address}:9191 ${this.valor} ${cipher}:a-secret`,
        ...nodes.filter((node) => node !== this).map(({ address }) => `legion-node = my ${address}:9191`),
        `legion-quorum = my ${quorum}`,
        `legion-freq = ${freq}`,
        `legion-tolerance = ${tolerance}`,
        `legion-scroll = my scroll of ${this.name}`,
        `legion-attach-daemon = my ${beat} ${this.name}`,
        ...more,
        "",
      ].join("\n"),
    );
  }

  /** Lines of its log that match. */
  logged(pattern: RegExp): string[] {
    return this.supervisor.log().split("\n").filter((line) => pattern.test(line));
  }
}

/**
 * A process that does nothing but hold a network and a host name; resolves with its pid. It ends with the
 * scope, and with this process should that be killed.
 */
async function holdNamespaces(scope: Scope, name: string): Promise<number> {
  const words = [
    "unshare",
    "--net",
    "--uts",
    "sh",
    "-c",
    'hostname "$0" && echo held && exec sleep infinity',
    name,
  ];
  const child = Bun.spawn(["setpriv", "--pdeathsig", "KILL", ...words], {
    env: scope.environment,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  scope.track(identify(child.pid));
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  if (value === undefined) throw new Error("cannot make a network namespace");
  return child.pid;
}

/** In the network of a holder, all at once. */
function ip(holder: number, lines: readonly string[]): void {
  const { success, stderr } = Bun.spawnSync([
    "nsenter",
    `--target=${holder}`,
    "--net",
    "--",
    "ip",
    "-batch",
    "-",
  ], {
    stdin: Buffer.from(`${lines.join("\n")}\n`),
  });
  if (!success) throw new Error(`ip: ${stderr.toString().trim()}`);
}

/**
 * OpenSSL's legacy provider switched on, as one who runs a documented configuration of bf-cbc today has to.
 */
export function legacyOpenssl(scope: Scope): Record<string, string> {
  const path = scope.write(
    "openssl.cnf",
    "openssl_conf = init\n[init]\nproviders = list\n[list]\ndefault = on\nlegacy = on\n[on]\nactivate = 1\n",
  );
  return { OPENSSL_CONF: path };
}
