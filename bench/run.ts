/**
 * The bench: measures reeve side by side with the supervisors that are installed, interleaved, and prints the
 * medians. A smoke run (--quick) proves that every measure works; nothing here ever fails for being slow.
 *
 * usage: bun bench/run.ts [--quick] [--only MEASURE,...] [--peers NAME,...] [--rounds N] [--json FILE]
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { JAIL_MEASURES } from "./jail_measures.ts";
import { type Measure, SUPERVISION } from "./measures.ts";
import { OPERATING } from "./operate_measures.ts";
import { isPresent, NotServed, type Peer, PEERS, versionOf } from "./peers.ts";

const MEASURES: readonly Measure[] = [...SUPERVISION, ...OPERATING, ...JAIL_MEASURES];

interface Row {
  readonly measure: string;
  readonly title: string;
  readonly unit: string;
  readonly mustReach: string | null;
  /** Peer to its figures, one or more a run. */
  readonly figures: Record<string, number[]>;
}

export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function show(figures: readonly number[] | undefined): string {
  if (figures === undefined || figures.length === 0) return "–";
  const value = median(figures);
  return value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
}

function formatTable(rows: readonly Row[], peers: readonly string[]): string {
  const header = ["measure", "unit", ...peers, "must reach"];
  const lines = rows.map((row) => [
    row.title,
    row.unit,
    ...peers.map((peer) => show(row.figures[peer])),
    row.mustReach ?? "",
  ]);
  return [header, header.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

async function measure(which: Measure, peers: readonly Peer[], rounds: number, quick: boolean): Promise<Row> {
  const figures: Record<string, number[]> = {};
  const serving = peers.filter(which.serves);
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another peer: what a run leaves in the caches favours nobody.
    for (let at = 0; at < serving.length; at++) {
      const peer = serving[(at + round) % serving.length];
      if (peer === undefined) continue;
      try {
        (figures[peer.name] ??= []).push(...await which.run(peer, quick));
      } catch (error) {
        if (!(error instanceof NotServed)) throw error;
        console.error(`${which.name}: ${error.message}`);
      }
    }
  }
  const { name, title, unit, mustReach } = which;
  return { measure: name, title, unit, mustReach: mustReach ?? null, figures };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      peers: { type: "string" },
      rounds: { type: "string" },
      json: { type: "string" },
    },
  });
  const wantedPeers = values.peers?.split(",");
  const peers = PEERS.filter((peer) => wantedPeers?.includes(peer.name) ?? true).filter((peer) => {
    if (!isPresent(peer)) console.error(`left out: ${peer.name}, "${peer.program}" is not installed`);
    return isPresent(peer);
  });
  const wanted = values.only?.split(",");
  const unknown = wanted?.find((name) => !MEASURES.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new Error(`no measure "${unknown}"; there are: ${MEASURES.map((one) => one.name).join(", ")}`);
  }
  const measures = MEASURES.filter((one) =>
    wanted?.includes(one.name) ?? (!values.quick || !one.name.endsWith("-1000"))
  );
  if (process.getuid?.() !== 0) console.error("not root: measures that need a PID namespace will fail");

  const rows: Row[] = [];
  for (const one of measures) {
    const rounds = values.rounds === undefined ? (values.quick ? 1 : one.rounds) : Number(values.rounds);
    const row = await measure(one, peers, rounds, values.quick);
    rows.push(row);
    console.error(
      `${one.name}: ${peers.map((peer) => `${peer.name} ${show(row.figures[peer.name])}`).join(", ")}`,
    );
  }
  const machine = {
    cpu: /^model name\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? process.arch,
    cores: cpus().length,
    kernel: release(),
    versions: Object.fromEntries(peers.map((peer) => [peer.name, versionOf(peer)])),
  };
  console.log(formatTable(rows, peers.map((peer) => peer.name)));
  console.log(`\nmedians on ${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}`);
  console.log(Object.entries(machine.versions).map(([name, version]) => `${name}: ${version}`).join("; "));
  const stamp = new Date().toISOString().replaceAll(":", "");
  const path = values.json ??
    join(import.meta.dir, "results", `${values.quick ? "quick" : "bench"}-${stamp}.json`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    JSON.stringify({ taken: new Date().toISOString(), quick: values.quick, machine, rows }, null, 2),
  );
}

if (import.meta.main) await main();
