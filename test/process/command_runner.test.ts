/** Hooks' commands as real processes. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "../../lib/config/plan/daemon_plan.ts";
import { CommandRunner } from "../../lib/process/command_runner.ts";
import type { CommandOptions } from "../../lib/process/command_runner.ts";
import { readStat } from "../../lib/sys/process/process_table.ts";
import { INSTANCE_PLAN } from "../support/plans.ts";
import { ENVIRONMENT, INHERITED, RealHost } from "../supervisor/unit/real_host.ts";

let directory: string;
let real: RealHost;
let runner: CommandRunner;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-command-"));
  real = new RealHost();
  runner = new CommandRunner(real.host, real.registry, INSTANCE_PLAN, INHERITED);
});
afterEach(async () => {
  await real.close();
  rmSync(directory, { recursive: true, force: true });
});

function shell(text: string): Command {
  return { kind: "shell", text, shell: "/bin/sh" };
}

/** How it ended, or the text of what it was rejected with. */
async function outcome(command: Command, change: Partial<CommandOptions> = {}): Promise<unknown> {
  const options = {
    identity: null,
    environment: ENVIRONMENT,
    cwd: directory,
    signal: new AbortController().signal,
    ...change,
  };
  let result: { readonly value: unknown } | null = null;
  runner.run(command, options).then(
    (value) => result = { value },
    (error: unknown) => result = { value: (error as Error).message },
  );
  await real.until(() => result !== null, "the command has ended");
  return (result as unknown as { value: unknown }).value;
}

test("it ends with an exit code or by a signal", async () => {
  expect(await outcome(shell("exit 0"))).toEqual({ kind: "exited", code: 0 });
  expect(await outcome(shell("exit 126"))).toEqual({ kind: "exited", code: 126 });
  expect(await outcome(shell("kill -USR1 $$"))).toMatchObject({ kind: "killed", signal: 10 });
});

test("it runs in the hooks' directory with their environment", async () => {
  const environment = { ...ENVIRONMENT, list: [...ENVIRONMENT.list, "A=1 2"] };
  await outcome(shell('echo "$A" > out'), { environment });
  expect(readFileSync(join(directory, "out"), "utf8")).toBe("1 2\n");
});

test("what cannot be started is an error that names the stage", async () => {
  const words = ["/no/such/program"];
  expect(await outcome({ kind: "words", text: words[0]!, words })).toBe(
    `cannot run "/no/such/program": exec "/no/such/program": no such file or directory ` +
      "(the file, or the interpreter of its first line, is not there)",
  );
  expect(await outcome(shell("true"), { cwd: "/no/such/directory" })).toBe(
    `cannot run "true": chdir "/no/such/directory": no such file or directory`,
  );
});

test("it is called off with its whole group", async () => {
  const controller = new AbortController();
  const file = join(directory, "child");
  const done = outcome(shell(`sleep 1000 & echo $! > ${file}.new; mv ${file}.new ${file}; wait`), {
    signal: controller.signal,
  });
  await real.until(() => existsSync(file));
  const child = Number(readFileSync(file, "utf8"));
  controller.abort(new Error("told to stop"));
  expect(await done).toBe("told to stop");
  await real.until(() => [undefined, "Z"].includes(readStat(child)?.state));
});

test("called off before it began, it does not begin", async () => {
  const file = join(directory, "out");
  expect(await outcome(shell(`echo > ${file}`), { signal: AbortSignal.abort(new Error("too late")) })).toBe(
    "too late",
  );
  expect(existsSync(file)).toBe(false);
});

test("what it left in the background is left alone", async () => {
  const file = join(directory, "child");
  expect(await outcome(shell(`sleep 1000 & echo $! > ${file}`))).toEqual({ kind: "exited", code: 0 });
  const child = Number(readFileSync(file, "utf8"));
  expect(["S", "R"]).toContain(readStat(child)!.state);
  process.kill(child, "SIGKILL");
});
