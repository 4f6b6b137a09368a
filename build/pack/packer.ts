/**
 * Makes the executable that Bun compiled one that runs on every Linux: it carries its own dynamic loader and
 * C library, and a stub that starts them from the file itself. docs/any-linux.md tells how and why.
 *
 * Must never return an executable that only might work: input that does not look exactly as expected is
 * refused.
 */
import { LARGEST_PAGE, type NativeTarget } from "../../native/compile.ts";
import { Elf } from "../elf.ts";
import { refuseClone3 } from "./clone3.ts";
import type { Glibc } from "./glibc.ts";
import { patchLoader } from "./loader.ts";
import {
  dropSections,
  type ElfHeader,
  ENTRY_SIZE,
  ET,
  PF,
  type ProgramHeader,
  PT,
  readElf,
  sectionNames,
  writeEntry,
  writeHeader,
} from "./program_headers.ts";
import { hasStubMagic, HEADERS, HOOK_POINTERS, readHook, type StubTable, writeTable } from "./stub_head.ts";

/** The order of Bun 1.4's program headers. */
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

/** The stub's work before the runtime starts; as struct stub_head of native/stub/stub.h has it. */
export interface Preparation {
  /** Variables for the runtime. */
  readonly environment: readonly string[];
  /** Signals that are blocked; bit n-1 stands for signal n. */
  readonly heldSignals: bigint;
}

/** Compiles the stub to run at an address. -> an ELF file of one segment. */
export type StubCompiler = (target: NativeTarget, address: number) => Uint8Array;

/** -> the packed executable's bytes. Throws Error that says what was not as expected. */
export function packExecutable(
  plain: Uint8Array,
  glibc: Glibc,
  compileStub: StubCompiler,
  preparation: Preparation = { environment: [], heldSignals: 0n },
): Uint8Array {
  const program = readProgram(plain, glibc);
  const { target, headers } = program;
  const page = LARGEST_PAGE[target];
  const lastLoad = headers.filter((header) => header.type === PT.load).at(-1);
  if (lastLoad === undefined) throw refusal("it has nothing to load");

  // One page is left free, so that the heap, which begins behind the last segment, never touches the
  // program's.
  const stubAddress = roundUp(lastLoad.address + lastLoad.memorySize, page) + page;
  const stub = linkedStub(compileStub(target, stubAddress), target, stubAddress, page);
  const loaderFile = glibc.files[0];
  if (loaderFile === undefined) throw new Error("cannot pack: glibc has no files");
  const loader = naming(loaderFile.name, () =>
    patchLoader(loaderFile.bytes, target, {
      pointer: stubAddress + HOOK_POINTERS.hook,
      shortPointer: stubAddress + HOOK_POINTERS.hookShort,
      hook: readHook(stub.bytes),
    }));

  const libraries = glibc.files.slice(1).map(({ name, bytes }) => ({
    name,
    bytes: name === "libc.so.6" ? naming(name, () => refuseClone3(bytes, target)) : bytes,
  }));
  const parts = [{ name: loaderFile.name, bytes: loader.bytes }, ...libraries];
  const stubOffset = roundUp(plain.length, page);
  let end = stubOffset + stub.bytes.length;
  const files = parts.map(({ name, bytes }) => {
    const offset = end;
    end = roundUp(offset + bytes.length, page);
    return { name, bytes, offset, size: bytes.length };
  });

  const loaderOffset = files[0]?.offset ?? 0;
  const table: StubTable = {
    programEntry: program.entry,
    loaderEntry: loader.entry,
    loaderSpan: roundUp(loader.span, page),
    segments: loader.segments.map((segment) => ({ ...segment, offset: segment.offset + loaderOffset })),
    files,
    // ld.so finds its program's place in memory by the address that PT_PHDR has here.
    headers: headers.map((header) =>
      header.type === PT.phdr ? { ...header, address: stubAddress + HEADERS } : header
    ),
    ...preparation,
  };
  writeTable(stub.bytes, table);

  const packed = new Uint8Array(end);
  packed.set(plain);
  packed.set(stub.bytes, stubOffset);
  for (const file of files) packed.set(file.bytes, file.offset);
  writeHeaders(packed, program, {
    type: PT.load,
    flags: PF.read | PF.execute,
    offset: stubOffset,
    address: stubAddress,
    fileSize: stub.bytes.length,
    memorySize: stub.bytes.length,
    align: page,
  });
  writeEntry(packed, stub.entry);
  // strip(1) would take the appended parts away; without sections it refuses the file.
  dropSections(packed);
  return packed;
}

