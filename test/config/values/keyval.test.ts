import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Diagnostics, formatDiagnostic } from "../../../lib/config/diagnostic.ts";
import { Field } from "../../../lib/config/values/field.ts";
import {
  type KeyGrammar,
  type KeyNames,
  parseKeyval,
  splitItems,
  splitQuoted,
} from "../../../lib/config/values/keyval.ts";

const ROWS: Readonly<Record<string, KeyGrammar>> = {
  command: { key: "command" },
  cmd: { key: "command" },
  pidfile: { key: "pidfile" },
  uid: { key: "uid" },
  touch: { key: "touch", repeats: "items", lastInLine: true },
  env: { key: "env", repeats: "lines" },
};
const KEYS: KeyNames = {
  names: Object.keys(ROWS),
  find: (word) => Object.hasOwn(ROWS, word) ? ROWS[word] ?? null : null,
};
const ORIGIN = { file: "app.ini", line: 7 };

function parse(text: string): { values: Record<string, string>; texts: string[] } {
  const diagnostics = new Diagnostics();
  const values = Object.fromEntries(
    [...parseKeyval(new Field({ name: "x", value: text, origin: ORIGIN }, diagnostics), KEYS)]
      .map(([key, fields]) => [key, fields.map(({ value }) => value).join("|")]),
  );
  return { values, texts: diagnostics.list.map(formatDiagnostic) };
}

/** A value as a person writes it into a list. */
function escapeItem(value: string): string {
  return value.replace(/[\\,]/g, "\\$&");
}

describe("a list of key=value pairs", () => {
  test("is split at commas and at the first =", () => {
    expect(parse("cmd=a b=c,uid=33")).toEqual({ values: { command: "a b=c", uid: "33" }, texts: [] });
  });

  test("a backslash takes the next character as it is", () => {
    expect(parse("cmd=echo a\\,b=c\\\\d\\e").values).toEqual({ command: "echo a,b=c\\de" });
  });

  test("blanks around keys and values are taken off", () => {
    expect(parse("cmd=x , pidfile=/p ,uid = 1")).toEqual({
      values: { command: "x", pidfile: "/p", uid: "1" },
      texts: [],
    });
  });

  test("an unescaped comma that cuts the command is an error that says how to escape it", () => {
    expect(parse("cmd=echo one,two").texts).toEqual([
      'app.ini:7: cannot use "two": it has no "=": write "\\," for a comma inside a value',
    ]);
  });

  test("a key without = is an error that says how to write it", () => {
    expect(parse("cmd=x,uid").texts).toEqual(['app.ini:7: cannot use "uid": it has no "=": write "uid=1"']);
  });

  test("an unknown key is an error that names the nearest one", () => {
    expect(parse("cmd=x,pidfil=/p").texts).toEqual([
      'app.ini:7: unknown key "pidfil": did you mean "pidfile"?',
    ]);
    expect(parse("cmd=x,zzzzzz=/p").texts[0]).toContain('write "\\,"');
  });

  test("keys of ours that repeat add up, item by item", () => {
    expect(parse("cmd=x,env=A=1;B='c;d',env=C=3,env=")).toEqual({
      values: { command: "x", env: "A=1|B=c;d|C=3|" },
      texts: [],
    });
  });

  test("of uWSGI's touch the last one counts", () => {
    expect(parse("cmd=x,touch=/a;/b,touch=/c;/d")).toEqual({
      values: { command: "x", touch: "/c|/d" },
      texts: ['app.ini:7: warning: key "touch" is given more than once: the last value counts'],
    });
  });

  test("names of every object are no keys", () => {
    expect(parse("constructor=1,__proto__=2").values).toEqual({});
  });

  test("of a repeated key the last value counts, with a warning", () => {
    const { values, texts } = parse("cmd=x,command=y");
    expect(values).toEqual({ command: "y" });
    expect(texts).toEqual([
      'app.ini:7: warning: key "command" is given more than once: the last value counts',
    ]);
  });

  test("empty items are passed over", () => {
    expect(parse(",cmd=x,,uid=1,")).toEqual({ values: { command: "x", uid: "1" }, texts: [] });
  });

  test("any value survives being escaped and parsed", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), fc.string(), (command, pidfile) => {
      const text = `cmd=${escapeItem(command)},pidfile=${escapeItem(pidfile)}`;
      expect(parse(text)).toEqual({
        values: { command: command.trim(), pidfile: pidfile.trim() },
        texts: [],
      });
    }));
  });

  test("no text makes it throw, and an item is never lost without a word", () => {
    fc.assert(fc.property(fc.string(), (text) => {
      const { values, texts } = parse(text);
      const items = splitItems(text, ",").filter((item) => item.trim() !== "");
      expect(Object.keys(values).length + texts.length).toBeGreaterThanOrEqual(Math.min(items.length, 1));
    }));
  });
});

describe("a list of files inside a value", () => {
  test("is split at semicolons outside quotes; empty items are left out", () => {
    expect(splitQuoted("/a;/b c;'/d;e';\"f\";g\\;h;;", ";")).toEqual(["/a", "/b c", "/d;e", "f", "g;h"]);
  });
});
