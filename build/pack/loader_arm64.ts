/**
 * System calls in the code of an arm64 ld.so, found and redirected. glibc's macro leaves
 *     mov x8, #NUMBER;  ...;  svc #0
 * and the `svc`, one instruction, gives way to a branch to a trampoline, which lies in the padding behind the
 * code since a branch does not reach the stub. The trampoline saves the two registers that it needs, calls
 * the stub's hook, and branches back.
 */
import type { Call } from "./loader_x64.ts";

const SVC = 0xd4000001;
/** mov x8, #0 to #0xffff: the number is in bits 5 to 20. */
const MOV_X8 = 0xd2800008;
const MOV_X8_MASK = 0xffe0001f;
const BRANCH = 0x14000000;
/** How many instructions before the call its number may be set. */
const LOOK_BACK = 8;
/** Bytes of one trampoline. */
const TRAMPOLINE = 7 * 4;

/** In bytes[start, end): the calls of one of `numbers`. */
export function findCallsArm64(
  bytes: Uint8Array,
  start: number,
  end: number,
  numbers: readonly number[],
): Call[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const calls: Call[] = [];
  for (let at = start; at + 4 <= end; at += 4) {
    if (view.getUint32(at, true) !== SVC) continue;
    for (let mov = at - 4; mov >= Math.max(start, at - LOOK_BACK * 4); mov -= 4) {
      const instruction = view.getUint32(mov, true);
      if ((instruction & MOV_X8_MASK) >>> 0 !== MOV_X8) continue;
      const number = (instruction >>> 5) & 0xffff;
      if (numbers.includes(number)) calls.push({ at, number });
      break;
    }
  }
  return calls;
}

/** -> how many bytes were written at room.at. Throws Error when there is no room, or something is there. */
export function patchArm64(
  bytes: Uint8Array,
  places: readonly number[],
  room: { readonly at: number; readonly limit: number },
  hook: number,
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = Math.ceil(room.at / 4) * 4;
  const end = first + places.length * TRAMPOLINE;
  if (end > room.limit) throw new Error(`behind its code there is no room for ${places.length} trampolines`);
  if (bytes.subarray(room.at, end).some((byte) => byte !== 0)) {
    throw new Error("behind its code there is no padding");
  }
  if (hook >= 2 ** 32) {
    throw new Error(`the stub's address 0x${hook.toString(16)} does not fit two instructions`);
  }
  places.forEach((place, index) => {
    const trampoline = first + index * TRAMPOLINE;
    view.setUint32(place, branch(place, trampoline), true);
    const code = [
      0xa9bf7bf0, // stp x16, x30, [sp, #-16]!
      0xd2800010 | ((hook & 0xffff) << 5), // movz x16, #low half of the hook's address
      0xf2a00010 | ((hook >>> 16) << 5), // movk x16, #high half, lsl #16
      0xd63f0200, // blr x16
      0xa8c17bf0, // ldp x16, x30, [sp], #16
      branch(trampoline + 5 * 4, place + 4),
      0, // none gets here: what is behind must not look like a way on
    ];
    code.forEach((instruction, step) => view.setUint32(trampoline + step * 4, instruction >>> 0, true));
  });
  return end - room.at;
}

/** `b target`; both within the same segment. */
function branch(from: number, to: number): number {
  const distance = (to - from) / 4;
  if (!Number.isInteger(distance) || Math.abs(distance) >= 2 ** 25) {
    throw new Error("a branch does not reach");
  }
  return (BRANCH | (distance & 0x03ff_ffff)) >>> 0;
}
