/**
 * The bench of legions: how long nobody runs the daemon when its lord is killed or stopped, reeve beside
 * uWSGI on the same network of namespaces, and what fifty nodes cost. Prints medians and the worst; nothing
 * here ever fails for being slow. Needs root.
 *
 * usage: bun bench/legion.ts [--rounds N] [--only kill,stop,cpu] [--nodes N] [--seconds N]
 */
import { parseArgs } from "node:util";
import { Scope } from "../test/e2e/harness.ts";
import { type Kind, LegionLab, type LegionOptions } from "../test/e2e/legion_lab.ts";
import { until } from "../test/e2e/wait.ts";
import { readFileSync } from "node:fs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "kill,stop,cpu" },
    nodes: { type: "string", default: "50" },
    seconds: { type: "string", default: "60" },
  },
});
const ROUNDS = Number(values.rounds);
const ONLY = new Set(values.only.split(","));

const SLOW: LegionOptions = { quorum: 2, freq: 1, tolerance: 4, cipher: "aes-256-cbc" };
const FAST: LegionOptions = { ...SLOW, freq: 0.1, tolerance: 0.5 };
const DEFAULTS: LegionOptions = { ...SLOW, freq: 3, tolerance: 15 };
const TICKS_PER_SECOND = 100;

function print(what: string, kind: Kind, unit: string, figures: readonly number[]): void {
  const sorted = figures.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? NaN;
  const worst = sorted.at(-1) ?? NaN;
  const shown = (value: number): string => value.toFixed(value < 10 ? 2 : 0);
  console.log(
    `${what.padEnd(56)} ${kind.padEnd(6)} median ${shown(median).padStart(7)} worst ${
      shown(worst).padStart(7)
    } ${unit}`,
  );
}

/** Each round ends the lord, waits for the next, and has the first back as lord. */
async function failOver(kind: Kind, options: LegionOptions, way: "kill" | "stop"): Promise<number[]> {
  await using scope = new Scope();
  const lab = await LegionLab.make(scope, [30, 20, 10], options);
  for (const node of lab.nodes) node.start(kind);
  const figures: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await lab.untilRuns("n1", 60);
    // Its announcements come at no fixed time before the end.
    await Bun.sleep(options.freq * 1000 * (2 + Math.random()));
    const first = lab.node("n1");
    let ended = 0;
    if (way === "kill") ended = await first.kill();
    else await first.supervisor.stop("SIGTERM");
    const up = await lab.untilRuns("n2", 60);
    if (way === "stop") {
      ended = lab.beats().findLast(({ node, event }) => node === "n1" && event === "down")!.time;
    }
    figures.push(up - ended);
    first.start(kind);
  }
  return figures;
}

function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Share of a core, percent, of each node. */
async function cost(kind: Kind, nodes: number, seconds: number): Promise<number[]> {
  await using scope = new Scope();
  const options = { ...DEFAULTS, quorum: (nodes >> 1) + 1 };
  const lab = await LegionLab.make(
    scope,
    Array.from({ length: nodes }, (_, index) => nodes - index),
    options,
  );
  for (const node of lab.nodes) node.start(kind);
  await lab.untilRuns("n1", 120);
  await until(
    "all name one lord",
    () => lab.nodes.every((node) => node.logged(new RegExp(`votes: ${nodes}\\)`)).length > 0),
    { seconds: 120 },
  );
  const before = lab.nodes.map(({ supervisor }) => cpuTicks(supervisor.id.pid));
  const started = performance.now();
  await Bun.sleep(seconds * 1000);
  const elapsed = (performance.now() - started) / 1000;
  return lab.nodes.map(({ supervisor }, index) =>
    (cpuTicks(supervisor.id.pid) - before[index]!) / TICKS_PER_SECOND / elapsed * 100
  );
}

const KINDS: readonly Kind[] = ["reeve", "uwsgi"];
if (ONLY.has("kill")) {
  for (const kind of KINDS) {
    print("lord killed to next daemon: freq 1, tolerance 4", kind, "ms", await failOver(kind, SLOW, "kill"));
  }
  print(
    "lord killed to next daemon: freq 0.1, tolerance 0.5",
    "reeve",
    "ms",
    await failOver("reeve", FAST, "kill"),
  );
}
if (ONLY.has("stop")) {
  print(
    "lord's daemon stopped to next daemon: freq 3, tolerance 15",
    "reeve",
    "ms",
    await failOver("reeve", DEFAULTS, "stop"),
  );
  print(
    "lord's daemon stopped to next daemon: freq 0.1, tol 0.5",
    "reeve",
    "ms",
    await failOver("reeve", FAST, "stop"),
  );
  print(
    "lord's daemon stopped to next daemon: freq 1, tolerance 4",
    "uwsgi",
    "ms",
    await failOver("uwsgi", SLOW, "stop"),
  );
}
if (ONLY.has("cpu")) {
  const [nodes, seconds] = [Number(values.nodes), Number(values.seconds)];
  for (const kind of KINDS) {
    print(`CPU of each of ${nodes} nodes, freq 3`, kind, "% of a core", await cost(kind, nodes, seconds));
  }
}
