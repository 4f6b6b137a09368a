/**
 * Makes the Bun runtime in a compiled executable blind to environment variables that would turn reeve into
 * something else: BUN_BE_BUN makes it the bun command, BUN_OPTIONS and BUN_INSPECT_PRELOAD load code,
 * BUN_INSPECT opens a debugger's port. They are in an environment for the sake of a daemon that is a Bun
 * program, which still gets them: only the runtime's own look-up changes, to a name with a blank in it, which
 * nobody sets.
 *
 * Must never change anything but those names, nor guess: an executable that does not look as expected is
 * refused.
 */

import { Elf } from "./elf.ts";

export const HIDDEN_VARIABLES = [
  "BUN_BE_BUN",
  "BUN_OPTIONS",
  "BUN_INSPECT",
  "BUN_INSPECT_CONNECT_TO",
  "BUN_INSPECT_PRELOAD",
] as const;

/**
 * Patches the bytes of an executable in place. Throws Error, before any change, unless each name is there
 * exactly once.
 */
export function hideVariables(executable: Uint8Array<ArrayBuffer>): void {
  const bytes = Buffer.from(executable.buffer, executable.byteOffset, executable.byteLength);
  const ranges = new Elf(executable).constantRanges();
  const places = HIDDEN_VARIABLES.map((name) => {
    const constant = `\0${name}\0`;
    // Among the runtime's constants only: reeve's own text, which lies in a writable segment, may well name
    // them.
    const found = ranges.flatMap(({ start, end }) => offsetsOf(bytes.subarray(start, end), constant, start));
    const [at] = found;
    if (at === undefined || found.length > 1) {
      throw new Error(
        `cannot hide the variable "${name}" from the runtime: it is ${found.length} times in the executable; ` +
          "this version of Bun differs from the one that build/hide_variables.ts was written for",
      );
    }
    return at + "\0BUN".length;
  });
  for (const at of places) bytes[at] = " ".charCodeAt(0);
}

function offsetsOf(bytes: Buffer, text: string, base: number): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(text, 0, "latin1"); at >= 0; at = bytes.indexOf(text, at + 1, "latin1")) {
    found.push(base + at);
  }
  return found;
}
