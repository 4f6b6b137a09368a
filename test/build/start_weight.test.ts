/**
 * What an instance of plain daemons loads: every module costs time at each start, and memory for as long as
 * reeve runs. What a configuration does not use is imported where it is used (`await import`), and is then a
 * file of its own in the executable.
 */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const ROOT = join(import.meta.dir, "..", "..");

/** The modules that every start imports, one after the other. */
const EVERY_START = [
  "main.ts",
  "lib/supervisor/stage.ts",
  "lib/cli/shared/read_plan.ts",
  "lib/supervisor/start.ts",
];

/** Parts that only some configurations, or only other commands, have a use for. */
const NOT_FOR_PLAIN_DAEMONS = [
  /^lib\/cli\/(?!run\.ts|start_supervisor\.ts|shared\/|system\/)/,
  /^lib\/control\/(?:api|http|stats|views)\//,
  /^lib\/control\/(?:server|connection)\.ts/,
  /^lib\/legion\/(?:election|etcd)\//,
  /^lib\/legion\/packets\/(?!cipher_names\.ts)/,
];

/** A module to one that it was imported by. Types are gone when the code runs. */
function loadedBy(entries: readonly string[]): ReadonlyMap<string, string> {
  const loaded = new Map<string, string>();
  const waiting = entries.map((file) => ({ file, by: "every start" }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { file, by } = next;
    if (loaded.has(file) || !file.endsWith(".ts") || !existsSync(join(ROOT, file))) continue;
    loaded.set(file, by);
    const statements = /^(?:import|export)\s+(?!type\s)([^"';]*?)from\s+"(\.[^"]+)"/gm;
    for (const [, names = "", to = ""] of readFileSync(join(ROOT, file), "utf8").matchAll(statements)) {
      const listed = /\{([^}]*)\}/.exec(names)?.[1]?.split(",").map((name) => name.trim()).filter(Boolean);
      if (listed?.every((name) => name.startsWith("type ")) === true) continue;
      waiting.push({ file: normalize(join(dirname(file), to)), by: file });
    }
  }
  return loaded;
}

test("an instance of plain daemons loads nothing that it does not use", () => {
  const loaded = [...loadedBy(EVERY_START)];
  expect(loaded.length).toBeGreaterThan(100);
  const needless = loaded.filter(([file]) => NOT_FOR_PLAIN_DAEMONS.some((part) => part.test(file)));
  expect(needless.map(([file, by]) => `${file}, imported by ${by}`)).toEqual([]);
});

test("a command that asks an instance loads neither what reads configurations nor what runs daemons", () => {
  const loaded = [...loadedBy(["main.ts"])];
  const needless = loaded.filter(([file]) =>
    /^lib\/config\/(?:build|check|diff|system)\/|^lib\/config\/language\/(?!custom_option)/.test(file) ||
    /^lib\/(?:daemon|jail|legion|log|watch)\/|^lib\/supervisor\/(?!signal_wiring)/.test(file)
  );
  expect(needless.map(([file, by]) => `${file}, imported by ${by}`)).toEqual([]);
});
