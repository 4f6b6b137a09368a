/** FUZZ=1000000 in the environment makes it as long as that; the seed is fixed, so a failure comes again. */
import { expect, test } from "bun:test";
import type { Announcement } from "../../../lib/legion/election/announcement.ts";
import { PacketCipher } from "../../../lib/legion/packets/cipher.ts";
import { Packets } from "../../../lib/legion/packets/packets.ts";
import { decodeAnnouncement, encodeAnnouncement } from "../../../lib/legion/packets/wire.ts";

const ROUNDS = Number(process.env["FUZZ"] ?? 50_000);
const TIMEOUT_MS = 5000 + ROUNDS / 20;

/** xorshift32: fast, and the same on every machine. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const NEWS: Announcement = {
  legion: "blue",
  id: { uuid: "11111111-2222-3333-4444-555555555555", name: "node2", valor: 5 },
  pid: 77,
  unix: 1_800_000_000,
  lord: 1,
  checksum: 1234n,
  lordValor: 5,
  lordUuid: "",
  scroll: "scroll",
  dead: true,
};

test(`${ROUNDS} plaintexts that were spoilt decode to something well-formed, or not at all`, () => {
  const next = random(1);
  const whole = encodeAnnouncement(NEWS, 9);
  let decoded = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = round % 4 === 0
      ? Uint8Array.from({ length: next(64) }, () => next(256))
      : whole.slice(0, whole.length - (round % 3 === 0 ? next(whole.length) : 0));
    for (let turns = next(4); turns > 0 && bytes.length > 0; turns--) bytes[next(bytes.length)] = next(256);
    const found = decodeAnnouncement(bytes);
    if (found === null) continue;
    decoded += 1;
    const { id, unix, checksum } = found.announcement;
    const sound = id.uuid.length === 36 && id.name !== "" && Number.isSafeInteger(id.valor + unix) &&
      id.valor >= 0 && checksum >= 0n && checksum < 1n << 64n;
    if (!sound) throw new Error(`decoded ${JSON.stringify(found.announcement, (_, v) => String(v))}`);
  }
  expect(decoded).toBeGreaterThan(ROUNDS / 20);
}, TIMEOUT_MS);

test(`${ROUNDS} packets that are noise, or were spoilt, are refused and cost no memory`, () => {
  const next = random(2);
  const settings = { cipher: "aes-256-cbc", secret: "x", iv: null };
  const packets = new Packets({
    legion: "blue",
    uuid: "",
    cipher: settings,
    authSecret: "second",
    skewTolerance: 60,
  });
  const sealed = new PacketCipher(settings).seal(encodeAnnouncement(NEWS, null));
  const before = process.memoryUsage.rss();
  const noise = crypto.getRandomValues(new Uint8Array(65_535));
  for (let round = 0; round < ROUNDS; round++) {
    const from = next(60_000);
    const bytes = round % 2 === 0 ? noise.subarray(from, from + next(400)) : Uint8Array.from(sealed);
    if (bytes.length > 4) {
      bytes[0] = 109;
      bytes[next(bytes.length)] = next(256);
    }
    if (packets.open(bytes, { wall: NEWS.unix, now: round }).kind === "news") {
      throw new Error("taken for news");
    }
  }
  Bun.gc(true);
  expect(process.memoryUsage.rss() - before).toBeLessThan(100e6);
}, TIMEOUT_MS);
