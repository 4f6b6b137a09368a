import { expect, test } from "bun:test";
import {
  type Birth,
  HEAD_SIZE,
  pack,
  packBirth,
  packName,
  packRefs,
  readBorn,
  readDeaths,
  readSignals,
  readWelcome,
  unpack,
} from "../../../lib/sys/keeper/packets.ts";
import { readTable } from "../../../lib/sys/keeper/table.ts";
import { BIRTH_FLAG, REEVE_TABLE_MAGIC, SLOT } from "../../../lib/sys/native/constants.ts";

const BIRTH: Birth = {
  role: "exec",
  dumb: true,
  gated: true,
  inNamespace: false,
  newPid: false,
  foreground: false,
  label: { daemon: 7n, start: 8n, purpose: 1 },
  spawnId: 9,
  mark: 10n,
  stopSignal: 15,
  graceMs: 11,
  fds: 12,
};

function of(kind: number, body: Uint8Array) {
  return unpack(pack(kind, 1, body));
}

test("a packet comes back as it was packed, and what is no packet is refused", () => {
  const body = Uint8Array.of(1, 2, 3);
  const { kind, id, body: found } = unpack(pack(66, 0x1_0000_0001, body));
  expect([kind, id, found.byteLength, found.getUint8(2)]).toEqual([66, 0x1_0000_0001, 3, 3]);
  const bytes = pack(66, 1, body);
  expect(() => unpack(bytes.subarray(0, bytes.length - 1))).toThrow(RangeError);
  expect(() => unpack(new Uint8Array(HEAD_SIZE - 1))).toThrow(RangeError);
});

test("what a keeper cuts short is refused, at every length", () => {
  for (let length = 0; length < 56; length++) {
    expect(() => readWelcome(of(64, new Uint8Array(length)))).toThrow(RangeError);
  }
  const deaths = new Uint8Array(8 + 32);
  new DataView(deaths.buffer).setUint32(0, 2, true);
  expect(() => readDeaths(of(67, deaths))).toThrow(RangeError);
  expect(() => readBorn(of(66, new Uint8Array(31)))).toThrow(RangeError);
});

test("a birth says whose it is and how it ends", () => {
  const view = new DataView(packBirth(BIRTH).buffer);
  expect(view.byteLength).toBe(72);
  expect(view.getUint32(4, true)).toBe(BIRTH_FLAG.dumb | BIRTH_FLAG.gated);
  expect([16, 24, 40, 48].map((at) => view.getBigUint64(at, true))).toEqual([7n, 8n, 9n, 10n]);
  expect([56, 60, 64].map((at) => view.getUint32(at, true))).toEqual([15, 11, 12]);
});

test("a PID namespace within another is made by who lives in that one", () => {
  const nested = new DataView(packBirth({ ...BIRTH, role: "init", inNamespace: true, newPid: true }).buffer);
  expect(nested.getUint32(4, true) & BIRTH_FLAG.nested).toBe(BIRTH_FLAG.nested);
  expect(nested.getBigUint64(8, true)).toBe(0n);
  const alone = new DataView(packBirth({ ...BIRTH, role: "init", newPid: true }).buffer);
  expect(alone.getBigUint64(8, true)).toBe(0x2000_0000n);
});

test("numbers that cannot be are refused before they are packed", () => {
  for (const wrong of [{ graceMs: -1 }, { graceMs: Number.NaN }, { fds: 241 }, { stopSignal: 65 }]) {
    expect(() => packBirth({ ...BIRTH, ...wrong })).toThrow(RangeError);
  }
  for (const name of ["", "x".repeat(48), "a\0b"]) expect(() => packName(name)).toThrow(RangeError);
  expect(packName("x".repeat(47))).toHaveLength(48);
  expect(packRefs([{ slot: 1, id: 2n }])).toHaveLength(24);
});

test("signals are the bits of a mask", () => {
  const mask = new Uint8Array(8);
  new DataView(mask.buffer).setBigUint64(0, 1n << 14n | 1n | 1n << 63n, true);
  expect(readSignals(of(69, mask))).toEqual([1, 15, 64]);
});

test("the table shows who lives and whose end nobody has taken", () => {
  const bytes = new Uint8Array(128 * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, REEVE_TABLE_MAGIC, true);
  view.setUint32(8, 3, true);
  for (const [slot, state] of [SLOT.free, SLOT.alive, SLOT.dead].entries()) {
    view.setUint32(128 + slot * 128, state, true);
    view.setInt32(132 + slot * 128, 100 + slot, true);
    view.setInt32(128 + slot * 128 + 92, slot === 1 ? 5 : -1, true);
  }
  const read = (into: Uint8Array, at: number): number => {
    const part = bytes.subarray(at, at + into.length);
    into.set(part);
    return part.length;
  };
  expect(readTable(read).map(({ slot, pid, dead, waits }) => [slot, pid, dead, waits])).toEqual([
    [1, 101, false, true],
    [2, 102, true, false],
  ]);
  expect(() => readTable(() => 0)).toThrow();
  view.setUint32(0, 0, true);
  expect(() => readTable(read)).toThrow();
});
