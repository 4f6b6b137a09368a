import { describe, expect, test } from "bun:test";
import type { Announcement } from "../../../lib/legion/election/announcement.ts";
import { PacketCipher } from "../../../lib/legion/packets/cipher.ts";
import { writeKeyValues } from "../../../lib/legion/packets/keyvals.ts";
import { type Opened, Packets, type PacketSettings } from "../../../lib/legion/packets/packets.ts";
import { encodeAnnouncement } from "../../../lib/legion/packets/wire.ts";

const CLOCK = { wall: 1_800_000_000.5, now: 1_000_000 };
const PEER = "11111111-2222-3333-4444-555555555555";
const SELF = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

const NEWS: Announcement = {
  legion: "blue",
  id: { uuid: PEER, name: "node2", valor: 5 },
  pid: 77,
  unix: 1_800_000_000,
  lord: 0,
  checksum: 2n ** 64n - 1n,
  lordValor: 5,
  lordUuid: PEER,
  scroll: null,
  dead: false,
};

const SETTINGS: PacketSettings = {
  legion: "blue",
  uuid: SELF,
  cipher: { cipher: "aes-256-cbc", secret: "x", iv: null },
  authSecret: null,
  skewTolerance: 60,
};

const packets = (changes: Partial<PacketSettings> = {}): Packets => new Packets({ ...SETTINGS, ...changes });
const peer = (changes: Partial<PacketSettings> = {}): Packets => packets({ uuid: PEER, ...changes });
const refusal = (opened: Opened): string => opened.kind === "refused" ? opened.reason : opened.kind;

describe("a packet", () => {
  test("of a peer is its announcement", () => {
    const announcement = { ...NEWS, scroll: "a\nscroll", dead: true, lord: 12 };
    expect(packets().open(peer().seal(announcement), CLOCK)).toEqual({ kind: "news", announcement });
  });

  test("of a node that holds on to its daemons, or stands anew, says so", () => {
    const announcement = { ...NEWS, holding: true, candidacy: 2, votedCandidacy: 3 };
    expect(packets().open(peer().seal(announcement), CLOCK)).toEqual({ kind: "news", announcement });
    const seen = packets().open(peer().seal({ ...NEWS, candidacy: 0, holding: false }), CLOCK);
    expect(seen).toEqual({ kind: "news", announcement: NEWS });
  });

  test("with a host name and a scroll that are not UTF-8 keeps their bytes", () => {
    const announcement = { ...NEWS, id: { ...NEWS.id, name: "n\udcff" }, scroll: "\udc80" };
    expect(packets().open(peer().seal(announcement), CLOCK)).toEqual({ kind: "news", announcement });
  });

  test("of our own is ours", () => {
    const own = packets();
    expect(own.open(own.seal({ ...NEWS, id: { ...NEWS.id, uuid: SELF } }), CLOCK)).toEqual({ kind: "own" });
  });

  test("is refused for a wrong secret, cipher, IV or legion, each by its name", () => {
    const sealed = (changes: Partial<PacketSettings["cipher"]>): Uint8Array =>
      peer({ cipher: { ...SETTINGS.cipher, ...changes } }).seal(NEWS);
    expect(refusal(packets().open(sealed({ secret: "y" }), CLOCK))).toBe("secret");
    expect(refusal(packets().open(sealed({ cipher: "bf-cbc" }), CLOCK))).toBe("secret");
    expect(refusal(packets().open(sealed({ iv: "1" }), CLOCK))).toBe("secret");
    expect(refusal(packets().open(peer().seal({ ...NEWS, legion: "bluer" }), CLOCK))).toBe("legion");
  });

  test("is refused when its stamp is older or newer than the tolerance, and not at it", () => {
    const at = (unix: number): string => refusal(packets().open(peer().seal({ ...NEWS, unix }), CLOCK));
    expect([-61, -60, 0, 60, 61].map((off) => at(NEWS.unix + off))).toEqual([
      "clock",
      "news",
      "news",
      "news",
      "clock",
    ]);
  });

  test("is refused at any length but its own", () => {
    const sealed = peer().seal(NEWS);
    const reader = packets();
    for (let length = 0; length < sealed.length; length++) {
      expect(refusal(reader.open(sealed.subarray(0, length), CLOCK))).toBe("secret");
    }
    expect(refusal(reader.open(Buffer.concat([sealed, new Uint8Array(16)]), CLOCK))).toBe("secret");
  });

  test("is refused when it claims 65,535 bytes, has them or not", () => {
    const claims = Buffer.from(peer().seal(NEWS));
    claims[1] = claims[2] = 0xff;
    expect(refusal(packets().open(claims, CLOCK))).toBe("secret");
    const cipher = new PacketCipher(SETTINGS.cipher);
    const filler = writeKeyValues([["legion", Buffer.from("blue")], ["x", new Uint8Array(65_516)]]);
    expect(filler.length).toBe(65_535);
    expect(refusal(packets().open(cipher.seal(filler), CLOCK))).toBe("malformed");
  });

  test("with any key but the known ones is as good as without", () => {
    const cipher = new PacketCipher(SETTINGS.cipher);
    const more = writeKeyValues([["__proto__", Buffer.from("1")], ["later", new Uint8Array(300)]]);
    const plain = Buffer.concat([encodeAnnouncement(NEWS, null), more]);
    expect(packets().open(cipher.seal(plain), CLOCK)).toEqual({ kind: "news", announcement: NEWS });
  });

  test("is malformed when a number, a uuid or a name is none", () => {
    const cipher = new PacketCipher(SETTINGS.cipher);
    const bad: readonly [string, string][] = [
      ["valor", "-1"],
      ["valor", "1e3"],
      ["valor", ""],
      ["unix", "9007199254740993"],
      ["checksum", "18446744073709551616"],
      ["checksum", "999999999999999999999"],
      ["uuid", "short"],
      ["uuid", "\u001b[2J".padEnd(36, "x")],
      ["lord_uuid", "'; drop table daemons; --".padEnd(36)],
      ["name", ""],
      ["name", "n".repeat(256)],
    ];
    for (const [key, value] of bad) {
      const plain = Buffer.concat([
        encodeAnnouncement(NEWS, null),
        writeKeyValues([[key, Buffer.from(value)]]),
      ]);
      expect(refusal(packets().open(cipher.seal(plain), CLOCK))).toBe("malformed");
    }
  });

  test("is malformed without a legion, a name or a uuid", () => {
    const cipher = new PacketCipher(SETTINGS.cipher);
    const full = [["legion", "blue"], ["name", "n"], ["uuid", PEER], ["unix", String(NEWS.unix)]] as const;
    const open = (pairs: readonly (readonly [string, string])[]): string =>
      refusal(
        packets().open(
          cipher.seal(writeKeyValues(pairs.map(([key, value]) => [key, Buffer.from(value)]))),
          CLOCK,
        ),
      );
    expect(open(full)).toBe("news");
    expect(open([full[0], full[2], full[3]])).toBe("malformed");
    expect(open([full[0], full[1], full[3]])).toBe("malformed");
  });

  test("that would not fit is not sent", () => {
    expect(() => peer().seal({ ...NEWS, scroll: "x".repeat(65_400) })).toThrow(RangeError);
    expect(() => peer().seal({ ...NEWS, scroll: "x".repeat(65_536) })).toThrow('cannot encode "scroll"');
  });
});

