/**
 * The header and the program headers of a 64-bit little-endian ELF file, read and written: what the kernel
 * and ld.so look at. Must never let an offset through that lies outside the file.
 */
import type { NativeTarget } from "../../native/compile.ts";

export const PT = {
  load: 1,
  dynamic: 2,
  interp: 3,
  note: 4,
  phdr: 6,
  tls: 7,
  gnuStack: 0x6474e551,
} as const;
export const ET = { exec: 2, dyn: 3 } as const;
/** Permissions of a segment. */
export const PF = { execute: 1, write: 2, read: 4 } as const;

const MACHINES: Readonly<Record<number, NativeTarget>> = { 62: "x64", 183: "arm64" };
const HEADER_SIZE = 64;
/** Bytes of one program header. */
export const ENTRY_SIZE = 56;

export interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly align: number;
}

export interface ElfHeader {
  readonly type: number;
  readonly target: NativeTarget;
  readonly entry: number;
  readonly headers: readonly ProgramHeader[];
  /** File offset of the program headers. */
  readonly tableOffset: number;
  /** Where the section headers end; 0 when there are none. */
  readonly sectionsEnd: number;
}

/**
 * Throws Error, which says what `bytes` is instead, for anything but a whole ELF file of an architecture that
 * reeve runs on.
 */
export function readElf(bytes: Uint8Array): ElfHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_SIZE || view.getUint32(0, false) !== 0x7f454c46) {
    throw new Error("it is no ELF file");
  }
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new Error("it is no 64-bit little-endian ELF file");
  const machine = view.getUint16(18, true);
  const target = MACHINES[machine];
  if (target === undefined) throw new Error(`it is for machine ${machine}, wanted x86-64 or arm64`);
  const tableOffset = word(view, 32);
  const count = view.getUint16(56, true);
  if (view.getUint16(54, true) !== ENTRY_SIZE) throw new Error("its program headers have an unknown size");
  if (tableOffset + count * ENTRY_SIZE > bytes.length) throw truncated("its program headers", bytes);
  const headers = Array.from(
    { length: count },
    (_, index) => readHeader(view, tableOffset + index * ENTRY_SIZE),
  );
  for (const header of headers) {
    if (header.offset + header.fileSize > bytes.length) throw truncated("a segment", bytes);
    if (header.fileSize > header.memorySize) {
      throw new Error("a segment of it is longer in the file than in memory");
    }
  }
  const sections = word(view, 40);
  const sectionsEnd = sections === 0 ? 0 : sections + view.getUint16(60, true) * view.getUint16(58, true);
  if (sectionsEnd > bytes.length) throw truncated("its section headers", bytes);
  return { type: view.getUint16(16, true), target, entry: word(view, 24), headers, tableOffset, sectionsEnd };
}

/** Names of the sections, in order. Empty where there are none. */
export function sectionNames(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const table = word(view, 40), size = view.getUint16(58, true), count = view.getUint16(60, true);
  if (table === 0 || count === 0) return [];
  const strings = word(view, table + view.getUint16(62, true) * size + 24);
  return Array.from({ length: count }, (_, index) => {
    const at = strings + view.getUint32(table + index * size, true);
    return new TextDecoder("latin1").decode(bytes.subarray(at, bytes.indexOf(0, at)));
  });
}

export function writeHeader(bytes: Uint8Array, at: number, header: ProgramHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(at, header.type, true);
  view.setUint32(at + 4, header.flags, true);
  // The physical address, which nothing on Linux reads, is the virtual one.
  const words = [
    header.offset,
    header.address,
    header.address,
    header.fileSize,
    header.memorySize,
    header.align,
  ];
  words.forEach((value, index) => view.setBigUint64(at + 8 + index * 8, BigInt(value), true));
}

export function writeEntry(bytes: Uint8Array, entry: number): void {
  new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(24, BigInt(entry), true);
}

/** The section headers are for linkers and debuggers alone. */
export function dropSections(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setBigUint64(40, 0n, true); // where they are
  view.setUint16(60, 0, true); // how many
  view.setUint16(62, 0, true); // which has their names
}

function readHeader(view: DataView, at: number): ProgramHeader {
  return {
    type: view.getUint32(at, true),
    flags: view.getUint32(at + 4, true),
    offset: word(view, at + 8),
    address: word(view, at + 16),
    fileSize: word(view, at + 32),
    memorySize: word(view, at + 40),
    align: word(view, at + 48),
  };
}

function truncated(what: string, bytes: Uint8Array): Error {
  return new Error(`it is truncated: ${what} would lie beyond its end at ${bytes.length} bytes`);
}

/** Above 2^53 precision is lost, and no such number is within a file. */
function word(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}
