/** What people have said about single daemons, and where it is recorded. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readWords } from "../../../lib/records/words.ts";
import { People, type PeopleOptions } from "../../../lib/supervisor/operate/people.ts";

let directory = "";
const complaints: string[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-people-"));
  complaints.length = 0;
});

afterEach(() => rmSync(directory, { recursive: true }));

function people(options: Partial<PeopleOptions> = {}): People {
  return new People({
    runFile: join(directory, "people"),
    stateFile: join(directory, "state", "x.people"),
    boot: "now",
    words: null,
    ...options,
  }, { now: () => 7, complain: (text) => void complaints.push(text) });
}

const WEB = { name: "web", startup: "enabled" } as const;
const MANUAL = { name: "manual", startup: "disabled" } as const;

test("one is kept down that was stopped, or that does not start with the instance", () => {
  const said = people();
  expect([said.doorOf(WEB), said.doorOf(MANUAL)]).toEqual(["open", "closed"]);
  said.stop("web", "ann", false);
  said.start(MANUAL, "ann");
  expect([said.doorOf(WEB), said.doorOf(MANUAL)]).toEqual(["closed", "open"]);
  expect([said.holdOf("web"), said.holdOf("manual")]).toEqual([{ by: "ann", at: 7 }, null]);
  said.start(WEB, "bob");
  expect([said.doorOf(WEB), said.holdOf("web")]).toEqual(["open", null]);
});

test("a killed reeve's words hold in its boot, and an orderly end forgets them", () => {
  const said = people();
  said.stop("web", "ann", false);
  said.start(MANUAL, "ann");
  said.save();
  expect(people().words).toEqual(said.words);
  expect(people({ boot: "later" }).words).toEqual([]);
  // The next image has what was handed over, whatever the record says.
  expect(people({ words: [] }).words).toEqual([]);
  said.end();
  expect(existsSync(join(directory, "people"))).toBe(false);
  expect(complaints).toEqual([]);
});

test("what is to stay stopped stays so over every boot, until it is started", () => {
  const said = people();
  said.stop("web", "ann", true);
  said.stop("other", "ann", false);
  said.save();
  said.end();
  const next = people({ boot: "later" });
  expect(next.words.map(({ daemon }) => daemon)).toEqual(["web"]);
  next.start(WEB, "ann");
  next.save();
  expect(readdirSync(join(directory, "state"))).toEqual([]);
});

test("a record that another user may have written, a link and a torn line say nothing", () => {
  const said = people();
  said.stop("web", "ann", false);
  said.stop("other", "ann", false);
  said.save();
  const file = join(directory, "people");
  const whole = readFileSync(file, "utf8");
  writeFileSync(file, whole.slice(0, -5));
  expect(readWords(file, "now").map(({ daemon }) => daemon)).toEqual(["web"]);
  chmodSync(file, 0o666);
  expect(readWords(file, "now")).toEqual([]);
  chmodSync(file, 0o600);
  symlinkSync(file, join(directory, "link"));
  expect(readWords(join(directory, "link"), "now")).toEqual([]);
  expect(readWords(directory, "now")).toEqual([]);
});

test("a record that cannot be written is said, and costs nothing else", () => {
  const said = people({ runFile: join(directory, "people", "x") });
  writeFileSync(join(directory, "people"), "");
  said.stop("web", "ann", false);
  said.save();
  expect(said.doorOf(WEB)).toBe("closed");
  expect(complaints[0]).toStartWith("cannot record what was stopped by hand: ");
});
