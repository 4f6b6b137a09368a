/**
 * ELF files made by hand, of a few KB: what Bun's compiler leaves, as far as the packer looks at it, with one
 * thing or another that is not as expected.
 */
import { ENTRY_SIZE, type ProgramHeader, PT, writeHeader } from "../../build/pack/program_headers.ts";

const BASE = 0x200000;
const SIZE = 0x3000;
const DYNAMIC = 0x2000;
const STRINGS = 0x2400;
const SYMBOLS = 0x2300;
const SECTIONS = 0x2800;
const SECTION_NAMES = 0x2700;

export interface ProgramOptions {
  readonly machine?: number;
  /** ET_EXEC unless told. */
  readonly type?: number;
  readonly needed?: readonly string[];
  readonly sections?: readonly string[];
  /** Types of the program headers, in order. */
  readonly layout?: readonly number[];
}

const LAYOUT = [
  PT.phdr,
  PT.interp,
  PT.load,
  PT.load,
  PT.load,
  PT.tls,
  PT.dynamic,
  PT.gnuStack,
  PT.note,
] as const;

/** A file with the layout of Bun's executables; it cannot run. */
export function bunProgram(options: ProgramOptions = {}): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SIZE);
  const view = new DataView(bytes.buffer);
  const layout = options.layout ?? LAYOUT;
  view.setUint32(0, 0x7f454c46, false);
  bytes.set([2, 1, 1], 4);
  view.setUint16(16, options.type ?? 2, true);
  view.setUint16(18, options.machine ?? 62, true);
  const words: readonly (readonly [number, number])[] = [[24, BASE + 0x1000], [32, 64], [40, SECTIONS]];
  for (const [at, value] of words) view.setBigUint64(at, BigInt(value), true);
  view.setUint16(54, ENTRY_SIZE, true);
  view.setUint16(56, layout.length, true);
  let load = 0;
  layout.forEach((type, index) =>
    writeHeader(bytes, 64 + index * ENTRY_SIZE, header(type, type === PT.load ? load++ : 0))
  );
  writeDynamic(view, options.needed ?? ["libc.so.6", "ld-linux-x86-64.so.2", "libm.so.6"]);
  writeSections(view, options.sections ?? ["", ".text", ".bun", ".symtab"]);
  return bytes;
}

function header(type: number, load: number): ProgramHeader {
  const at = (offset: number, size: number): ProgramHeader => ({
    type,
    flags: 4 + load,
    offset,
    address: BASE + offset,
    fileSize: size,
    memorySize: size,
    align: 0x1000,
  });
  if (type === PT.load) return at(load * 0x1000, 0x1000);
  if (type === PT.dynamic) return at(DYNAMIC, 0x200);
  return at(64, 8);
}

function writeDynamic(view: DataView, needed: readonly string[]): void {
  let at = DYNAMIC;
  const entry = (tag: number, value: number): void => {
    view.setBigUint64(at, BigInt(tag), true);
    view.setBigUint64(at + 8, BigInt(value), true);
    at += 16;
  };
  let name = 1;
  for (const library of needed) {
    entry(1, name);
    writeText(view, STRINGS + name, library);
    name += library.length + 1;
  }
  entry(5, BASE + STRINGS);
  entry(10, 0x100);
  entry(6, BASE + SYMBOLS);
  entry(11, 24);
}

function writeSections(view: DataView, names: readonly string[]): void {
  const all = [...names, ".shstrtab"];
  view.setUint16(58, 64, true);
  view.setUint16(60, all.length, true);
  view.setUint16(62, all.length - 1, true);
  let name = 0;
  all.forEach((text, index) => {
    view.setUint32(SECTIONS + index * 64, name, true);
    writeText(view, SECTION_NAMES + name, text);
    name += text.length + 1;
  });
  view.setBigUint64(SECTIONS + (all.length - 1) * 64 + 24, BigInt(SECTION_NAMES), true);
}

function writeText(view: DataView, at: number, text: string): void {
  new Uint8Array(view.buffer, at, text.length).set(new TextEncoder().encode(text));
}
