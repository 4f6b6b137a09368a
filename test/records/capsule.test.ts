import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Capsule,
  PREPARATION,
  sealCapsule,
  takeCapsule,
  takePreparation,
} from "../../lib/records/capsule.ts";

const CAPSULE: Omit<Capsule, "saved"> = {
  argv: ["x.ini", "", "--set", "a=ü\n\"'\\"],
  reloads: 3,
  stateFd: 7,
  readyFd: null,
  filesFd: 8,
  lockFd: 9,
  control: { fd: 10, dev: "25", ino: "9007199254740993" },
  underInit: true,
  cwd: "/etc",
};
const VARIABLE = "REEVE_INTERNAL_CORE";

type Environment = Record<string, string | undefined>;

function parse(entries: readonly string[]): Environment {
  return Object.fromEntries(entries.map((entry) => {
    const equals = entry.indexOf("=");
    return [entry.slice(0, equals), entry.slice(equals + 1)];
  }));
}

test("what is sealed is taken, and the environment is as before", () => {
  const environment = { PATH: "/bin", BUN_GC_TIMER_INTERVAL: "5", EMPTY: "" };
  const next = parse(sealCapsule(environment, CAPSULE));
  expect(next["BUN_GC_TIMER_INTERVAL"]).toBe("60000");
  const capsule = takeCapsule(next);
  expect(capsule).toMatchObject(CAPSULE);
  expect(next).toEqual(environment);
});

test("what the runtime needs is not left behind where it was not set", () => {
  const next = parse(sealCapsule({ A: "1" }, CAPSULE));
  expect(Object.keys(next).length).toBeGreaterThan(2);
  takeCapsule(next);
  expect(next).toEqual({ A: "1" });
});

test("any command line comes through, and no string is longer than Linux takes", () => {
  const word = fc.tuple(fc.string({ unit: "binary" }), fc.nat({ max: 2500 }));
  const argv = fc.array(word.map(([text, times]) => text.repeat(times)), { maxLength: 6 });
  fc.assert(
    fc.property(argv, (argv) => {
      const sealed = sealCapsule({}, { ...CAPSULE, argv });
      for (const entry of sealed) expect(Buffer.byteLength(entry)).toBeLessThan(131_072);
      const next = parse(sealed);
      expect(takeCapsule(next)?.argv).toEqual(argv);
      expect(next).toEqual({});
    }),
    { numRuns: 30 },
  );
});

test("bytes that are no UTF-8 come through as they stand in the command line", () => {
  const argv = ["\udcff.ini", "\ud800"];
  const sealed = sealCapsule({}, { ...CAPSULE, argv });
  expect(sealed.every((entry) => /^[\x00-\x7f]*$/.test(entry))).toBe(true);
  expect(takeCapsule(parse(sealed))?.argv).toEqual(argv);
});

test("an older capsule does not come back", () => {
  const long = { ...CAPSULE, argv: ["x".repeat(250_000)] };
  const next = parse(sealCapsule(parse(sealCapsule({}, long)), CAPSULE));
  expect(takeCapsule(next)?.argv).toEqual(CAPSULE.argv);
  expect(next[`${VARIABLE}_1`]).toBeUndefined();
});

const HOSTILE: readonly string[] = [
  "",
  "null",
  "1",
  "[]",
  "{}",
  "{",
  `{"argv":["x"],"saved":null}`,
  `{"argv":["x"],"saved":{"LD_PRELOAD":"/tmp/x.so"}}`,
  `{"argv":["x"],"saved":{"BUN_GC_TIMER_INTERVAL":5}}`,
  `{"argv":["x"],"saved":{"toString":null}}`,
  `{"argv":"x","saved":{}}`,
  `{"argv":[1],"saved":{}}`,
  `{"argv":{"length":1},"saved":{}}`,
];
for (const text of HOSTILE) {
  test(`a variable of that name with ${JSON.stringify(text)} is no capsule, and is taken out`, () => {
    const environment: Environment = { [VARIABLE]: text, A: "1" };
    expect(takeCapsule(environment)).toBeNull();
    expect(environment).toEqual({ A: "1" });
  });
}

test("a number that is no descriptor makes it none", () => {
  const { saved, ...good } = { ...CAPSULE, saved: {} };
  const text = (change: object): string => JSON.stringify({ ...good, saved, ...change });
  expect(takeCapsule({ [VARIABLE]: text({}) })).toEqual({ ...CAPSULE, saved: {} });
  for (const change of [{ stateFd: -1 }, { lockFd: 1.5 }, { readyFd: "3" }, { reloads: null }]) {
    expect(takeCapsule({ [VARIABLE]: text(change) })).toBeNull();
  }
});

/** What the runtime shows of an environment that the stub has prepared. */
function prepared(user: Environment): Environment {
  const added = parse(PREPARATION.slice(2));
  const replaced = Object.keys(added).some((name) => user[name] !== undefined);
  const made = { REEVE_INTERNAL_MASK: "0000000000004001" };
  return { ...user, ...added, ...parse([PREPARATION[replaced ? 0 : 1]!]), ...made };
}

const DONE = { done: true, mask: 0x4001n };

const unasked = (): never => {
  throw new Error("the environment is read once more, for nothing");
};

test("what the stub added is taken out, and nothing else", () => {
  const environment = prepared({ A: "1", REEVE_HOME: "/srv" });
  expect(takePreparation(environment, null, unasked)).toEqual(DONE);
  expect(environment).toEqual({ A: "1", REEVE_HOME: "/srv" });
});

test("variables of the user that the stub replaced are back, and others stay as they have been changed since", () => {
  const environment: Environment = { ...prepared({ A: "1", BUN_GC_TIMER_INTERVAL: "7" }), A: "2" };
  const original = { A: "1", BUN_GC_TIMER_INTERVAL: "7" };
  expect(takePreparation(environment, null, () => original)).toEqual(DONE);
  expect(environment).toEqual({ A: "2", BUN_GC_TIMER_INTERVAL: "7" });
});

test("without a stub nothing is prepared and nothing changes", () => {
  const environment: Environment = { A: "1", BUN_GC_TIMER_INTERVAL: "60000" };
  expect(takePreparation(environment, null, unasked)).toEqual({ done: false, mask: null });
  expect(environment).toEqual({ A: "1", BUN_GC_TIMER_INTERVAL: "60000" });
});

test("a capsule knows what the user had set better than the stub, which replaced what the capsule carries", () => {
  const environment = prepared(parse(sealCapsule({ A: "1", BUN_GC_TIMER_INTERVAL: "7" }, CAPSULE)));
  const capsule = takeCapsule(environment);
  expect(takePreparation(environment, capsule, unasked)).toEqual(DONE);
  expect(environment).toEqual({ A: "1", BUN_GC_TIMER_INTERVAL: "7" });
});
