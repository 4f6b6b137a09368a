import { expect, test } from "bun:test";
import { join } from "node:path";
import { commandHelp, usage } from "../../../lib/cli/help/help.ts";
import { manPage } from "../../../lib/cli/help/man.ts";
import { COMMANDS } from "../../../lib/cli/shared/commands.ts";
import { optionRows } from "../../../lib/config/options/option_table.ts";
import { reeve } from "../cli.ts";

const PAGE = join(import.meta.dir, "../../../docs/reeve.1");

test("docs/reeve.1 is current; bun run lib/cli/help/man.ts writes it", async () => {
  expect(await Bun.file(PAGE).text()).toBe(manPage());
});

test("reeve man prints the page", () => {
  expect(reeve(["man"])).toEqual({ code: 0, out: manPage(), err: "" });
});

test("what a command's help says behind its list is no part of the list's last entry", () => {
  expect(manPage()).toContain("was started with\n.br\nExit code: that of what ran inside");
});

test("the help of a command fits a terminal of 80 columns", () => {
  const wide = [usage(), ...COMMANDS.map(commandHelp)].flatMap((text) => text.split("\n")).filter((line) =>
    line.length > 80
  );
  expect(wide).toEqual([]);
});

test("the page has every option that is served", () => {
  const text = manPage();
  const absent = optionRows().filter(({ served }) => served === "yes").map(({ name }) => name)
    .filter((name) => !text.includes(`\\fB\\-\\-${name.replaceAll("-", "\\-")}\\fR`));
  expect(absent).toEqual([]);
});

const groff = Bun.which("groff");
if (groff === null && process.env["MUST_WORK"] !== "1") {
  test.skip("groff has no warning about the page [skipped: no groff]", () => {});
} else {
  test("groff has no warning about the page", () => {
    if (groff === null) throw new Error("cannot run this test: no groff; apt-get install groff");
    const result = Bun.spawnSync([groff, "-man", "-ww", "-Tutf8"], {
      stdin: new TextEncoder().encode(manPage()),
      stdout: "pipe",
      stderr: "pipe",
    });
    expect({ code: result.exitCode, warnings: result.stderr.toString() }).toEqual({ code: 0, warnings: "" });
    // Bold and italics are overstrikes or escapes of the terminal.
    expect(result.stdout.toString().replace(/\x1b\[[0-9;]*m|.\x08/g, "")).toContain("--attach-daemon2");
  });
}
