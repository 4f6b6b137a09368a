import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatLine, type LineFormat, type LogEvent } from "../../lib/log/line_format.ts";

const TEXT: LineFormat = { format: "text", date: null, prefix: null, colour: false };
const EVENT: LogEvent = {
  time: Date.UTC(2026, 10, 21, 11, 22, 33, 123),
  level: "info",
  daemon: "memcached",
  text: "started",
  fields: { pid: 123, path: "/tmp/a b" },
};

test("a text line has time, level, daemon, text and fields", () => {
  expect(formatLine(EVENT, TEXT)).toBe(
    `2026-11-21T11:22:33.123Z info memcached: started pid=123 path="/tmp/a b"\n`,
  );
});

test("a line of reeve itself names no daemon", () => {
  expect(formatLine({ ...EVENT, daemon: null, fields: {} }, TEXT)).toBe(
    "2026-11-21T11:22:33.123Z info started\n",
  );
});

test("a json line is one object whose own keys no field can replace", () => {
  const line = formatLine({ ...EVENT, fields: { level: "error", pid: 5, ticks: 7n } }, {
    ...TEXT,
    format: "json",
  });
  expect(line.endsWith("}\n")).toBe(true);
  expect(JSON.parse(line)).toEqual({
    time: "2026-11-21T11:22:33.123Z",
    level: "info",
    daemon: "memcached",
    text: "started",
    _level: "error",
    pid: 5,
    ticks: "7",
  });
});

test("log-date = true gives ctime's date, as uWSGI does", () => {
  const line = formatLine({ ...EVENT, time: new Date(2026, 10, 6, 1, 2, 3).getTime() }, {
    ...TEXT,
    date: "true",
  });
  expect(line.startsWith("Fri Nov  6 01:02:03 2026 - info memcached: ")).toBe(true);
});

test("a prefix stands first and colour only on the level", () => {
  const line = formatLine(EVENT, { ...TEXT, prefix: "web", colour: true });
  expect(line.startsWith("web 2026-11-21T11:22:33.123Z \x1b[32minfo\x1b[0m memcached: ")).toBe(true);
});

const hostile = fc.string({ unit: "binary" });

for (const format of ["text", "json"] as const) {
  test(`whatever untrusted text a ${format} line holds, it is one line without control characters`, () => {
    fc.assert(fc.property(hostile, hostile, hostile, hostile, (daemon, text, key, value) => {
      const line = formatLine({ ...EVENT, daemon, text, fields: { [key]: value } }, { ...TEXT, format });
      expect(line.endsWith("\n")).toBe(true);
      expect(line.slice(0, -1)).not.toMatch(
        /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/,
      );
      expect(Buffer.from(line, "utf8").toString("utf8")).toBe(line);
    }));
  });
}

test("a lone surrogate and a terminal escape are written as escapes", () => {
  const line = formatLine(
    { ...EVENT, daemon: null, text: "a\ud800b\x1b[2Jc\n2026 error forged", fields: {} },
    TEXT,
  );
  expect(line).toBe("2026-11-21T11:22:33.123Z info a\\ud800b\\x1b[2Jc\\n2026 error forged\n");
});
