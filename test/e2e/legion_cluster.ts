/**
 * Three machines on one host for the celery beat example: each a network namespace on a common bridge, with a
 * /tmp of its own, so that the documented configuration runs as it stands on all of them. Nothing is left of
 * it when the scope ends.
 */
import { copyFileSync } from "node:fs";
import type { Scope, Supervisor } from "./harness.ts";
import { REEVE, SYSTEM_PATH } from "./need.ts";
import { signal } from "./process.ts";
import { until } from "./wait.ts";

/** A coming or going of a machine's beat; milliseconds since 1970. */
export interface Beat {
  readonly machine: string;
  readonly event: "up" | "down";
  readonly at: number;
}

/**
 * Stands in for celery: says when it comes and goes, takes `stopSeconds` to stop, and writes the pidfile it
 * is told to.
 */
const CELERY = (directory: string) =>
  `#!/bin/sh
[ "$1" = beat ] || exit 64
pidfile=\${2#--pidfile=}
note() { echo "$(hostname) $1 $(date +%s%N)" >> ${directory}/beats; }
stop() { sleep "$(cat ${directory}/stop)"; rm -f "$pidfile"; note down; exit 0; }
trap stop TERM
env | grep ^REEVE_LEGION | sort > ${directory}/environment.$(hostname)
echo $$ > "$pidfile"
note up
while :; do sleep 0.05 & wait $!; done
`;

let clusters = 0;

export class LegionCluster {
  readonly machines: readonly Machine[];
  readonly scope: Scope;
  readonly #bridge: string;

  constructor(scope: Scope, names: readonly string[], options: { readonly routed: boolean }) {
    this.scope = scope;
    const prefix = `rc${process.pid % 100_000}x${clusters++}`;
    this.#bridge = `${prefix}b`;
    this.machines = names.map((name, index) => new Machine(this, name, `${prefix}${index}`, index + 1));
    // A copy: on the machines /tmp is another, and the executable may lie there.
    copyFileSync(REEVE, scope.path("reeve"));
    scope.write("bin/celery", CELERY("/mnt"), 0o755);
    this.stopTakes(0);
    this.#addNamespace(this.#bridge);
    ip("-n", this.#bridge, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0");
    ip("-n", this.#bridge, "link", "set", "br0", "up");
    for (const machine of this.machines) this.#connect(machine, options.routed);
  }

  machine(name: string): Machine {
    const found = this.machines.find((machine) => machine.name === name);
    if (found === undefined) throw new Error(`there is no machine "${name}"`);
    return found;
  }

  /** How long each beat takes to stop from now on. */
  stopTakes(seconds: number): void {
    this.scope.write("stop", `${seconds}\n`);
  }

  beats(): Beat[] {
    return this.scope.read("beats").split("\n").flatMap((line) => {
      const [machine, event, at] = line.split(" ");
      if (machine === undefined || at === undefined || (event !== "up" && event !== "down")) return [];
      return [{ machine, event, at: Number(at) / 1e6 }];
    });
  }

  /** Where a beat runs, by their own notes; of killed machines it is known otherwise. */
  running(): string[] {
    const last = new Map(this.beats().map(({ machine, event }) => [machine, event]));
    return [...last].filter(([name, event]) => event === "up" && this.machine(name).isUp).map(([name]) =>
      name
    );
  }

  /** Waits until exactly one beat runs, on a machine other than `not`; resolves with it and since when. */
  async untilOne(
    not: readonly Machine[] = [],
  ): Promise<{ readonly machine: Machine; readonly since: number }> {
    const found = await until("one beat runs, and on another machine", () => {
      const running = this.running();
      const [name] = running;
      return running.length === 1 && !not.some((machine) => machine.name === name) ? name : null;
    }, { seconds: 15, explain: () => this.scope.read("beats") });
    const since = this.beats().findLast(({ machine, event }) => machine === found && event === "up")?.at ?? 0;
    return { machine: this.machine(found), since };
  }

  #connect({ namespace, index }: Machine, routed: boolean): void {
    const port = `p${index}`;
    this.#addNamespace(namespace);
    ip(
      ...["link", "add", "eth0", "netns", namespace, "type", "veth"],
      ...["peer", "name", port, "netns", this.#bridge],
    );
    ip("-n", this.#bridge, "link", "set", port, "master", "br0", "up");
    ip("-n", namespace, "addr", "add", `10.78.0.${index}/24`, "dev", "eth0");
    ip("-n", namespace, "link", "set", "lo", "up");
    ip("-n", namespace, "link", "set", "eth0", "up");
    if (routed) this.route(namespace);
  }

  /** To the multicast groups, as a default route is on an ordinary host. */
  route(namespace: string): void {
    ip("-n", namespace, "route", "add", "224.0.0.0/4", "dev", "eth0");
  }

  #addNamespace(name: string): void {
    ip("netns", "add", name);
    this.scope.atEnd(() => ip("netns", "del", name));
  }
}

export class Machine {
  readonly name: string;
  readonly namespace: string;
  readonly index: number;
  readonly #cluster: LegionCluster;
  #supervisor: Supervisor | null = null;
  #isUp = false;

  constructor(cluster: LegionCluster, name: string, namespace: string, index: number) {
    this.#cluster = cluster;
    this.name = name;
    this.namespace = namespace;
    this.index = index;
  }

  get supervisor(): Supervisor {
    if (this.#supervisor === null) throw new Error(`${this.name} was not started`);
    return this.#supervisor;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** reeve with the configuration `file` of the scope. */
  start(file: string, words: readonly string[] = []): void {
    const { scope } = this.#cluster;
    const setup =
      `hostname ${this.name} && mount --bind ${scope.directory} /mnt && mount -t tmpfs none /tmp && "$@"`;
    const command = ["/mnt/reeve", `/mnt/${file}`, `--run-dir=/mnt/run.${this.name}`, ...words];
    this.#supervisor = scope.start(command, {
      cwd: "/",
      wrap: [
        ...["ip", "netns", "exec", this.namespace],
        ...["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"],
        ...["sh", "-c", setup, "sh"],
      ],
      environment: { PATH: `/mnt/bin:${SYSTEM_PATH}` },
    });
    this.#isUp = true;
  }

  /** reeve itself, not what puts it onto the machine. */
  async signal(name: NodeJS.Signals): Promise<void> {
    const own = new RegExp(`^/mnt/reeve /mnt/\\S+ --run-dir=/mnt/run\\.${this.name}( |$)`);
    signal(await this.#cluster.scope.untilOne(own), name);
  }

  async untilStopped(): Promise<void> {
    await this.supervisor.untilExit();
    this.#isUp = false;
  }

  /** The power fails: everything on it is gone at once. Resolves with when that was. */
  async powerOff(): Promise<number> {
    const at = Date.now();
    this.#isUp = false;
    await this.supervisor.kill();
    return at;
  }
}

function ip(...words: string[]): void {
  const { success, stderr } = Bun.spawnSync(["ip", ...words], { stdin: "ignore" });
  if (!success) throw new Error(`ip ${words.join(" ")}: ${stderr.toString().trim()}`);
}
