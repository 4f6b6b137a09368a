import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBunTests, type TestRun } from "./bun_tests.ts";

async function outcome(source: string, wholeSeconds = 30, mustWork = false): Promise<TestRun> {
  const directory = mkdtempSync(join(tmpdir(), "reeve-gate-"));
  try {
    writeFileSync(join(directory, "x.test.ts"), `import { expect, test } from "bun:test";\n${source}`);
    return await runBunTests(directory, ["x.test.ts"], { perTestSeconds: 5, wholeSeconds }, {
      environment: { MUST_WORK: mustWork ? "1" : "" },
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const counts = ({ passed, failed, skipped }: TestRun): number[] => [passed, failed, skipped];

test("passed, failed and skipped tests are counted", async () => {
  const run = await outcome(`
    test("a", () => {});
    test("b", () => expect(1).toBe(2));
    test.skip("c", () => {});
    test("d", () => {});
  `);
  expect(counts(run)).toEqual([2, 1, 1]);
  expect(run.output).toContain("Expected: 2");
});

test("a skipped test is a failure with its name where nothing may skip", async () => {
  const source = `
    test("a", () => {});
    test.skip('b "needs" <x> & y', () => {});
    test.todo("c", () => {});
  `;
  expect(counts(await outcome(source))).toEqual([1, 0, 2]);
  const run = await outcome(source, 30, true);
  expect(counts(run)).toEqual([1, 2, 0]);
  expect(run.output).toContain('(fail) b "needs" <x> & y: it was skipped');
  expect(run.output).toContain("(fail) c: it was skipped");
});

test("a file that throws outside of its tests is a failure", async () => {
  const [, failed] = counts(await outcome(`throw new Error("no");`));
  expect(failed).toBeGreaterThan(0);
});

test("a file without tests is a failure", async () => {
  expect(counts(await outcome("expect(1).toBe(1);"))[1]).toBe(1);
});

test("an end in the middle of the tests is a failure", async () => {
  expect(counts(await outcome(`test("a", () => {}); test("b", () => process.exit(0));`))[1]).toBeGreaterThan(
    0,
  );
  expect(counts(await outcome(`test("a", () => process.kill(process.pid, "SIGKILL"));`))[1]).toBeGreaterThan(
    0,
  );
});

test("a run that does not end is killed and is a failure", async () => {
  const run = await outcome(`test("a", () => { for (;;); });`, 1);
  expect(counts(run)).toEqual([0, 1, 0]);
  expect(run.output).toContain("no end after 1 s: killed");
});
