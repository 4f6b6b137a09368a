/** The form of what outlives a process: what was written comes back, and nothing else is believed. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HOOK_REQUEST } from "../../lib/hooks/child.ts";
import { CAPSULE } from "../../lib/records/capsule.ts";
import { CHECKED_FILES } from "../../lib/records/checked_files.ts";
import {
  big,
  decode,
  decodeOrNull,
  encode,
  type Format,
  list,
  Malformed,
  object,
  optional,
  text,
  whole,
} from "../../lib/records/codec.ts";
import { HANDOVER } from "../../lib/records/handover.ts";
import { JAIL_RECORD } from "../../lib/records/jail_record.ts";
import { JOURNAL_LINE } from "../../lib/records/journal.ts";
import { WORD } from "../../lib/records/words.ts";
import { OPERATIONS } from "../../lib/supervisor/operate/handed_over.ts";
import { JAIL_PLAN, keep } from "../jail/plans.ts";

const word = fc.string({ unit: "binary", maxLength: 12 });
const start = fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }).filter((ticks) => String(ticks).length <= 19);
const process = fc.record({ pid: fc.integer({ min: 2, max: 4_194_304 }), startTime: start });
const orNull = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
const fraction = fc.double({ noDefaultInfinity: true, noNaN: true }).map((value) => value === 0 ? 0 : value);
const descriptor = orNull(fc.nat({ max: 1000 }));
const cause = fc.oneof(
  fc.record({ kind: fc.constant("exited"), code: fc.nat({ max: 255 }) }),
  fc.record({ kind: fc.constant("killed"), signal: fc.nat({ max: 64 }) }),
  fc.constant({ kind: "unknown" }),
);
const plan = fc.constantFrom(JAIL_PLAN, {
  ...JAIL_PLAN,
  shielded: true,
  keep: [keep("/dev/pts"), keep("/srv", "/www")],
  join: [
    { kind: "pid", pid: 7, origin: JAIL_PLAN.origin },
    { kind: "path", path: "/run/netns/b", origin: JAIL_PLAN.origin },
  ],
});
const identity = fc.tuple(process, fc.subarray(["pid", "mnt", "net", "user"])).map(([id, kinds]) => ({
  ...id,
  namespaces: Object.fromEntries(kinds.map((kind) => [kind, "4026532001"])),
}));
const status = fc.record({
  state: fc.constantFrom("down", "waiting", "broken", "starting", "running", "stopping", "killing"),
  desired: fc.constantFrom("up", "down"),
  stopReason: orNull(fc.constantFrom("stop", "reload", "touch", "restart", "control")),
  child: orNull(process),
  launch: fc.constantFrom("none", "alive", "ended", "failed"),
  main: orNull(process),
  leader: orNull(process),
  ended: orNull(fc.record({ failed: fc.boolean(), upMs: fraction })),
  since: fraction,
  streak: fc.record({ starts: fc.nat(), failures: fc.nat() }),
  respawns: fc.nat(),
  started: fc.boolean(),
  overdue: fc.boolean(),
  undaemonized: fc.boolean(),
  found: orNull(word),
  lastExit: orNull(cause),
});
const variable = fc.constantFrom("BUN_GC_TIMER_INTERVAL", "BUN_JSC_useBaselineJIT");

/** Every format, with what it may hold and what the version before wrote for a value of it. */
const said = {
  daemon: word,
  said: fc.constantFrom("stopped", "started"),
  by: word,
  at: fraction,
  isPersistent: fc.boolean(),
};
const changeStatus = fc.constantFrom("Do", "Doing", "Done", "Error", "Hold");
const change = fc.record({
  id: word,
  kind: word,
  summary: word,
  by: word,
  key: word,
  status: changeStatus,
  spawned: fraction,
  ended: orNull(fraction),
  err: orNull(word),
  tasks: fc.array(
    fc.record({
      id: word,
      kind: word,
      summary: word,
      daemon: orNull(word),
      status: changeStatus,
      log: fc.array(word),
      spawned: fraction,
      ended: orNull(fraction),
      why: orNull(word),
    }),
    { maxLength: 2 },
  ),
});

