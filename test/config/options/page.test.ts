import { expect, test } from "bun:test";
import {
  allOptionNames,
  findOption,
  isKnownOption,
  longName,
  optionRows,
} from "../../../lib/config/options/option_table.ts";
import { optionsPage } from "../../../lib/config/options/page.ts";
import { uwsgiNames } from "../../../lib/config/options/uwsgi_names.ts";

test("docs/options.md is what the option table says; bun run lib/config/options/page.ts writes it", async () => {
  const page = await Bun.file(new URL("../../../docs/options.md", import.meta.url)).text();
  expect(page).toBe(optionsPage());
});

test("no name and no letter is given to two options", () => {
  const names = optionRows().flatMap((row) => [row.name, ...row.aliases]);
  expect(names.length).toBe(new Set(names).size);
  const letters = optionRows().flatMap((row) => row.short ?? []);
  expect(letters.length).toBe(new Set(letters).size);
});

test("what has no effect, or is to come, says why", () => {
  for (const row of optionRows()) expect(row.served === "yes").toBe(row.why === null);
});

test("an option that uWSGI has too takes an argument where uWSGI's does", () => {
  for (const name of uwsgiNames().keys()) {
    const row = findOption(name);
    if (row === null) continue;
    const here = name === "else" ? "required" : row.argument;
    expect(`${name}: ${here}`).toBe(`${name}: ${uwsgiNames().get(name)?.argument}`);
  }
});

test("all of uWSGI's names are known", () => {
  expect(uwsgiNames().size).toBeGreaterThan(1300);
  expect(allOptionNames().every(isKnownOption)).toBeTrue();
  expect(isKnownOption("attach-deamon")).toBeFalse();
});

test("letters stand for the options that they stand for in uWSGI", () => {
  expect([..."sMpSdxyjhwH"].map(longName)).toEqual([
    "socket",
    "master",
    "processes",
    "set",
    "daemonize",
    "xml",
    "yaml",
    "json",
    "help",
    "module",
    "home",
  ]);
});
