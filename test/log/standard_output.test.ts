import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MODULE = JSON.stringify(join(import.meta.dir, "../../lib/log/standard_output.ts"));
const PROGRAM = `
import { openSync, writeSync } from "node:fs";
const { putOnStandardOutput } = await import(${MODULE});
const fd = putOnStandardOutput(openSync(process.env.LOG, "a"));
writeSync(fd, "reeve\\n");
Bun.spawnSync(["sh", "-c", "echo out; echo err >&2; ls /proc/self/fd"], { stdio: ["ignore", "inherit", "inherit"] });
`;

for (const closed of ["", "1>&-", "1>&- 2>&-"]) {
  test(`the log is on fds 1 and 2 and daemons inherit it${closed === "" ? "" : `, started with ${closed}`}`, () => {
    const directory = mkdtempSync(join(tmpdir(), "reeve-stdout-"));
    try {
      const log = join(directory, "log");
      const run = spawnSync("sh", ["-c", `exec "$0" -e "$PROGRAM" ${closed}`, process.execPath], {
        env: { ...process.env, PROGRAM, LOG: log },
      });
      expect(run.stderr.toString()).toBe("");
      expect(readFileSync(log, "utf8")).toStartWith("reeve\nout\nerr\n0\n1\n2\n");
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}
