import { describe, expect, test } from "bun:test";
import { PacketCipher } from "../../../lib/legion/packets/cipher.ts";
import { CIPHER_NAMES, findCipher } from "../../../lib/legion/packets/cipher_names.ts";
import { decodeAnnouncement, encodeAnnouncement } from "../../../lib/legion/packets/wire.ts";
import type { GoldenCase } from "./golden/capture.ts";
import packets from "./golden/packets.json" with { type: "json" };

const CASES: readonly GoldenCase[] = packets;

describe("packets that uWSGI sent", () => {
  for (const golden of CASES) {
    const cipher = new PacketCipher(golden);
    const sent = golden.packets.map((hex) => Uint8Array.fromHex(hex));
    const decoded = sent.map((packet) => decodeAnnouncement(cipher.open(packet) ?? new Uint8Array()));

    test(`${golden.name}: say who sent them`, () => {
      expect(sent).toHaveLength(4);
      for (const one of decoded) {
        expect(one?.announcement).toMatchObject({ legion: golden.legion, scroll: golden.scroll });
        expect(one?.announcement.id).toMatchObject({ name: "node1", valor: golden.valor });
        expect(one?.announcement.id.uuid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        expect(one?.announcement.pid).toBeGreaterThan(1);
        expect(one).toMatchObject({ sequence: null, mac: null });
      }
    });

    test(`${golden.name}: are made again byte by byte`, () => {
      sent.forEach((packet, index) => {
        const one = decoded[index];
        if (one === null || one === undefined) throw new Error("not decoded");
        expect(cipher.seal(encodeAnnouncement(one.announcement, null)).toHex()).toBe(packet.toHex());
      });
    });

    test(`${golden.name}: the first knows nobody, the last is a death`, () => {
      const [first, , third, last] = decoded.map((one) => one?.announcement);
      expect(first).toMatchObject({ lord: 0, lordValor: 0, lordUuid: "", checksum: 0n, dead: false });
      expect(third?.checksum).toBeGreaterThan(0n);
      expect(third).toMatchObject({ lordValor: golden.valor, lordUuid: third?.id.uuid, dead: false });
      if (golden.valor > 0) expect(third?.lord).toBeGreaterThan(1_700_000_000);
      expect(last?.dead).toBe(true);
    });
  }
});

describe("a legion's cipher", () => {
  for (const name of CIPHER_NAMES) {
    test(`${name} opens what it sealed`, () => {
      const cipher = new PacketCipher({ cipher: name, secret: "s", iv: null });
      for (const extra of [0, 1, 7, 8, 15, 16, 4000, 60_000]) {
        const plain = new Uint8Array(8 + extra).fill(7);
        plain.set([6, 0, ...Buffer.from("legion")]);
        expect(cipher.open(cipher.seal(plain))).toEqual(plain);
      }
    });
  }

  test("every kind that uWSGI has is among the packets that it sent", () => {
    const modes = new Set(CASES.map(({ cipher }) => findCipher(cipher)?.mode));
    expect([...modes].sort()).toEqual(["cbc", "cfb", "ecb", "ofb"]);
  });

  test("goes by OpenSSL's other names as well", () => {
    expect(findCipher("Blowfish")).toBe(findCipher("bf-cbc"));
    expect(findCipher("AES256")).toBe(findCipher("aes-256-cbc"));
    expect(findCipher("DES3")).toBe(findCipher("des-ede3-cbc"));
  });

  test("that does not exist, or cannot be used, is an error that lists those that work", () => {
    for (const cipher of ["rot13", "aes-256-gcm", "aes-256-ctr", "rc4", "", "toString"]) {
      expect(() => new PacketCipher({ cipher, secret: "s", iv: null })).toThrow(
        `there is no cipher "${cipher}" for a legion; these work: aes-128-cbc, aes-192-cbc, aes-256-cbc, bf-cbc,`,
      );
    }
  });
});
