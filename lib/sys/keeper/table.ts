/**
 * The keeper's table of children, as native/reeve.h has it: how a core finds what those before it have
 * started. Reads only.
 */
import { REEVE_SLOTS, REEVE_TABLE_MAGIC, SLOT } from "../native/constants.ts";
import type { ChildLabel, ChildRef } from "./packets.ts";

export interface LivingChild extends ChildRef {
  readonly pid: number;
  readonly startTime: bigint;
  readonly label: ChildLabel;
  readonly dumb: boolean;
  /** It waits to be let in. */
  readonly waits: boolean;
  /** It is dead, and its end is to be told. */
  readonly dead: boolean;
  /** Nanoseconds of CLOCK_BOOTTIME. */
  readonly born: bigint;
}

const HEAD = 128;
const SLOT_SIZE = 128;
const DUMB = 1;

/** `read`: bytes of the table from a position on. Throws where it is no table. */
export function readTable(read: (bytes: Uint8Array, at: number) => number): readonly LivingChild[] {
  const head = new Uint8Array(HEAD);
  if (read(head, 0) !== HEAD) throw new Error("the keeper's table is cut");
  const top = new DataView(head.buffer);
  if (top.getUint32(0, true) !== REEVE_TABLE_MAGIC) throw new Error("the keeper's table is none");
  const used = Math.min(top.getUint32(8, true), REEVE_SLOTS);
  const bytes = new Uint8Array(used * SLOT_SIZE);
  if (read(bytes, HEAD) !== bytes.length) throw new Error("the keeper's table is cut");
  const view = new DataView(bytes.buffer);
  const children: LivingChild[] = [];
  for (let slot = 0; slot < used; slot++) {
    const at = slot * SLOT_SIZE;
    const state = view.getUint32(at, true);
    if (state !== SLOT.alive && state !== SLOT.dead) continue;
    children.push({
      slot,
      pid: view.getInt32(at + 4, true),
      id: view.getBigUint64(at + 8, true),
      startTime: view.getBigUint64(at + 16, true),
      label: {
        daemon: view.getBigUint64(at + 24, true),
        start: view.getBigUint64(at + 32, true),
        purpose: view.getUint32(at + 40, true),
      },
      dumb: (view.getUint32(at + 64, true) & DUMB) !== 0,
      waits: view.getInt32(at + 92, true) >= 0,
      dead: state === SLOT.dead,
      born: view.getBigUint64(at + 96, true),
    });
  }
  return children;
}
