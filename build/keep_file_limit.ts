/**
 * Takes from the Bun runtime in a compiled executable its habit of raising its own soft limit of open files at start. The limit
 * that reeve was started with would be lost otherwise, and a supervisor's children are to get just that one.
 *
 * The runtime imports setrlimit from the C library by name. One byte of that name is changed, so that the import becomes
 * getrlimit, which takes the same two arguments, and the raise becomes a harmless read. reeve raises its own limit through
 * its native library (lib/sys/limits.ts), which makes the system call itself.
 *
 * Must never change anything but that byte, nor guess: an executable that does not look as expected is refused.
 */

const FROM = "setrlimit";
const TO = "getrlimit";

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_STRSZ = 10;
const DT_SYMENT = 11;
const SYMBOL_SIZE = 24;
const SHN_UNDEF = 0;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
}

/**
 * Patches the bytes of a 64-bit little-endian ELF executable in place. -> the file offset of the changed byte.
 * Throws Error, with the bytes unchanged, when the import is not there exactly once or shares its name's bytes with another.
 */
export function keepFileLimit(executable: Uint8Array): number {
  const elf = new Elf(executable);
  const names = elf.dynamicSymbolNames();
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

function refuse(detail: string): never {
  throw new Error(
    `cannot keep the limit of open files for children: ${detail}; ` +
      "this version of Bun differs from the one that build/keep_file_limit.ts was written for",
  );
}

interface DynamicSymbol {
  readonly text: string;
  readonly nameOffset: number;
  readonly defined: boolean;
}

/** As much of an ELF file as the patch needs: its dynamic symbols and the strings that its dynamic section names. */
class Elf {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #segments: readonly Segment[];
  readonly #dynamic: readonly { readonly tag: number; readonly value: number }[];
  readonly #strings: number;
  readonly #stringsSize: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (
      bytes.length < 64 || this.#view.getUint32(0, false) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1
    ) {
      refuse("it is no 64-bit little-endian ELF file");
    }
    const table = this.#word(32);
    const size = this.#view.getUint16(54, true);
    this.#segments = Array.from({ length: this.#view.getUint16(56, true) }, (_, index) => {
      const at = table + index * size;
      return {
        type: this.#view.getUint32(at, true),
        offset: this.#word(at + 8),
        address: this.#word(at + 16),
        fileSize: this.#word(at + 32),
      };
    });
    this.#dynamic = this.#readDynamic();
    this.#strings = this.#offsetOf(this.#entry(DT_STRTAB));
    this.#stringsSize = this.#entry(DT_STRSZ);
    if (this.#entry(DT_SYMENT) !== SYMBOL_SIZE) refuse("its symbols have an unknown size");
  }

  /** The symbols of the dynamic table, which on every linker's output ends where the strings or another table begins. */
  dynamicSymbolNames(): DynamicSymbol[] {
    const start = this.#offsetOf(this.#entry(DT_SYMTAB));
    const end = this.#tableEnd(start);
    const symbols: DynamicSymbol[] = [];
    for (let at = start; at + SYMBOL_SIZE <= end; at += SYMBOL_SIZE) {
      const nameOffset = this.#stringOffset(this.#view.getUint32(at, true));
      symbols.push({
        text: this.textAt(nameOffset),
        nameOffset,
        defined: this.#view.getUint16(at + 6, true) !== SHN_UNDEF,
      });
    }
    return symbols;
  }

  /** File offsets of all dynamic strings in use: names of symbols, of needed libraries and of their versions. */
  stringUses(symbols: readonly DynamicSymbol[]): Set<number> {
    const uses = new Set(symbols.map((symbol) => symbol.nameOffset));
    const DT_NEEDED = 1, DT_SONAME = 14, DT_RPATH = 15, DT_RUNPATH = 29;
    for (const { tag, value } of this.#dynamic) {
      if ([DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH].includes(tag)) uses.add(this.#stringOffset(value));
    }
    return uses;
  }

  textAt(offset: number): string {
    const end = this.#bytes.indexOf(0, offset);
    return new TextDecoder("latin1").decode(this.#bytes.subarray(offset, end));
  }

  #readDynamic(): { tag: number; value: number }[] {
    const segment = this.#segments.find((candidate) => candidate.type === PT_DYNAMIC);
    if (segment === undefined) refuse("it has no dynamic section");
    const entries: { tag: number; value: number }[] = [];
    for (let at = segment.offset; at + 16 <= segment.offset + segment.fileSize; at += 16) {
      const tag = this.#word(at);
      if (tag === 0) break;
      entries.push({ tag, value: this.#word(at + 8) });
    }
    return entries;
  }

  #entry(tag: number): number {
    const found = this.#dynamic.find((entry) => entry.tag === tag);
    if (found === undefined) refuse(`its dynamic section lacks entry ${tag}`);
    return found.value;
  }

  /** The nearest thing behind `start` that the dynamic section points to. */
  #tableEnd(start: number): number {
    let end = this.#bytes.length;
    for (const { value } of this.#dynamic) {
      const segment = this.#segmentOf(value);
      if (segment === undefined) continue;
      const offset = value - segment.address + segment.offset;
      if (offset > start && offset < end) end = offset;
    }
    return end;
  }

  #stringOffset(index: number): number {
    if (index >= this.#stringsSize) refuse("a symbol's name lies outside the string table");
    return this.#strings + index;
  }

  #offsetOf(address: number): number {
    const segment = this.#segmentOf(address);
    if (segment === undefined) refuse(`address 0x${address.toString(16)} is in no segment`);
    return address - segment.address + segment.offset;
  }

  #segmentOf(address: number): Segment | undefined {
    return this.#segments.find((segment) =>
      segment.type === PT_LOAD && address >= segment.address && address < segment.address + segment.fileSize
    );
  }

  #word(at: number): number {
    // Addresses and offsets of an executable are far below 2^53; tags above it are none that matter here.
    return Number(this.#view.getBigUint64(at, true));
  }
}
