/**
 * The rules of the house: which directory may import which, that no circle leads through directories, which
 * parts are pure, and that bun:ffi stays in lib/sys. A rule that is broken is mended in the code, never
 * listed here.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const ROOT = join(import.meta.dir, "..", "..");

/** From the top down: a directory imports its own layer and those below it. */
const LAYERS: readonly (readonly string[])[] = [
  ["cli"],
  ["supervisor"],
  ["control", "hooks", "legion", "output", "pidfile", "process", "records", "watch"],
  ["config", "daemon", "jail", "log", "machine"],
  ["sys"],
];

/** Decisions: nothing that they run may look at a clock, a file, a process or the network. */
const PURE = /^lib\/(config|daemon|machine|legion\/election)\//;
/** An entry for a generator of a page: it writes the page when it is run as a program. */
const PROGRAM = /^if \(import\.meta\.main\) \{\n[^]*?\n\}/m;
const EFFECTS = [
  /from "(?:bun:|node:(?!path"))/,
  /\bprocess\.(?:argv|cwd|env|exit|get\w+|hrtime|kill|on|std\w+|umask)\b|\bBun\.|\bDate\.now\b|\bnew Date\(\)|\bperformance\./,
  /\bset(?:Timeout|Interval|Immediate)\(|\bMath\.random\b|\bcrypto\.|\bfetch\(|\bconsole\./,
];

interface Import {
  readonly from: string;
  readonly to: string;
  /** Types are gone when the code runs. */
  readonly isType: boolean;
}

const sources = new Map<string, string>();
for (const file of new Bun.Glob("lib/**/*.ts").scanSync(ROOT)) {
  sources.set(file, readFileSync(join(ROOT, file), "utf8"));
}
const imports = [...sources].flatMap(([file, text]) => importsOf(file, text));

function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  const statement = /\b(import|export)\s+(type\s)?[^"';]*?from\s+"(\.[^"]+)"|\bimport\(\s*"(\.[^"]+)"/g;
  for (const [, , type, still, later] of text.matchAll(statement)) {
    const to = normalize(join(dirname(file), still ?? later ?? ""));
    if (to.startsWith("lib/")) found.push({ from: file, to, isType: type !== undefined });
  }
  return found;
}

/** The first directory below lib/. */
function partOf(file: string): string {
  return file.split("/")[1] ?? "";
}

function layerOf(file: string): number {
  return LAYERS.findIndex((layer) => layer.includes(partOf(file)));
}

test("every directory of lib/ has a layer", () => {
  const without = [...sources.keys()].filter((file) => layerOf(file) < 0);
  expect(without).toEqual([]);
});

test("imports point one way: cli, supervisor, the subsystems, what they decide with, sys", () => {
  const upward = imports.filter(({ from, to }) => layerOf(to) < layerOf(from));
  expect(upward.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
});

test("no circle leads through directories", () => {
  expect(findCircles(edgesBetweenDirectories())).toEqual([]);
});

test("a circle of directories would be found", () => {
  const edges = new Map([["a", new Set(["b"])], ["b", new Set(["c"])], ["c", new Set(["a"])]]);
  expect(findCircles(edges)).toEqual(["a > b > c > a"]);
});

function edgesBetweenDirectories(): Map<string, Set<string>> {
  const edges = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    const [importer, imported] = [dirname(from), dirname(to)];
    if (importer === imported) continue;
    edges.set(importer, (edges.get(importer) ?? new Set()).add(imported));
  }
  return edges;
}

/** Each circle once, as the way around it. */
function findCircles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const circles: string[] = [];
  const finished = new Set<string>();
  const visit = (directory: string, way: readonly string[]): void => {
    const start = way.indexOf(directory);
    if (start >= 0) circles.push([...way.slice(start), directory].join(" > "));
    if (start >= 0 || finished.has(directory)) return;
    for (const next of edges.get(directory) ?? []) visit(next, [...way, directory]);
    finished.add(directory);
  };
  for (const directory of edges.keys()) visit(directory, []);
  return circles;
}

test("configuration, daemon and election are pure, with all that they run", () => {
  const reached = new Map<string, string>();
  const waiting = [...sources.keys()].filter((file) => PURE.test(file)).map((file) => ({ file, by: "" }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { file, by } = next;
    if (reached.has(file)) continue;
    reached.set(file, by);
    for (const one of imports) if (one.from === file && !one.isType) waiting.push({ file: one.to, by: file });
  }
  const impure = [...reached].flatMap(([file, by]) =>
    EFFECTS.flatMap((effect) => {
      const found = effect.exec(withoutComments((sources.get(file) ?? "").replace(PROGRAM, "")));
      return found === null ? [] : [`${file} has "${found[0]}"${by === "" ? "" : `, imported by ${by}`}`];
    })
  );
  expect(impure).toEqual([]);
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[^]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}

test("bun:ffi is imported in lib/sys alone", () => {
  const others = [...sources].filter(([file, text]) => partOf(file) !== "sys" && text.includes('"bun:ffi"'));
  expect(others.map(([file]) => file)).toEqual([]);
});

test("no directory of lib/ has outgrown one subsystem", () => {
  const counts = new Map<string, number>();
  for (const file of sources.keys()) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  expect([...counts].filter(([, count]) => count > 22)).toEqual([]);
});
