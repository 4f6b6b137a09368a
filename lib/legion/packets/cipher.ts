/**
 * A legion's packets as they go over the wire: the byte 109, the plaintext's length, a zero, the ciphertext.
 * Key and IV are made as uWSGI makes them, so the IV is the same for every packet and nothing is
 * authenticated: that is wire.ts's work, where the configuration asks for it. Must never keep a packet, nor
 * say why one could not be opened.
 */
import { encodeText } from "../../sys/byte_text.ts";
import { cipherProblem, type CipherShape, findCipher } from "./cipher_names.ts";

type Crypto = typeof import("node:crypto");
type Decipher = ReturnType<Crypto["createDecipheriv"]>;

export interface CipherSettings {
  /** OpenSSL's name. */
  readonly cipher: string;
  readonly secret: string;
  readonly iv: string | null;
}

/** uWSGI's number of the protocol: modifier1 of its packet header. */
const LEGION_PROTOCOL = 109;
const HEADER_SIZE = 4;
const LONGEST = 0xffff;
/** Every plaintext begins with the key "legion": whoever has not the secret is found out by one block. */
const BEGINNING = Uint8Array.of(6, 0, ...new TextEncoder().encode("legion"));
const ZERO_DIGIT = 0x30;

export class PacketCipher {
  readonly #crypto: Crypto;
  readonly #shape: CipherShape;
  readonly #key: Uint8Array;
  readonly #iv: Uint8Array;
  /** Lives on: a key schedule costs Blowfish as much as 300 packets' blocks. */
  readonly #decipher: Decipher | null;

  /** Throws an Error that lists the ciphers when there is none of that name. */
  constructor(settings: CipherSettings) {
    const shape = findCipher(settings.cipher);
    if (shape === null) throw new Error(cipherProblem(settings.cipher) ?? "");
    // node:crypto costs 11 ms: only who has a legion pays.
    this.#crypto = process.getBuiltinModule("node:crypto");
    this.#shape = shape;
    this.#key = padded(settings.secret, shape.keyLength, 0);
    this.#iv = padded(settings.iv ?? "", shape.ivLength, ZERO_DIGIT);
    this.#decipher = shape.mode === "cbc" || shape.mode === "ecb"
      ? this.#newDecipher().setAutoPadding(false)
      : null;
  }

  /** The packet that carries `plain`. Throws RangeError when that is longer than the header can say. */
  seal(plain: Uint8Array): Uint8Array {
    const { length } = plain;
    if (length > LONGEST) throw new RangeError(`cannot send ${length} bytes: ${LONGEST} at most`);
    const cipher = this.#crypto.createCipheriv(this.#shape.name, this.#key, this.#ivOrNull);
    const header = Uint8Array.of(LEGION_PROTOCOL, length & 0xff, length >> 8, 0);
    return Buffer.concat([header, cipher.update(plain), cipher.final()]);
  }

  /** The plaintext; null: no packet of a legion with this cipher, secret and IV. */
  open(packet: Uint8Array): Uint8Array | null {
    if (packet.length <= HEADER_SIZE || packet[0] !== LEGION_PROTOCOL) return null;
    const length = packet[1]! | (packet[2]! << 8);
    const sealed = packet.subarray(HEADER_SIZE);
    if (sealed.length !== this.#sealedLength(length)) return null;
    // A stranger's 60,000 bytes cost as little as a stranger's 60.
    const { blockLength } = this.#shape;
    const first = this.#decrypt(sealed.subarray(0, Math.max(BEGINNING.length, blockLength)));
    if (!beginsAsLegion(first)) return null;
    const plain = this.#decrypt(sealed);
    return hasPadding(plain, length) ? plain.subarray(0, length) : null;
  }

  #newDecipher(): Decipher {
    return this.#crypto.createDecipheriv(this.#shape.name, this.#key, this.#ivOrNull);
  }

  get #ivOrNull(): Uint8Array | null {
    return this.#shape.ivLength === 0 ? null : this.#iv;
  }

  #sealedLength(plainLength: number): number {
    const { mode, blockLength } = this.#shape;
    if (mode === "cfb" || mode === "ofb") return plainLength;
    return (Math.floor(plainLength / blockLength) + 1) * blockLength;
  }

  /**
   * With its padding still on. In CBC the IV is nothing but the ciphertext before: it is given in front, and
   * its block dropped.
   */
  #decrypt(sealed: Uint8Array): Uint8Array {
    if (this.#decipher === null) return this.#newDecipher().update(sealed);
    if (this.#shape.mode === "ecb") return this.#decipher.update(sealed);
    return this.#decipher.update(Buffer.concat([this.#iv, sealed])).subarray(this.#iv.length);
  }
}

/** uWSGI cuts what is too long and fills up what is too short; no key is derived. */
function padded(text: string, length: number, filler: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(filler);
  bytes.set(encodeText(text).subarray(0, length));
  return bytes;
}

function beginsAsLegion(plain: Uint8Array): boolean {
  return BEGINNING.every((byte, at) => plain[at] === byte);
}

/** As OpenSSL takes the padding off: each of its bytes is their number. */
function hasPadding(plain: Uint8Array, length: number): boolean {
  const filler = plain.length - length;
  for (let at = length; at < plain.length; at++) if (plain[at] !== filler) return false;
  return true;
}
