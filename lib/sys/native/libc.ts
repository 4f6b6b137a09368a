/**
 * System calls through libc's syscall(): for the few that are needed where the library of native/ is not
 * loaded yet, or cannot be. Everything else is native.ts.
 */
import { dlopen, FFIType } from "bun:ffi";

const LIBC_NAMES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libc.so"];

/**
 * `types`: of the values behind the number, which must have passed checks.ts. -> what the kernel returned, or
 * -1.
 */
export function libcCall(
  types: readonly ("buffer" | "ptr" | "i64" | "u64")[],
  number: number,
  ...values: readonly (number | bigint | Uint8Array | BigUint64Array | null)[]
): number {
  // syscall(2) is variadic, which on Linux's x86-64 and arm64 passes integers as any other function does.
  const symbol = { args: ["i64", ...types], returns: FFIType.i64_fast } as const;
  let last: unknown = null;
  for (const name of LIBC_NAMES) {
    try {
      return Number(dlopen(name, { syscall: symbol }).symbols.syscall(number, ...values));
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`cannot find the C library under any of ${LIBC_NAMES.join(", ")}`, { cause: last });
}
