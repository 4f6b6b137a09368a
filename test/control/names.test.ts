/** The daemons that a command names. */
import { expect, test } from "bun:test";
import { findNamed, unknownText } from "../../lib/control/names.ts";

const DAEMONS = [
  { name: "web-1", tags: ["front"] },
  { name: "web-2", tags: ["front", "blue"] },
  { name: "cache", tags: [] },
  { name: "a.b", tags: [] },
  { name: "x*", tags: [] },
];

function names(...words: string[]): readonly string[] | string {
  const named = findNamed(words, DAEMONS);
  return named.known ? named.names : unknownText(named.unknown);
}

test("a name, a glob, a tag and all name daemons, in the order of the configuration, each once", () => {
  expect(names("cache", "web-1")).toEqual(["web-1", "cache"]);
  expect(names("web-*", "web-1")).toEqual(["web-1", "web-2"]);
  expect(names("web-?")).toEqual(["web-1", "web-2"]);
  expect(names("web-[2-9]")).toEqual(["web-2"]);
  expect(names("web-[!2-9]")).toEqual(["web-1"]);
  expect(names("web-[^1]")).toEqual(["web-2"]);
  expect(names("@front")).toEqual(["web-1", "web-2"]);
  expect(names("@blue", "cache")).toEqual(["web-2", "cache"]);
  expect(names("all")).toEqual(DAEMONS.map(({ name }) => name));
  expect(names()).toEqual([]);
});

test("a character of a name is taken as it is", () => {
  expect(names("a?b")).toEqual(["a.b"]);
  expect(names("a[.]*")).toEqual(["a.b"]);
  expect(names("a.*")).toEqual(["a.b"]);
  expect(names("c.*")).toBe('no daemon\'s name is like "c.*"');
  expect(names("x*")).toEqual(["x*"]);
  expect(names("\\x\\**")).toEqual(["x*"]);
});

test("what names nothing is unknown, and the nearest name is told", () => {
  expect(names("wbe-1")).toBe('there is no daemon "wbe-1" (did you mean "web-1"?)');
  expect(names("zzz*")).toBe('no daemon\'s name is like "zzz*"');
  expect(names("@fornt")).toBe('no daemon has the tag "fornt" (did you mean "@front"?)');
  expect(names("web-1", "nothing", "gone")).toBe(
    'there is no daemon "nothing"; there is no daemon "gone"',
  );
  expect(names("[")).toBe('no daemon\'s name is like "["');
  expect(names("web-[z-a]")).toBe('no daemon\'s name is like "web-[z-a]"');
  expect(names("WEB-1")).toStartWith('there is no daemon "WEB-1"');
});

test("all is known where there is no daemon", () => {
  expect(findNamed(["all"], [])).toEqual({ known: true, names: [] });
});

test("a glob of many stars is matched in no time", () => {
  const daemons = [{ name: "a".repeat(200), tags: [] }];
  expect(findNamed([`${"*a".repeat(12)}${"*".repeat(500)}b`], daemons).known).toBe(false);
});
