/**
 * Keepers for the tests: the keeper of native/ with a libc and the sanitizers below it, and as its core a
 * script that speaks to it through the client of lib/sys/keeper.
 */
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keeperProgram } from "../../native/build.ts";

const LIB = join(import.meta.dir, "../../../lib");

/** The beginning of each core: `keeper` is the client, `say` writes a line, `child` is a ChildSpec. */
const PROLOGUE = `
import { Keeper, useKeeper } from ${JSON.stringify(`${LIB}/sys/keeper/keeper.ts`)};
import { spawnChild } from ${JSON.stringify(`${LIB}/sys/child/spawn.ts`)};
import { EMPTY_CHILD } from ${JSON.stringify(`${LIB}/sys/child/child_spec.ts`)};
import { watcher } from ${JSON.stringify(`${LIB}/sys/file/watcher.ts`)};
import { writeSync, existsSync, writeFileSync } from "node:fs";
const keeper = new Keeper(Number.parseInt(process.env.REEVE_INTERNAL_KEEPER, 10), "test");
useKeeper(keeper);
const say = (...words) => writeSync(1, words.join(" ") + "\\n");
let spawns = keeper.welcome.generation * 1000;
const child = (words, more = {}) => ({
  ...EMPTY_CHILD, spawnId: ++spawns, args: words, file: { path: words[0], searchPath: null },
  fds: new Map([[0, "null"], [1, 1], [2, 2]]), ...more,
});
const listen = (news) => {
  keeper.listen({ died: () => {}, reapedOrphans: () => {}, signalled: () => {}, ...news });
  watcher().add(keeper.fd, () => keeper.receive());
};
const { generation } = keeper.welcome;
`;

export interface KeeperRun {
  readonly code: number;
  readonly lines: readonly string[];
  readonly errors: string;
}

/** Runs a keeper whose cores are all this script, until it ends. */
export async function runKeeper(
  directory: string,
  script: string,
  during: (pid: number) => void | Promise<void> = () => {},
): Promise<KeeperRun> {
  const file = join(directory, `core-${crypto.randomUUID()}.ts`);
  writeFileSync(file, PROLOGUE + script);
  const output = `${file}.out`;
  const out = openSync(output, "w");
  const errors = openSync(`${file}.err`, "w");
  const runtime = openSync(process.execPath, "r");
  const program = keeperProgram();
  try {
    const run = Bun.spawn(
      ["sh", "-c", 'exec "$@" 9<&-', "sh", program, "7", process.execPath, file],
      {
        stdio: ["ignore", out, errors, null, null, null, null, runtime],
        env: { ...process.env, LSAN_OPTIONS: "detect_leaks=0" },
      },
    );
    await during(run.pid);
    const code = await run.exited;
    const lines = readFileSync(output, "utf8").split("\n").filter((line) => line !== "");
    return { code, lines, errors: readFileSync(`${file}.err`, "utf8") };
  } finally {
    for (const fd of [out, errors, runtime]) closeSync(fd);
  }
}
