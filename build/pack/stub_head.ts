/**
 * The table at the start of the stub, packed as struct stub_head of native/stub/stub.h has it. Must never
 * write a table that is larger than the structure, nor into anything that does not begin with the stub's
 * magic.
 */
import { ENTRY_SIZE, type ProgramHeader, writeHeader } from "./program_headers.ts";

const MAGIC = "REEVE\0S1";
const MAX_SEGMENTS = 6;
const MAX_FILES = 8;
const MAX_HEADERS = 16;
const NAME_SIZE = 32;
const SEGMENT_SIZE = 40;
const FILE_SIZE = 16 + NAME_SIZE;

const HOOK = 8;
const HOOK_SHORT = 16;
const PROGRAM_ENTRY = 24;
const LOADER_ENTRY = 32;
const LOADER_SPAN = 40;
const SEGMENT_COUNT = 48;
const FILE_COUNT = 52;
const HELD_SIGNALS = 56;
const SEGMENTS = 64;
const FILES = SEGMENTS + MAX_SEGMENTS * SEGMENT_SIZE;
/** The offset of the copied program headers from the stub's start. */
export const HEADERS = FILES + MAX_FILES * FILE_SIZE;
const ENVIRONMENT = HEADERS + MAX_HEADERS * ENTRY_SIZE;
const ENVIRONMENT_SIZE = 512;
/** The variables that the stack has room for: it grows by a word for each. */
const MAX_VARIABLES = 31;
const HEAD_SIZE = ENVIRONMENT + ENVIRONMENT_SIZE;

export interface StubTable {
  readonly programEntry: number;
  readonly loaderEntry: number;
  readonly loaderSpan: number;
  /** Parts of ld.so; `offset` from the start of the executable, `flags` as PF_*. */
  readonly segments: readonly ProgramHeader[];
  readonly files: readonly { readonly name: string; readonly offset: number; readonly size: number }[];
  /** For ld.so. */
  readonly headers: readonly ProgramHeader[];
  /** NAME=value that the program is started with, as struct stub_head has them. */
  readonly environment: readonly string[];
  /** Bit n-1 stands for signal n. */
  readonly heldSignals: bigint;
}

export function hasStubMagic(bytes: Uint8Array): boolean {
  return new TextDecoder("latin1").decode(bytes.subarray(0, MAGIC.length)) === MAGIC;
}

/** Addresses of the two hooks, which a linked stub brings along: where `call *[address]` finds them. */
export const HOOK_POINTERS = { hook: HOOK, hookShort: HOOK_SHORT } as const;

/** The address of the hook itself. */
export function readHook(stub: Uint8Array): number {
  return Number(new DataView(stub.buffer, stub.byteOffset).getBigUint64(HOOK, true));
}

/** Fills the table of a stub. Throws Error when something does not fit. */
export function writeTable(stub: Uint8Array, table: StubTable): void {
  if (!hasStubMagic(stub) || stub.length < HEAD_SIZE) {
    throw new Error("the stub does not begin with its table");
  }
  if (table.segments.length > MAX_SEGMENTS) throw new Error(`ld.so has ${table.segments.length} segments`);
  if (table.files.length > MAX_FILES) throw new Error(`there are ${table.files.length} libraries`);
  if (table.headers.length > MAX_HEADERS) {
    throw new Error(`there are ${table.headers.length} program headers`);
  }
  const environment = new TextEncoder().encode(table.environment.map((entry) => `${entry}\0`).join(""));
  if (environment.length >= ENVIRONMENT_SIZE || table.environment.length > MAX_VARIABLES) {
    throw new Error(`there are ${table.environment.length} variables of ${environment.length} bytes`);
  }
  stub.set(environment, ENVIRONMENT);
  const view = new DataView(stub.buffer, stub.byteOffset, stub.byteLength);
  const word = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  word(PROGRAM_ENTRY, table.programEntry);
  word(LOADER_ENTRY, table.loaderEntry);
  word(LOADER_SPAN, table.loaderSpan);
  view.setUint32(SEGMENT_COUNT, table.segments.length, true);
  view.setUint32(FILE_COUNT, table.files.length, true);
  view.setBigUint64(HELD_SIGNALS, table.heldSignals, true);
  table.segments.forEach((segment, index) => {
    const at = SEGMENTS + index * SEGMENT_SIZE;
    const words = [segment.address, segment.offset, segment.fileSize, segment.memorySize];
    words.forEach((value, place) => word(at + place * 8, value));
    view.setUint32(at + 32, protection(segment.flags), true);
  });
  table.files.forEach((file, index) => {
    const at = FILES + index * FILE_SIZE;
    const name = new TextEncoder().encode(file.name);
    if (name.length >= NAME_SIZE) {
      throw new Error(`the name "${file.name}" is longer than ${NAME_SIZE - 1} bytes`);
    }
    word(at, file.offset);
    word(at + 8, file.size);
    stub.set(name, at + 16);
  });
  table.headers.forEach((header, index) => writeHeader(stub, HEADERS + index * ENTRY_SIZE, header));
}

/** PF_X, PF_W, PF_R are 1, 2, 4; PROT_READ, PROT_WRITE, PROT_EXEC as well, in that order. */
function protection(flags: number): number {
  return (flags & 2) | ((flags & 4) >> 2) | ((flags & 1) << 2);
}
