/** The lines that `reeve apply` shows. */
import { expect, test } from "bun:test";
import { appliedLines, hasDifferences } from "../../../lib/cli/operate/show/applied.ts";

const daemon = (name: string, work: string, more: object = {}) => ({
  name,
  was: null,
  work,
  settings: [],
  file: null,
  line: null,
  ...more,
});
const setting = (name: string, change: string, from: string, to: string) => ({ name, change, from, to });
const NOTHING = { "dry-run": false, daemons: [], unchanged: 0, reload: [], stop: [], warnings: [] };

test("a line for each daemon, in columns, with what changed from what to what, and where that is said", () => {
  const report = {
    ...NOTHING,
    "dry-run": true,
    daemons: [
      daemon("beat", "stop"),
      daemon("mailer", "start", { file: "app.ini", line: 31 }),
      daemon("web", "restart", {
        settings: [setting("command", "restart", "serve --workers 2", "serve --workers 4")],
        file: "app.ini",
        line: 12,
      }),
      daemon("cache", "live", {
        settings: [setting("stop_timeout", "live", "3", "10")],
        file: "app.ini",
        line: 20,
      }),
      daemon("www", "rename", {
        was: "old",
        settings: [setting("name", "name", "old", "www")],
        file: "environment",
      }),
    ],
    unchanged: 14,
    reload: ["logto"],
    stop: ["run-dir"],
    warnings: ["app.ini:3: what is this"],
  };
  expect(appliedLines(report)).toEqual([
    "- beat    stop",
    "+ mailer  new                        app.ini:31",
    '~ web     restart: command           app.ini:12   "2" > "4"',
    "~ cache   live: stop_timeout 3 > 10  app.ini:20",
    "~ www     was called old             environment",
    "= 14 unchanged",
    '! logto has changed, which needs "reeve reload": left as it was',
    "! run-dir has changed, which needs a stop and start: left as it was",
    "warning: app.ini:3: what is this",
    "nothing was done (--dry-run)",
  ]);
});

test("what an instance of another version says does no harm, and moves no cursor", () => {
  expect(appliedLines(null)).toEqual(["= 0 unchanged"]);
  const report = {
    ...NOTHING,
    daemons: [daemon("\x1b[2Jx", "dance", { settings: [{ name: 7 }], file: 9 }), 3],
  };
  expect(appliedLines(report).join("\n")).not.toContain("\x1b");
});

test("something differs where a daemon does, or what needs more than an apply", () => {
  expect([
    NOTHING,
    { ...NOTHING, daemons: [daemon("a", "live")] },
    { ...NOTHING, reload: ["logto"] },
    { ...NOTHING, warnings: ["w"] },
  ].map(hasDifferences)).toEqual([false, true, true, false]);
});
