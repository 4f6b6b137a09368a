/**
 * How the core's end looks in a log: one line of reeve's own, never the runtime's crash report or a stack.
 */
import { expect } from "bun:test";
import { fixture } from "../fixtures/compile.ts";
import { check, pidNamespace, program, reeve } from "./need.ts";
import { isAlive, signal } from "./process.ts";

const NOISE = /Bun|panic|bunfs|^\s+at /m;

/** Options of prlimit, the least with which reeve starts, and what it says below that. */
const LIMITS: readonly (readonly [option: string, least: number, says: string])[] = [
  ["--as", 2560 * 2 ** 20, "the limit of address space is below the 2560 MiB"],
  ["--data", 2560 * 2 ** 20, "the limit of data is below the 2560 MiB"],
  ["--stack", 192 * 1024, "the limit of the stack is below 192 KiB"],
  ["--nofile", 8, "the limit of open files is below 8"],
];

for (const [option, least, says] of LIMITS) {
  check(`prlimit ${option}: reeve refuses what is too low for its runtime, in one line`, [
    reeve,
    program("prlimit", "util-linux"),
  ], async (scope) => {
    const config = scope.config([`attach-daemon = ${fixture("hang")}`]);
    const limited = (value: number) => ["prlimit", `${option}=${value}:`];
    const refused = await scope.reeve(config, { wrap: limited(least - 1) }).untilExit();
    expect(refused.code).toBe(1);
    expect(refused.output).toStartWith(`reeve: cannot start: ${says}`);
    expect(refused.output.trimEnd().split("\n").length).toBe(1);
    // What more an instance needs it says itself.
    const checked = await scope.reeve(["check", config], { wrap: limited(least) }).untilExit();
    expect(checked.code).toBe(0);
    const supervisor = scope.reeve(config, { wrap: limited(option === "--nofile" ? 2 * least : least) });
    await supervisor.untilLog(/reeve is up/);
    const { code, output } = await supervisor.stop();
    expect(code).toBe(0);
    expect(`${checked.output}${output}`).not.toMatch(NOISE);
  });
}

check("an init alone needs no room: an address space of 256 MiB will do", [
  reeve,
  program("prlimit", "util-linux"),
], async (scope) => {
  const wrap = ["prlimit", `--as=${1 << 28}:`];
  expect((await scope.reeve(["--", fixture("exit_with"), "6"], { wrap }).untilExit()).code).toBe(6);
});

check("SEGV of the core: one line says so, and another core goes on with the same daemon", [
  reeve,
], async (scope) => {
  const supervisor = scope.reeve(scope.config([`attach-daemon = ${fixture("hang")}`]));
  await supervisor.untilLog(/reeve is up/);
  const daemon = await scope.untilOne(/hang$/);
  signal(await supervisor.untilCore(), "SIGSEGV");
  await supervisor.untilLog(/error the core died of SEGV; the next one goes on, no daemon was touched$/m);
  await supervisor.untilLog(/reeve is back/);
  expect(isAlive(daemon)).toBe(true);
  const { code, output } = await supervisor.stop();
  expect(code).toBe(0);
  expect(output).not.toMatch(NOISE);
});

check("SEGV of the core as PID 1: one line says so, and another core goes on", [
  reeve,
  pidNamespace,
], async (scope) => {
  const supervisor = scope.reeve(scope.config([`attach-daemon = ${fixture("hang")}`]), {
    firstProcess: true,
  });
  await supervisor.untilFirstProcess();
  await supervisor.untilLog(/reeve is up/);
  const from = supervisor.log().length;
  signal(await supervisor.untilCore(), "SIGSEGV");
  await supervisor.untilLog(/error the core died of SEGV; the next one goes on, no daemon was touched$/m, {
    from,
  });
  await supervisor.untilLog(/reeve is back/, { from });
  const { code, output } = await supervisor.stop();
  expect(code).toBe(0);
  expect(output).not.toMatch(NOISE);
});
