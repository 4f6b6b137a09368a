/**
 * Terminals and process groups: who is in the foreground. Must never be used on a descriptor that is not a
 * terminal's.
 */
import { fileDescriptor, processId } from "../checks.ts";
import { native, unwrapUnless } from "../native/native.ts";
import { ESRCH } from "../native/constants.ts";

/** Whether `fd` is a terminal. node:tty knows too, but takes 2 ms to load. */
export function isTerminal(fd: number): boolean {
  return Number(native().reeve_isatty(fileDescriptor(fd))) === 1;
}

/** null: no such process. */
export function groupOf(pid: number): number | null {
  return unwrapUnless([ESRCH], "getpgid", native().reeve_getpgid(processId(pid)));
}