const FORMATS: readonly (readonly [
  name: string,
  format: Format<unknown>,
  values: fc.Arbitrary<unknown>,
  bare: string,
  same: unknown,
])[] = [
  [
    "the hand-over",
    HANDOVER,
    fc.record({
      units: fc.array(
        fc.record({
          name: word,
          pidfile: orNull(word),
          status: orNull(status),
          known: orNull(process),
          person: fc.constantFrom("open", "closed"),
          startedAs: orNull(
            fc.record({ digest: fc.constantFrom("0".repeat(64), "9af".padEnd(64, "1")), command: word }),
          ),
          age: fraction,
        }),
        { maxLength: 3 },
      ),
      jail: orNull(fc.record({ plan, identity: orNull(identity) })),
      operations: orNull(word),
    }),
    `{"units":[{"name":"a","pidfile":null,"status":null,"known":{"pid":7,"startTime":"9"},"age":1.5}],"jail":null}`,
    {
      units: [
        {
          name: "a",
          pidfile: null,
          status: null,
          known: { pid: 7, startTime: 9n },
          person: "open",
          startedAs: null,
          age: 1.5,
        },
      ],
      jail: null,
      operations: null,
    },
  ],
  [
    "a line of the journal",
    JOURNAL_LINE,
    fc.oneof(
      fc.record({ kind: fc.constant("boot"), boot: word }),
      fc.record({
        kind: fc.constant("up"),
        name: word,
        smart: fc.boolean(),
        pidfile: orNull(word),
        place: word,
        process,
        uid: fc.nat(),
        aliveAt: start,
        old: fc.boolean(),
      }),
      fc.record({ kind: fc.constant("end"), process }),
      fc.record({ kind: fc.constant("alive"), ticks: start }),
    ),
    `{"up":"a","smart":true,"pidfile":"/p","pid":7,"start":"90","uid":33,"alive":"95"}`,
    {
      kind: "up",
      name: "a",
      smart: true,
      pidfile: "/p",
      process: { pid: 7, startTime: 90n },
      uid: 33,
      aliveAt: 95n,
      old: false,
    },
  ],
  [
    "the record of a jail",
    JAIL_RECORD,
    fc.record({ boot: word, identity, plan, isEntered: fc.boolean() }),
    `{"boot":"b","identity":{"pid":7,"startTime":"9","namespaces":{"pid":"1"}},"plan":${
      JSON.stringify(JAIL_PLAN)
    },"isEntered":true}`,
    {
      boot: "b",
      identity: { pid: 7, startTime: 9n, namespaces: { pid: "1" } },
      plan: JAIL_PLAN,
      isEntered: true,
    },
  ],
  [
    "a person's word",
    WORD,
    fc.record({ ...said, boot: word }),
    `{"daemon":"web","said":"stopped","by":"root","at":1,"isPersistent":false,"boot":"b"}`,
    { daemon: "web", said: "stopped", by: "root", at: 1, isPersistent: false, boot: "b" },
  ],
  [
    "the operations",
    OPERATIONS,
    fc.record({
      changes: fc.array(change, { maxLength: 2 }),
      words: fc.array(fc.record(said), { maxLength: 2 }),
      nextEvent: fc.integer({ min: 1 }),
      since: fraction,
    }),
    `{"changes":[],"words":[],"nextEvent":7,"since":1}`,
    { changes: [], words: [], nextEvent: 7, since: 1 },
  ],
  [
    "the capsule",
    CAPSULE,
    fc.record({
      argv: fc.array(word),
      saved: fc.dictionary(variable, orNull(word), { noNullPrototype: true }),
      reloads: fc.nat(),
      stateFd: descriptor,
      readyFd: descriptor,
      filesFd: descriptor,
      lockFd: descriptor,
      underInit: fc.boolean(),
      cwd: word,
    }),
    `{"argv":["x"],"reloads":2,"stateFd":3,"readyFd":null,"filesFd":4,"lockFd":5,"underInit":false,"cwd":"/","saved":{}}`,
    {
      argv: ["x"],
      reloads: 2,
      stateFd: 3,
      readyFd: null,
      filesFd: 4,
      lockFd: 5,
      underInit: false,
      cwd: "/",
      saved: {},
    },
  ],
  [
    "the checked files",
    CHECKED_FILES,
    fc.array(fc.record({ path: word, content: fc.uint8Array({ maxLength: 40 }) }), { maxLength: 3 }),
    `[["/a","AQI="]]`,
    [{ path: "/a", content: Uint8Array.of(1, 2) }],
  ],
  [
    "the request for a hook",
    HOOK_REQUEST,
    fc.record({
      action: fc.oneof(
        fc.record({ kind: fc.constant("chmod"), path: word, mode: fc.nat({ max: 0o7777 }) }),
        fc.record({
          kind: fc.constant("write"),
          path: word,
          text: word,
          append: fc.boolean(),
          newline: fc.boolean(),
        }),
        fc.record({
          kind: fc.constant("mount"),
          type: word,
          source: word,
          target: word,
          flags: fc.array(word),
          data: orNull(word),
        }),
      ),
      context: fc.record({ cwd: word, umask: descriptor, root: descriptor }),
      format: fc.record({
        format: fc.constantFrom("text", "json"),
        date: orNull(word),
        prefix: orNull(word),
        colour: fc.boolean(),
      }),
      hidden: fc.boolean(),
    }),
    `{"action":{"kind":"unlink","path":"/x"},"context":{"cwd":"/","umask":null,"root":null},` +
    `"format":{"format":"text","date":null,"prefix":null,"colour":false},"hidden":false}`,
    {
      action: { kind: "unlink", path: "/x" },
      context: { cwd: "/", umask: null, root: null },
      format: { format: "text", date: null, prefix: null, colour: false },
      hidden: false,
    },
  ],
];

