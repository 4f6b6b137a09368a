import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OwnFiles } from "../../lib/watch/own_files.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-own-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a file is ours by its directory, whatever way leads there, and not by its name alone", () => {
  const own = new OwnFiles();
  mkdirSync(join(directory, "a"));
  mkdirSync(join(directory, "b"));
  symlinkSync("a", join(directory, "link"));
  own.add(join(directory, "link/pid"));
  own.add(join(directory, "link/pid"));
  expect(own.has(statSync(join(directory, "a")), "pid")).toBe(true);
  expect(own.has(statSync(join(directory, "b")), "pid")).toBe(false);
  expect(own.has(statSync(join(directory, "a")), "other")).toBe(false);
  expect([own.mayHave("pid"), own.mayHave("other")]).toEqual([true, false]);
});

test("a directory that is made anew holds our files as the one before did", () => {
  const own = new OwnFiles();
  const path = join(directory, "a");
  own.add(join(path, "pid"));
  mkdirSync(path);
  renameSync(path, join(directory, "old"));
  mkdirSync(path);
  expect(own.has(statSync(path), "pid")).toBe(true);
  expect(own.has(statSync(join(directory, "old")), "pid")).toBe(false);
});

test("everything in a directory of ours is ours, and every file that is not whole yet", () => {
  const own = new OwnFiles();
  mkdirSync(join(directory, "run"));
  expect(own.has(statSync(directory), ".reeve-0123456789abcdef")).toBe(true);
  expect(own.mayHave(".reeve-0123456789abcdeg")).toBe(false);
  own.addDirectory(join(directory, "run"));
  expect(own.mayHave("anything")).toBe(true);
  expect(own.has(statSync(join(directory, "run")), "anything")).toBe(true);
  expect(own.has(statSync(directory), "anything")).toBe(false);
});

test("of files that are written once the last few are known", () => {
  const own = new OwnFiles();
  for (let count = 0; count < 1000; count++) own.addPassing(join(directory, `log.${count}`));
  expect([own.mayHave("log.0"), own.mayHave("log.999")]).toEqual([false, true]);
  expect(own.has(statSync(directory), "log.999")).toBe(true);
});
