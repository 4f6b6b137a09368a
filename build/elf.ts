/**
 * Reads as much of a 64-bit little-endian ELF executable as the build's patches need: segments, dynamic symbols, and the
 * strings that its dynamic section names. Must never change a byte.
 */

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_STRSZ = 10;
const DT_SYMENT = 11;
const SYMBOL_SIZE = 24;
const SHN_UNDEF = 0;
const PF_W = 2;

interface Segment {
  readonly type: number;
  readonly writable: boolean;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
}

function fail(detail: string): never {
  throw new Error(detail);
}

export interface DynamicSymbol {
  readonly text: string;
  /** File offset of the name, and of the symbol's own entry. */
  readonly nameOffset: number;
  readonly entryOffset: number;
  readonly defined: boolean;
}

/** The constructor and all methods throw Error for what they cannot make sense of. */
export class Elf {
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
      fail("it is no 64-bit little-endian ELF file");
    }
    const table = this.#word(32);
    const size = this.#view.getUint16(54, true);
    this.#segments = Array.from({ length: this.#view.getUint16(56, true) }, (_, index) => {
      const at = table + index * size;
      return {
        type: this.#view.getUint32(at, true),
        writable: (this.#view.getUint32(at + 4, true) & PF_W) !== 0,
        offset: this.#word(at + 8),
        address: this.#word(at + 16),
        fileSize: this.#word(at + 32),
      };
    });
    this.#dynamic = this.#readDynamic();
    this.#strings = this.#offsetOf(this.#entry(DT_STRTAB));
    this.#stringsSize = this.#entry(DT_STRSZ);
    if (this.#entry(DT_SYMENT) !== SYMBOL_SIZE) fail("its symbols have an unknown size");
  }

  /** The symbols of the dynamic table, which on every linker's output ends where the strings or another table begins. */
  dynamicSymbols(): DynamicSymbol[] {
    const start = this.#offsetOf(this.#entry(DT_SYMTAB));
    const end = this.#tableEnd(start);
    const symbols: DynamicSymbol[] = [];
    for (let at = start; at + SYMBOL_SIZE <= end; at += SYMBOL_SIZE) {
      const nameOffset = this.#stringOffset(this.#view.getUint32(at, true));
      symbols.push({
        text: this.textAt(nameOffset),
        nameOffset,
        entryOffset: at,
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

  /** DT_NEEDED: names of the libraries that it is linked with. */
  neededLibraries(): string[] {
    const DT_NEEDED = 1;
    return this.#dynamic.filter((entry) => entry.tag === DT_NEEDED)
      .map((entry) => this.textAt(this.#stringOffset(entry.value)));
  }

  /** File offsets, start and end, of what is mapped and never written to: code and constants. */
  constantRanges(): { readonly start: number; readonly end: number }[] {
    return this.#segments.filter((segment) => segment.type === PT_LOAD && !segment.writable)
      .map((segment) => ({ start: segment.offset, end: segment.offset + segment.fileSize }));
  }

  textAt(offset: number): string {
    const end = this.#bytes.indexOf(0, offset);
    return new TextDecoder("latin1").decode(this.#bytes.subarray(offset, end));
  }

  #readDynamic(): { tag: number; value: number }[] {
    const segment = this.#segments.find((candidate) => candidate.type === PT_DYNAMIC);
    if (segment === undefined) fail("it has no dynamic section");
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
    if (found === undefined) fail(`its dynamic section lacks entry ${tag}`);
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
    if (index >= this.#stringsSize) fail("a symbol's name lies outside the string table");
    return this.#strings + index;
  }

  #offsetOf(address: number): number {
    const segment = this.#segmentOf(address);
    if (segment === undefined) fail(`address 0x${address.toString(16)} is in no segment`);
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
