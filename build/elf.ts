/**
 * Reads as much of an ELF executable's dynamic section as the build's patches need: symbols, and the strings
 * that it names. Must never change a byte.
 */
import { PF, type ProgramHeader, PT, readElf } from "./pack/program_headers.ts";

const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_STRSZ = 10;
const DT_SYMENT = 11;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
const SYMBOL_SIZE = 24;
const SHN_UNDEF = 0;

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
  readonly #segments: readonly ProgramHeader[];
  readonly #dynamic: readonly { readonly tag: number; readonly value: number }[];
  readonly #strings: number;
  readonly #stringsSize: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#segments = readElf(bytes).headers;
    this.#dynamic = this.#readDynamic();
    this.#strings = this.#offsetOf(this.#entry(DT_STRTAB));
    this.#stringsSize = this.#entry(DT_STRSZ);
    if (this.#entry(DT_SYMENT) !== SYMBOL_SIZE) fail("its symbols have an unknown size");
  }

  /**
   * The symbols of the dynamic table, which on every linker's output ends where the strings or another table
   * begins.
   */
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

  /**
   * File offsets of all dynamic strings in use: names of symbols, of needed libraries and of their versions.
   */
  stringUses(symbols: readonly DynamicSymbol[]): Set<number> {
    const uses = new Set(symbols.map((symbol) => symbol.nameOffset));
    for (const { tag, value } of this.#dynamic) {
      if ([DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH].includes(tag)) uses.add(this.#stringOffset(value));
    }
    return uses;
  }

  /** DT_NEEDED: names of the libraries that it is linked with. */
  neededLibraries(): string[] {
    return this.#dynamic.filter((entry) => entry.tag === DT_NEEDED)
      .map((entry) => this.textAt(this.#stringOffset(entry.value)));
  }

  /** File offsets, start and end, of what is mapped and never written to: code and constants. */
  constantRanges(): { readonly start: number; readonly end: number }[] {
    return this.#segments.filter((segment) => segment.type === PT.load && (segment.flags & PF.write) === 0)
      .map((segment) => ({ start: segment.offset, end: segment.offset + segment.fileSize }));
  }

  textAt(offset: number): string {
    const end = this.#bytes.indexOf(0, offset);
    return new TextDecoder("latin1").decode(this.#bytes.subarray(offset, end));
  }

  #readDynamic(): { tag: number; value: number }[] {
    const segment = this.#segments.find((candidate) => candidate.type === PT.dynamic);
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

  #segmentOf(address: number): ProgramHeader | undefined {
    return this.#segments.find((segment) =>
      segment.type === PT.load && address >= segment.address && address < segment.address + segment.fileSize
    );
  }

  #word(at: number): number {
    // Addresses of an executable are far below 2^53; tags above it are none that matter here.
    return Number(this.#view.getBigUint64(at, true));
  }
}