/** The stub takes PT_INTERP's place, after the last PT_LOAD: the kernel wants them in ascending order. */
function writeHeaders(packed: Uint8Array, program: ElfHeader, stub: ProgramHeader): void {
  const kept = program.headers.filter((header) => header.type !== PT.interp);
  const last = kept.findLastIndex((header) => header.type === PT.load);
  kept.toSpliced(last + 1, 0, stub).forEach((header, index) =>
    writeHeader(packed, program.tableOffset + index * ENTRY_SIZE, header)
  );
}

function readProgram(plain: Uint8Array, glibc: Glibc): ElfHeader {
  const program = naming("the executable", () => readElf(plain));
  const packed = program.headers.find((header) =>
    header.type === PT.load && hasStubMagic(plain.subarray(header.offset, header.offset + header.fileSize))
  );
  if (packed !== undefined) throw refusal("it is packed already");
  if (program.type === ET.dyn) throw refusal("it is position-independent (PIE), wanted a fixed address");
  if (program.type !== ET.exec) throw refusal("it is no executable");
  const types = program.headers.map((header) => header.type);
  if (types.length !== LAYOUT.length || !types.every((type, index) => type === LAYOUT[index])) {
    const shown = types.map((type) => `0x${type.toString(16)}`).join(" ");
    throw refusal(
      `its program headers are ${shown}: this version of Bun differs from the one that the packer was written for`,
    );
  }
  const loads = program.headers.filter((header) => header.type === PT.load);
  if (loads.some((load) => load.address + load.memorySize > 2 ** 31 - 2 ** 24)) {
    throw refusal("it is linked to a place above 2 GiB");
  }
  const names = sectionNames(plain);
  if (!names.includes(".bun")) {
    throw refusal('it has no section ".bun": it is no executable that Bun compiled');
  }
  if (!names.includes(".symtab")) {
    throw refusal("it is stripped, which takes the program out of Bun's executables");
  }
  const needed = naming("the executable", () => new Elf(plain).neededLibraries());
  const unknown = needed.filter((name) => !glibc.files.some((file) => file.name === name));
  if (unknown.length > 0) {
    throw refusal(`it needs ${unknown.join(", ")}, which is not bundled: is it Bun's build for musl?`);
  }
  return program;
}

/** The one segment of the linked stub, in whole pages. */
function linkedStub(
  file: Uint8Array,
  target: NativeTarget,
  address: number,
  page: number,
): { readonly bytes: Uint8Array; readonly entry: number } {
  const elf = naming("the stub", () => readElf(file));
  const loads = elf.headers.filter((header) => header.type === PT.load);
  const [load] = loads;
  if (load === undefined || loads.length !== 1 || load.address !== address || elf.target !== target) {
    throw new Error(`cannot pack: the stub was not linked as one segment at 0x${address.toString(16)}`);
  }
  if (load.fileSize !== load.memorySize) {
    throw new Error("cannot pack: the stub has variables, and nowhere to keep them");
  }
  const bytes = new Uint8Array(roundUp(load.fileSize, page));
  bytes.set(file.subarray(load.offset, load.offset + load.fileSize));
  return { bytes, entry: elf.entry };
}

function refusal(detail: string): Error {
  return new Error(`cannot pack the executable: ${detail}`);
}

function naming<Result>(what: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot pack ${what}: ${detail}`, { cause: error });
  }
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
