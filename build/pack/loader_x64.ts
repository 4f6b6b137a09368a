/**
 * System calls in the code of an x86-64 ld.so, found and redirected. glibc's macro leaves
 *     mov $NUMBER, %eax;  ...;  syscall;  cmp $-4096, %rax (or %eax)
 * and the last two, 8 (or 7) bytes, give way to one `call *[address]` of 7 bytes. The address is absolute:
 * the program is linked to a place below 2 GiB. The stub's hook does the comparison too, since flags survive
 * its return.
 */

const SYSCALL_LONG = [0x0f, 0x05, 0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff];
const SYSCALL_SHORT = [0x0f, 0x05, 0x3d, 0x00, 0xf0, 0xff, 0xff];
const CALL_ABSOLUTE = [0xff, 0x14, 0x25];
const NOP = 0x90;
const MOV_EAX = 0xb8;
/** How far before the call its number may be set. */
const LOOK_BACK = 16;

export interface Call {
  readonly at: number;
  readonly number: number;
}

/** In bytes[start, end): the calls of one of `numbers`. */
export function findCallsX64(
  bytes: Uint8Array,
  start: number,
  end: number,
  numbers: readonly number[],
): Call[] {
  const calls: Call[] = [];
  for (let at = start; at + SYSCALL_LONG.length <= end; at++) {
    if (!matches(bytes, at, SYSCALL_LONG) && !matches(bytes, at, SYSCALL_SHORT)) continue;
    const number = numberBefore(bytes, at, Math.max(start, at - LOOK_BACK));
    if (number !== null && numbers.includes(number)) calls.push({ at, number });
  }
  return calls;
}

export function patchX64(
  bytes: Uint8Array,
  places: readonly number[],
  hooks: { readonly pointer: number; readonly shortPointer: number },
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const at of places) {
    const long = matches(bytes, at, SYSCALL_LONG);
    const pointer = long ? hooks.pointer : hooks.shortPointer;
    if (pointer >= 2 ** 31) {
      throw new Error(`the stub's address 0x${pointer.toString(16)} does not fit an instruction`);
    }
    bytes.set(CALL_ABSOLUTE, at);
    view.setUint32(at + CALL_ABSOLUTE.length, pointer, true);
    if (long) bytes[at + SYSCALL_LONG.length - 1] = NOP;
  }
}

/** The number of the last `mov $NUMBER, %eax` before `at`. */
function numberBefore(bytes: Uint8Array, at: number, from: number): number | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let mov = at - 5; mov >= from; mov--) {
    if (bytes[mov] !== MOV_EAX) continue;
    const number = view.getUint32(mov + 1, true);
    if (number < 1024) return number;
  }
  return null;
}

function matches(bytes: Uint8Array, at: number, wanted: readonly number[]): boolean {
  return wanted.every((byte, index) => bytes[at + index] === byte);
}
