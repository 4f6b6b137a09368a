/**
 * legion-auth: proof that a packet was made by somebody who knows a second secret, which the wire's ciphers
 * do not give. Rides along as the last key of the plaintext, so uWSGI ignores it. Must never compare in a
 * time that depends on the bytes.
 */
import { encodeText } from "../../sys/byte_text.ts";
import { writeKeyValues } from "./keyvals.ts";
import { type Decoded, MAC_KEY } from "./wire.ts";

export class PacketAuth {
  readonly #crypto: typeof import("node:crypto");
  readonly #key: Uint8Array;

  constructor(secret: string) {
    this.#crypto = process.getBuiltinModule("node:crypto");
    this.#key = encodeText(secret);
  }

  /** `plain` with its MAC behind it. */
  sign(plain: Uint8Array): Uint8Array {
    return Buffer.concat([plain, writeKeyValues([[MAC_KEY, this.#mac(plain)]])]);
  }

  isGenuine(plain: Uint8Array, mac: Decoded["mac"]): boolean {
    if (mac === null) return false;
    const right = this.#mac(plain.subarray(0, mac.covers));
    return mac.value.length === right.length && this.#crypto.timingSafeEqual(mac.value, right);
  }

  #mac(bytes: Uint8Array): Uint8Array {
    return this.#crypto.createHmac("sha256", this.#key).update(bytes).digest();
  }
}
