import { expect, test } from "bun:test";
import fc from "fast-check";
import { spawnSync } from "node:child_process";
import { strftime } from "../../lib/log/strftime.ts";

const CONVERSIONS = "a A b B c C d D e F g G h H I j k l m M p P r R s S T u U V w W x X y Y z";
const hasDate = spawnSync("date", ["--version"]).stdout?.toString().includes("GNU") ?? false;

test.skipIf(!hasDate && process.env["MUST_WORK"] !== "1")(
  "every conversion equals that of date(1) in the C locale [needs GNU date]",
  () => {
    const format = CONVERSIONS.split(" ").map((letter) => `%${letter}`).join("|");
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800 }), (seconds) => {
        const real = spawnSync("date", ["-d", `@${seconds}`, `+${format}`], {
          env: { ...process.env, LC_ALL: "C" },
        });
        expect(strftime(format, new Date(seconds * 1000))).toBe(real.stdout.toString().trimEnd());
      }),
      { numRuns: 60 },
    );
  },
);

test("an unknown conversion stays as it is written", () => {
  expect(strftime("%Q 100% %%", new Date(0))).toBe("%Q 100% %");
});