describe("with legion-auth a packet", () => {
  const auth = { authSecret: "second" };

  test("of a peer with the same second secret is news, once", () => {
    const reader = packets(auth);
    const sealed = peer(auth).seal(NEWS);
    expect(reader.open(sealed, CLOCK)).toEqual({ kind: "news", announcement: NEWS });
    expect(refusal(reader.open(sealed, CLOCK))).toBe("replay");
  });

  test("without proof, or with another's, is refused", () => {
    const reader = packets(auth);
    expect(refusal(reader.open(peer().seal(NEWS), CLOCK))).toBe("unauthenticated");
    expect(refusal(reader.open(peer({ authSecret: "third" }).seal(NEWS), CLOCK))).toBe("unauthenticated");
  });

  test("is read by who has no second secret, as uWSGI would", () => {
    expect(packets().open(peer(auth).seal(NEWS), CLOCK)).toEqual({ kind: "news", announcement: NEWS });
  });

  test("of which one bit was turned, anywhere, is refused", () => {
    const sealed = peer({ ...auth, cipher: { ...SETTINGS.cipher, cipher: "aes-256-ofb" } }).seal(NEWS);
    const reader = packets({ ...auth, cipher: { ...SETTINGS.cipher, cipher: "aes-256-ofb" } });
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const turned = Buffer.from(sealed);
      turned[bit >> 3]! ^= 1 << (bit & 7);
      // The fourth byte of the header means nothing to uWSGI.
      expect(refusal(reader.open(turned, CLOCK)) === "news").toBe(bit >> 3 === 3 && bit === 24);
    }
  });

  test("with something put behind the proof is refused", () => {
    const cipher = new PacketCipher(SETTINGS.cipher);
    const plain = cipher.open(peer(auth).seal(NEWS)) ?? new Uint8Array();
    const more = Buffer.concat([plain, writeKeyValues([["dead", Buffer.from("1")]])]);
    expect(refusal(packets(auth).open(cipher.seal(more), CLOCK))).toBe("unauthenticated");
  });
});
