/**
 * Takes from the Bun runtime in a compiled executable its habit of raising its own soft limit of open files
 * at start. The limit that reeve was started with would be lost otherwise, and a supervisor's children are to
 * get just that one.
 *
 * The runtime imports setrlimit from the C library by name. One byte of that name is changed, so that the
 * import becomes getrlimit, which takes the same two arguments, and the raise becomes a harmless read. reeve
 * raises its own limit through its native library (lib/sys/process/limits.ts), which makes the system call
 * itself.
 *
 * Must never change anything but that byte, nor guess: an executable that does not look as expected is
 * refused.
 */

import { Elf } from "./elf.ts";

const FROM = "setrlimit";
const TO = "getrlimit";

/**
 * Patches the bytes of a 64-bit little-endian ELF executable in place. -> the file offset of the changed
 * byte. Throws Error, with the bytes unchanged, when the import is not there exactly once or shares its
 * name's bytes with another.
 */
export function keepFileLimit(executable: Uint8Array): number {
  const elf = open(executable);
  const names = elf.dynamicSymbols();
  const imports = names.filter((symbol) => symbol.text === FROM);
  const [found] = imports;
  if (found === undefined || imports.length !== 1) {
    refuse(`it has ${imports.length} symbols "${FROM}", wanted one`);
  }
  if (found.defined) refuse(`it defines "${FROM}" itself`);
  // A linker may store one name as the end of another: both would change.
  for (const other of elf.stringUses(names)) {
    if (other === found.nameOffset) continue;
    const end = other + elf.textAt(other).length;
    if (other <= found.nameOffset && end >= found.nameOffset + FROM.length) {
      refuse(`the name "${elf.textAt(other)}" shares the bytes of "${FROM}"`);
    }
    if (other > found.nameOffset && other < found.nameOffset + FROM.length) {
      refuse(`the name "${elf.textAt(other)}" lies within "${FROM}"`);
    }
  }
  const at = found.nameOffset;
  executable.set(new TextEncoder().encode(TO), at);
  return at;
}

function open(executable: Uint8Array): Elf {
  try {
    return new Elf(executable);
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(detail: string): never {
  throw new Error(
    `cannot keep the limit of open files for children: ${detail}; ` +
      "this version of Bun differs from the one that build/keep_file_limit.ts was written for",
  );
}
