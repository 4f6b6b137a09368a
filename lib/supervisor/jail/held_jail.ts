/**
 * The instance's jail as the rest of the supervisor knows it. Types only: jail/holder.ts and jail/chroot.ts
 * are it.
 */
import type { JailPlan } from "../../config/plan/jail_plan.ts";
import type { JailIdentity } from "../../jail/identity.ts";
import type { JailPlace } from "../../jail/place.ts";

export interface HeldJail {
  readonly plan: JailPlan;
  /** An earlier image's goes on: the hooks that belong to a new one are not run. */
  readonly isKept: boolean;
  /** Its processes end with it; a chroot has neither. */
  readonly hasInit: boolean;
  /** Daemons may be started in it at this instant. */
  readonly isOpen: boolean;
  /** For the next image; null: it has to make one. */
  readonly identity: JailIdentity | null;
  /** Aborts when it is lost before the daemons were started. */
  readonly lost: AbortSignal;
  /** null: there is none to be in at the moment. */
  place(): JailPlace | null;
  /**
   * Goes on with the one that was found, or makes one. Rejects when it cannot be made: nothing is left of it;
   * or, called off, with the signal's reason: then `end` waits for what is left.
   */
  open(signal: AbortSignal): Promise<void>;
  /** For SIGUSR1: how it stands, in one word, and its init. */
  describe(): { readonly state: string; readonly pid: number };
  /** Somebody died, perhaps because it ends: long before its init is gone that can be seen. */
  look(): void;
  /** The hooks of the start have run: from now on it is made again when it is lost. */
  started(): void;
  /**
   * For a reload: hooks of one that is made again just now are ended, for the next image runs them. Resolves
   * when they are.
   */
  callOff(): Promise<void>;
  /** For a reload: one that does not stand yet is no use to the next image. */
  letGo(): void;
  /**
   * Ends it with all that is in it: asked first, killed after `graceMs`, or as soon as it is called off.
   * Resolves when it is gone, or has proved that it cannot be killed.
   */
  end(graceMs: number, callOff: AbortSignal): Promise<void>;
}