/** Every object in some JSON, with the way to change it in a copy. */
function* placesIn(json: unknown): Generator<(change: (found: Record<string, unknown>) => void) => unknown> {
  const count = JSON.stringify(json, (_, value) => value).length;
  for (let wanted = 0; wanted < count; wanted++) {
    let at = -1;
    const find = (value: unknown): Record<string, unknown> | null => {
      if (typeof value !== "object" || value === null) return null;
      if (!Array.isArray(value) && ++at === wanted) return value as Record<string, unknown>;
      for (const part of Object.values(value)) {
        const found = find(part);
        if (found !== null) return found;
      }
      return null;
    };
    if (find(structuredClone(json)) === null) return;
    yield (change) => {
      const copy = structuredClone(json);
      at = -1;
      const found = find(copy);
      if (found !== null) change(found);
      return copy;
    };
  }
}

describe.each(FORMATS)("%s", (_, format, values, bare, same) => {
  test("comes back as it was written, in ASCII and on one line", () => {
    fc.assert(fc.property(values, (value) => {
      const written = encode(format, value);
      expect(written).toMatch(/^[\x20-\x7e]*$/);
      expect(decode(format, written)).toEqual(value);
      expect(decode(format, `${written}\n`)).toEqual(value);
    }));
  });

  test("is not believed when it was cut short, or changed in one byte", () => {
    fc.assert(
      fc.property(
        values,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0x20, max: 0x7e }),
        (value, where, code) => {
          const written = encode(format, value);
          const at = Math.min(Math.floor(where * written.length), written.length - 1);
          const [before, after] = [written.slice(0, at), written.slice(at + 1)];
          expect(decodeOrNull(format, before)).toBeNull();
          expect(decodeOrNull(format, before + after)).toBeNull();
          const other = String.fromCharCode(code);
          if (other === written[at] || at === written.length - 1 && other === " ") return;
          expect(decodeOrNull(format, before + other + after)).toBeNull();
          expect(decodeOrNull(format, `${before}${other}${written.slice(at)}`)).toBeNull();
        },
      ),
    );
  });

  test("of the version before is read", () => {
    expect(decode(format, bare)).toEqual(same);
  });

  test("of the version before is refused where a field is missing or unknown", () => {
    for (const change of placesIn(JSON.parse(bare))) {
      const more = change((found) => void (found["surplus"] = 1));
      expect(() => decode(format, JSON.stringify(more))).toThrow(Malformed);
    }
    for (const [name] of Object.entries(JSON.parse(bare))) {
      if (Array.isArray(JSON.parse(bare)) || name === "alive" || name === "pidfile") continue;
      const { [name]: __, ...rest } = JSON.parse(bare);
      expect(() => decode(format, JSON.stringify(rest))).toThrow(Malformed);
    }
  });

  test("is refused under another name, and in a version to come", () => {
    const written = encode(format, same);
    for (const [, other] of FORMATS) {
      if (other.name !== format.name) expect(() => decode(other, written)).toThrow(`it is "${format.name}"`);
    }
    const newer: Format<unknown> = { ...format, older: [...format.older, (json) => json] };
    expect(() => decode(format, encode(newer, same))).toThrow(
      `its version is ${format.older.length + 1}, and this reeve reads up to ${format.older.length}`,
    );
    expect(decode(newer, written)).toEqual(same);
  });
});

describe("a format", () => {
  interface Thing {
    readonly name: string;
    readonly sizes: readonly number[];
    readonly ticks?: bigint;
  }
  const THING: Format<Thing> = {
    name: "thing",
    shape: object<Thing>({ name: text, sizes: list(whole(1, 9)), ticks: optional(big) }),
    older: [(json) => ({ sizes: [], ...Object(json) }), (json) => ({ ...Object(json), name: "old" })],
  };

  test("reads every older version, step by step", () => {
    expect(decode(THING, `{"name":"a"}`)).toEqual({ name: "old", sizes: [] });
    const second: Format<Thing> = { ...THING, older: [(json) => json] };
    expect(decode(THING, encode(second, { name: "b", sizes: [2] }))).toEqual({ name: "old", sizes: [2] });
    expect(decode(THING, encode(THING, { name: "c", sizes: [3], ticks: 1n << 62n }))).toEqual({
      name: "c",
      sizes: [3],
      ticks: 1n << 62n,
    });
  });

  test("says which field is wrong", () => {
    const written = encode({
      ...THING,
      shape: object<Thing>({ name: text, sizes: list(whole()), ticks: optional(big) }),
    }, {
      name: "a",
      sizes: [1, 10],
    });
    expect(() => decode(THING, written)).toThrow("sizes: 1: 10 is not a whole number from 1 to 9");
  });

  test("takes no field from a prototype", () => {
    expect(() => decode(THING, `{"name":"a","__proto__":{"ticks":"1"}}`)).toThrow(
      'unknown field "__proto__"',
    );
    expect(() => decode(THING, `{"__proto__":{"name":"a"}}`)).toThrow(Malformed);
  });

  test("whatever is read, it throws nothing else", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (written) => {
      decodeOrNull(THING, written);
      decodeOrNull(JOURNAL_LINE, written);
    }));
  });
});
