/**
 * Announcements to packets and back for one legion: cipher, form, name, authentication, clock and replay, in
 * this order. Every packet that is refused is counted with its reason. Must never throw at what came in.
 */
import type { UdpTransportPlan } from "../../config/plan/legion_plan.ts";
import type { Announcement } from "../election/announcement.ts";
import { PacketCipher } from "./cipher.ts";
import { PacketAuth } from "./auth.ts";
import type { Refusal } from "./refusals.ts";
import { ReplayGuard } from "./replay_guard.ts";
import { decodeAnnouncement, encodeAnnouncement } from "./wire.ts";

export interface PacketSettings {
  readonly legion: string;
  /** Own packets come back over multicast: they are no news. */
  readonly uuid: string;
  readonly cipher: Pick<UdpTransportPlan, "cipher" | "secret" | "iv">;
  readonly authSecret: string | null;
  /** Seconds. */
  readonly skewTolerance: number;
}

export interface Clock {
  /** Seconds since 1970, fractions included. */
  readonly wall: number;
  /** Monotonic milliseconds. */
  readonly now: number;
}

export type Opened =
  | { readonly kind: "news"; readonly announcement: Announcement }
  | { readonly kind: "own" }
  | { readonly kind: "refused"; readonly reason: Refusal };

const OWN: Opened = { kind: "own" };

export class Packets {
  readonly #settings: PacketSettings;
  readonly #cipher: PacketCipher;
  readonly #auth: PacketAuth | null;
  readonly #guard: ReplayGuard;
  #sent = 0;

  /** Throws an Error when there is no such cipher. */
  constructor(settings: PacketSettings) {
    this.#settings = settings;
    this.#cipher = new PacketCipher(settings.cipher);
    this.#auth = settings.authSecret === null ? null : new PacketAuth(settings.authSecret);
    this.#guard = new ReplayGuard(settings.skewTolerance);
  }

  /** One packet, to be sent to all nodes. Throws RangeError when the scroll makes it too long. */
  seal(announcement: Announcement): Uint8Array {
    if (this.#auth === null) return this.#cipher.seal(encodeAnnouncement(announcement, null));
    this.#sent += 1;
    return this.#cipher.seal(this.#auth.sign(encodeAnnouncement(announcement, this.#sent)));
  }

  open(packet: Uint8Array, clock: Clock): Opened {
    const plain = this.#cipher.open(packet);
    if (plain === null) return refused("secret");
    const decoded = decodeAnnouncement(plain);
    if (decoded === null) return refused("malformed");
    const { announcement, sequence, mac } = decoded;
    const { uuid } = announcement.id;
    if (announcement.legion !== this.#settings.legion) return refused("legion");
    if (uuid === this.#settings.uuid) return OWN;
    if (this.#auth !== null && (sequence === null || !this.#auth.isGenuine(plain, mac))) {
      return refused("unauthenticated");
    }
    const verdict = this.#guard.judge({
      uuid,
      unix: announcement.unix,
      sequence,
      dead: announcement.dead,
      ...clock,
    });
    return verdict === "news" ? { kind: "news", announcement } : refused(verdict);
  }
}

function refused(reason: Refusal): Opened {
  return { kind: "refused", reason };
}
