/**
 * glibc makes threads with clone3, and with clone where the kernel has no clone3: it asks for the errno
 * ENOSYS alone. Container runtimes of some years refuse the call with EPERM (Docker before 20.10.10, older
 * libseccomp), and there no thread could be made, so that the runtime aborts. The bundled libc.so.6 never
 * asks: its clone3 answers ENOSYS without the kernel.
 *
 * Must never change a file in which the call is not found where it is expected.
 */
import type { NativeTarget } from "../../native/compile.ts";

const CLONE3 = 435;
const ENOSYS = 38;

/** `mov $435, %eax; syscall`, and in its place `mov $-38, %rax`: as long, and it sets the same register. */
const CALL_X64 = [0xb8, CLONE3 & 0xff, CLONE3 >> 8, 0, 0, 0x0f, 0x05];
const ANSWER_X64 = [0x48, 0xc7, 0xc0, 0x100 - ENOSYS, 0xff, 0xff, 0xff];

/** `mov x8, #435; svc #0`, and `mov x8, #435; mov x0, #-38`. */
const CALL_ARM64 = [...word(0xd280_0008 | CLONE3 << 5), ...word(0xd400_0001)];
const ANSWER_ARM64 = [...word(0xd280_0008 | CLONE3 << 5), ...word(0x9280_0000 | (ENOSYS - 1) << 5)];

function word(instruction: number): number[] {
  return [0, 8, 16, 24].map((shift) => instruction >>> shift & 0xff);
}

/**
 * -> a patched copy of libc.so.6. Throws Error when the call is not there exactly once; on arm64, where glibc
 * has had it since 2.38, none is fine.
 */
export function refuseClone3(libc: Uint8Array, target: NativeTarget): Uint8Array {
  const [call, answer] = target === "x64" ? [CALL_X64, ANSWER_X64] : [CALL_ARM64, ANSWER_ARM64];
  const copy = Buffer.from(libc);
  const needle = Buffer.from(call);
  const at = copy.indexOf(needle);
  if (at < 0 && target === "arm64") return copy;
  if (at < 0) throw new Error("its call of clone3 is not where it was in glibc 2.34 to 2.41");
  if (copy.indexOf(needle, at + 1) >= 0) throw new Error("it calls clone3 in more than one place");
  copy.set(answer, at);
  return copy;
}
