/**
 * What carrying a C library costs: the packed executable against the same one as Bun compiled it, interleaved. Prints medians of the
 * start to the first daemon running, of memory when it is idle, and of the size. Never fails for being slow.
 *
 * usage: bun bench/packed.ts [--rounds N] PLAIN PACKED
 *   (bun run build.ts --plain --outfile dist/bench/plain; bun run build.ts --outfile dist/bench/packed)
 */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Bed } from "./bed.ts";
import { median } from "./run.ts";

interface Figures {
  readonly start: number[];
  readonly privateDirty: number[];
  readonly resident: number[];
}

async function oneRun(executable: string, into: Figures): Promise<void> {
  await using bed = new Bed();
  const directory = join(bed.directory, "job");
  mkdirSync(directory);
  const config = join(directory, "one.ini");
  writeFileSync(config, `[uwsgi]\nrun-dir = ${directory}/run\nattach-daemon = ${bed.daemons(1)[0]}\n`);
  const started = await bed.launch({ command: [executable, config] });
  into.start.push((await bed.clock.nth("runs", 1)).at - started.at);
  const settled = await idleMemory(started.pid);
  into.privateDirty.push(settled.privateDirty);
  into.resident.push(settled.resident);
}

/** KiB, once two looks half a second apart agree. */
async function idleMemory(pid: number): Promise<{ privateDirty: number; resident: number }> {
  for (let before = -1;;) {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    const field = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, "m").exec(text)?.[1]);
    const privateDirty = field("Private_Dirty");
    if (privateDirty === before) return { privateDirty, resident: field("Rss") };
    before = privateDirty;
    await Bun.sleep(500);
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "40" } },
});
const [plain, packed] = positionals.map((path) => resolve(path));
if (plain === undefined || packed === undefined) throw new Error("usage: bun bench/packed.ts PLAIN PACKED");

const all = [plain, packed].map((executable) => ({
  executable,
  figures: { start: [], privateDirty: [], resident: [] } satisfies Figures as Figures,
}));
// Pages of a file that was just written count as dirty until they are on the disk.
Bun.spawnSync(["sync"]);
for (let round = 0; round < Number(values.rounds); round++) {
  for (const one of round % 2 === 0 ? all : all.toReversed()) await oneRun(one.executable, one.figures);
}
const row = (title: string, cells: readonly string[]) => console.log(`| ${[title, ...cells].join(" | ")} |`);
row("", ["plain", "packed"]);
row("---", ["---:", "---:"]);
row("exec to the first daemon running, ms", all.map(({ figures }) => median(figures.start).toFixed(2)));
row("private dirty memory when idle, KiB", all.map(({ figures }) => String(median(figures.privateDirty))));
row("resident memory when idle, KiB", all.map(({ figures }) => String(median(figures.resident))));
row("size, bytes", all.map(({ executable }) => String(statSync(executable).size)));
