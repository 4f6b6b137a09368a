/**
 * Two supervisors of one configuration: there is one, whatever becomes of the files in its run directory.
 */
import { expect } from "bun:test";
import { rmSync } from "node:fs";
import { check, reeve } from "../e2e/need.ts";
import { isAlive } from "../e2e/process.ts";

check("somebody tidies the run directory up: a second reeve is still refused, and kills nothing", [
  reeve,
], async (scope) => {
  const config = scope.config(["attach-daemon = sleep 78401"]);
  const first = scope.reeve(config);
  await first.untilLog(/reeve is up/);
  const daemon = await scope.untilOne(/^sleep 78401/);
  rmSync(scope.path("run", "lock"));
  const second = await scope.reeve(config).untilExit();
  expect(second.code).toBe(1);
  expect(second.output).toMatch(/another reeve/);
  expect(isAlive(daemon)).toBe(true);
  first.signal("SIGHUP");
  await first.untilLog(/reeve is back/);
  expect((await scope.reeve(config).untilExit()).code).toBe(1);
  expect((await first.stop()).code).toBe(0);
});
