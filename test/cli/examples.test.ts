import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { reeve } from "./cli.ts";

const EXAMPLES = resolve(import.meta.dir, "../../examples");
const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What must be installed for an example to be usable: a program or a path. */
const NEEDS: Readonly<Record<string, string>> = {
  "memcached.ini": "memcached",
  "memcached-smart.ini": "memcached",
  "celery.ini": "celery",
  "celery-beat.ini": "celery",
  "postgresql.ini": "/usr/lib/postgresql",
  "dropbear.ini": "/usr/sbin/dropbear",
};
/** Servers that Debian does not have, or that are applications of the user's. */
const ABSENT: Readonly<Record<string, RegExp>> = {
  "mongodb.ini": /cannot run "mongod"/,
  "delayed_job.ini": /"\/var\/apps\/foobar/,
};
const NEED_ROOT = ["postgresql.ini", "attach-daemon2.ini"];

function missing(name: string): string | null {
  const need = NEEDS[name];
  if (NEED_ROOT.includes(name) && process.getuid?.() !== 0) return "needs root";
  if (need === undefined) return null;
  const found = need.startsWith("/") ? existsSync(need) : Bun.which(need, { PATH: SYSTEM_PATH }) !== null;
  return found ? null : `needs ${need}`;
}

describe("examples", () => {
  for (const name of readdirSync(EXAMPLES).filter((file) => /\.(?:ini|yaml)$/.test(file))) {
    const reason = missing(name);
    const body = (): void => {
      if (reason !== null) throw new Error(`cannot run this test: ${reason}`);
      const { code, err } = reeve(["check", join(EXAMPLES, name)], { env: { PATH: SYSTEM_PATH } });
      const problems = err.split("\n").filter((line) => line !== "" && !line.includes("note: "));
      const absent = ABSENT[name];
      if (absent !== undefined && code !== 0) {
        for (const problem of problems) expect(problem).toMatch(absent);
        return;
      }
      expect(problems.filter((line) => !line.includes("warning: "))).toEqual([]);
      expect(code).toBe(0);
    };
    if (reason === null || process.env["MUST_WORK"] === "1") test(`${name} has no mistakes`, body);
    else test.skip(`${name} has no mistakes [skipped: ${reason}]`, body);

    test(`${name} begins with what it is and is commented`, () => {
      const text = readFileSync(join(EXAMPLES, name), "utf8");
      expect(text).toMatch(/^[;#] .{20,}\n/);
      for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(160);
    });
  }
});
