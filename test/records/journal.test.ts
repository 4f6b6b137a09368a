import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Journal, type JournalEntry } from "../../lib/records/journal.ts";
import { rootTest } from "../support/need_root.ts";

const BOOT = "11111111-2222-3333-4444-555555555555";
let directory: string;
let path: string;
let reports: unknown[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-journal-"));
  path = join(directory, "journal");
  reports = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function entry(pid: number, change: Partial<JournalEntry> = {}): JournalEntry {
  const startTime = BigInt(pid) * 10n;
  return {
    name: `d${pid}`,
    smart: false,
    pidfile: null,
    process: { pid, startTime },
    uid: 0,
    aliveAt: startTime,
    ...change,
  };
}

function begun(before: readonly JournalEntry[] = []): Journal {
  const journal = new Journal(path, (error) => reports.push(error));
  journal.begin(BOOT, before);
  return journal;
}

const read = (): readonly JournalEntry[] => Journal.read(path, BOOT);

test("what is up and has not ended is read again, whole", () => {
  const journal = begun();
  journal.up(entry(10));
  journal.up(entry(11, { smart: true, pidfile: "/p", uid: 33, name: 'a "b"\n' }));
  journal.up(entry(12));
  journal.end(entry(12).process);
  expect(read()).toEqual([entry(10), entry(11, { smart: true, pidfile: "/p", uid: 33, name: 'a "b"\n' })]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("an end counts for that process alone, not for an earlier one of the same number", () => {
  const journal = begun();
  journal.up(entry(10));
  journal.end({ pid: 10, startTime: 99n });
  expect(read()).toEqual([entry(10)]);
});

test("the time at which leaders were seen alive is kept", () => {
  const journal = begun();
  journal.up(entry(10));
  journal.alive(5000n);
  journal.up(entry(11));
  expect(read()).toEqual([entry(10, { aliveAt: 5000n }), entry(11)]);
});

test("nobody vouches for the leaders of an earlier reeve, whose record is kept", () => {
  const journal = begun([entry(10, { aliveAt: 200n })]);
  journal.up(entry(11));
  journal.alive(5000n);
  expect(read()).toEqual([entry(10, { aliveAt: 200n }), entry(11, { aliveAt: 5000n })]);
  // And not after a third one either.
  begun(read()).alive(9000n);
  expect(read()).toEqual([entry(10, { aliveAt: 200n }), entry(11, { aliveAt: 5000n })]);
});

test("a daemon that is taken up again is vouched for again", () => {
  const journal = begun([entry(10)]);
  journal.up(entry(10));
  journal.alive(5000n);
  expect(read()).toEqual([entry(10, { aliveAt: 5000n })]);
});

test("another boot: nothing is believed", () => {
  begun().up(entry(10));
  expect(Journal.read(path, "another")).toEqual([]);
});

test("a boot that nobody can name is no boot to compare with", () => {
  const journal = new Journal(path, () => {});
  journal.begin("");
  journal.up(entry(10));
  expect(Journal.read(path, "")).toEqual([]);
});

test("a line cut short at any byte costs that line at most", () => {
  const journal = begun();
  journal.up(entry(10));
  const whole = readFileSync(path);
  journal.up(entry(11));
  const both = readFileSync(path);
  for (let length = 0; length <= both.length; length++) {
    writeFileSync(path, both.subarray(0, length));
    const names = read().map(({ name }) => name);
    // A line is whole without its newline as well.
    const expected = length >= both.length - 1 ? ["d10", "d11"] : length >= whole.length - 1 ? ["d10"] : [];
    expect(names).toEqual(expected);
  }
});

test("no file, a directory, a file of anything: nothing, and no error", () => {
  expect(read()).toEqual([]);
  mkdirSync(path);
  expect(read()).toEqual([]);
  rmSync(path, { recursive: true });
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    writeFileSync(path, bytes);
    expect(read()).toEqual([]);
  }));
});

test("lines that are not the journal's are passed over", () => {
  begun().up(entry(10));
  const up = { up: "x", smart: false, pid: 20, start: "5", uid: 0 };
  const hostile: readonly unknown[] = [
    { ...up, pid: 1 },
    { ...up, pid: -1 },
    { ...up, pid: 1.5 },
    { ...up, pid: "20" },
    { ...up, start: "-5" },
    { ...up, start: "1e3" },
    { ...up, start: "9".repeat(40) },
    { ...up, start: 5 },
    { ...up, alive: "x" },
    { ...up, smart: "no" },
    { ...up, up: 7 },
    { end: 10 },
    { end: "10", start: "100" },
    { alive: 7 },
    { alive: "x" },
    [up],
    null,
    7,
    "up",
  ];
  for (const line of hostile) appendFileSync(path, `${JSON.stringify(line)}\n`);
  appendFileSync(path, `{"up":\n\n\0\0\0\n${JSON.stringify({ __proto__: null, toString: 1 })}\n`);
  expect(read()).toEqual([entry(10)]);
});

test("10,000 daemons that come and go leave a small file", () => {
  const journal = begun();
  for (let pid = 2; pid < 10_002; pid++) journal.up(entry(pid));
  expect(read()).toHaveLength(10_000);
  for (let round = 0; round < 4; round++) {
    for (let pid = 2; pid < 10_002; pid++) {
      journal.end(entry(pid).process);
      journal.up(entry(pid));
    }
  }
  expect(read()).toHaveLength(10_000);
  for (let pid = 3; pid < 10_002; pid++) journal.end(entry(pid).process);
  for (let round = 0; round < 11_000; round++) journal.alive(BigInt(round));
  expect(read()).toEqual([entry(2, { aliveAt: 10_999n })]);
  expect(statSync(path).size).toBeLessThan(1_000_000);
  expect(reports).toEqual([]);
});

test("without a path nothing is recorded and nothing is asked for", () => {
  const journal = new Journal(null, (error) => reports.push(error));
  journal.begin(BOOT);
  journal.up(entry(10));
  journal.alive(5n);
  journal.end(entry(10).process);
  expect(reports).toEqual([]);
});

test("a link in the journal's place is replaced, not written through", () => {
  writeFileSync(join(directory, "victim"), "precious\n");
  symlinkSync("victim", path);
  begun().up(entry(10));
  expect(readFileSync(join(directory, "victim"), "utf8")).toBe("precious\n");
  expect(read()).toEqual([entry(10)]);
});

test("a directory that is gone is said once; when it is back, all is on record again", () => {
  rmSync(directory, { recursive: true });
  const journal = begun();
  journal.up(entry(10));
  journal.up(entry(11));
  journal.alive(300n);
  expect(reports).toHaveLength(1);
  mkdirSync(directory);
  journal.alive(400n);
  expect(read()).toEqual([entry(10, { aliveAt: 400n }), entry(11, { aliveAt: 400n })]);
  rmSync(directory, { recursive: true });
  mkdirSync(directory);
});

rootTest("a full disk is said once, and what it lost is on record once there is room", () => {
  expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "reeve-test", directory]).success)
    .toBe(true);
  try {
    const journal = begun();
    writeFileSync(join(directory, "filler"), new Uint8Array(56 * 1024));
    let pid = 2;
    while (reports.length === 0) journal.up(entry(pid++));
    const wanted = pid - 2;
    expect(read().length).toBeLessThan(wanted);
    journal.up(entry(pid++));
    expect(reports).toHaveLength(1);
    rmSync(join(directory, "filler"));
    // Room again: the next line is whole although the one before was cut short.
    journal.up(entry(pid++));
    expect(read().at(-1)).toEqual(entry(pid - 1));
    journal.alive(1n << 40n);
    expect(read()).toHaveLength(pid - 2);
    expect(reports).toHaveLength(1);
  } finally {
    Bun.spawnSync(["umount", "-l", directory]);
  }
});
